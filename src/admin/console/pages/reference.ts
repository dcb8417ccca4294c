/** The API for people: the same description that /openapi.json has for programs. */
import { type Html, html, type Part } from '../html.ts';
import type { Page } from '../layout.ts';
import { block } from '../parts/payload.ts';
import { jsonText, text } from '../text.ts';

/** As much of an OpenAPI document as is shown. */
export interface ApiDescription {
  readonly info: { readonly description?: string };
  readonly paths?: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

interface Content {
  readonly content?: Readonly<Record<string, { readonly schema?: unknown }>>;
}

interface Operation {
  readonly operationId?: string;
  readonly summary?: string;
  readonly tags?: readonly string[];
  readonly security?: readonly object[];
  readonly parameters?: readonly {
    readonly in?: string;
    readonly name?: string;
    readonly required?: boolean;
    readonly schema?: { readonly description?: string };
  }[];
  readonly requestBody?: Content;
  readonly responses?: Readonly<Record<string, Content>>;
}

interface Placed {
  readonly method: string;
  readonly path: string;
  readonly operation: Operation;
}

export function referencePage({ info, paths = {} }: ApiDescription): Page {
  const all = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]): Placed => ({ path, method, operation })),
  );
  const byTag = Map.groupBy(all, ({ operation }) => operation.tags?.[0] ?? 'Other');
  return {
    title: 'API',
    main: html`<h1>API</h1>
    <p>${info.description} Whatever goes wrong is answered with a problem document (RFC 9457).</p>
    <p><a class="alone" href="/openapi.json">The same for programs: OpenAPI 3.1</a></p>
    ${[...byTag].map(
      ([tag, operations]) => html`<section>
      <h2>${tag}</h2>
      ${operations.map(operationCard)}
    </section>`,
    )}`,
  };
}

function operationCard({ method, path, operation }: Placed): Html {
  const { operationId, summary, security = [] } = operation;
  return html`<div class="card">
        <h3><span class="badge plain">${method.toUpperCase()}</span> <code>${path}</code></h3>
        <p>${summary}${security.length > 0 && html` <span class="muted">With a bearer token.</span>`}</p>
        ${parameterTable(operation)}
        ${contents('Body', operation.requestBody, `${operationId}`)}
        ${Object.entries(operation.responses ?? {})
          .filter(([status]) => status !== 'default')
          .map(([status, content]) => contents(`Answer ${status}`, content, `${operationId}`))}
      </div>`;
}

function parameterTable({ operationId, parameters = [] }: Operation): Part {
  if (parameters.length === 0) return null;
  const caption = `Parameters of ${operationId}`;
  return html`<div class="scroll" tabindex="0" role="group" aria-label="${caption}"><table>
        <caption>Parameters</caption>
        <thead><tr><th scope="col">Name</th><th scope="col">In</th><th scope="col">Form</th></tr></thead>
        <tbody>${parameters.map(
          ({ name, in: place, required, schema: { description, ...form } = {} }) => html`
          <tr><th scope="row"><code>${name}</code></th><td>${place}${required !== true && ', optional'}</td>
            <td><code>${jsonText(form)}</code>${description !== undefined && html` ${text(description)}`}</td></tr>`,
        )}</tbody>
      </table></div>`;
}

function contents(title: string, { content = {} }: Content = {}, operationId: string): Part {
  return Object.entries(content).map(
    ([type, { schema }]) => html`<details>
          <summary>${title}: ${type}</summary>
          ${block(`${title} of ${operationId} as ${type}`, jsonText(schema))}
        </details>`,
  );
}
