/** Who looked at what, and who took what with them: for Auditors, whose own looks are in it too. */
import type { AccessedThing, RecordedAccess } from '../../../stores/access.ts';
import { type Html, html, type Part } from '../html.ts';
import type { Page } from '../layout.ts';
import { code } from '../parts/facts.ts';
import { when } from '../parts/times.ts';
import { text } from '../text.ts';

export interface AccessesPage {
  readonly accesses: readonly RecordedAccess[];
  readonly person: string | undefined;
  readonly act: string | undefined;
  /** The address of the next page; undefined on the last. */
  readonly next: string | undefined;
}

export function accessesPage({ accesses, person, act, next }: AccessesPage): Page {
  return {
    title: 'Access record',
    place: 'Access record',
    main: html`<h1>Access record</h1>
    <p>Who looked at what reviews, events and dead letters say, and who took it with them. A line is kept before anything is shown.</p>
    <form class="filters" method="get" action="/console/accesses" aria-label="Filters">
      <label>Person <input name="person" value="${person ?? ''}" maxlength="100" autocapitalize="none" spellcheck="false"></label>
      <label>Act <select name="act">
        ${[
          ['', 'any'],
          ['look', 'looked at'],
          ['export', 'exported'],
        ].map(
          ([value, words]) =>
            html`<option value="${value}"${value === (act ?? '') && html` selected`}>${words}</option>`,
        )}
      </select></label>
      <button>Filter</button>
    </form>
    ${accesses.length === 0 ? empty : table(accesses)}
    ${next !== undefined && html`<nav class="pager" aria-label="Pages"><a href="${next}" rel="next">Older</a></nav>`}`,
  };
}

const empty = html`<div class="empty"><h2>Nothing like that is on record</h2>
      <p><a href="/console/accesses">Show everything</a></p></div>`;

function table(accesses: readonly RecordedAccess[]): Html {
  return html`<div class="scroll" tabindex="0" role="group" aria-label="Access record"><table>
      <thead><tr><th scope="col">When</th><th scope="col">Who</th><th scope="col">Did</th><th scope="col">What</th><th scope="col">By</th></tr></thead>
      <tbody>${accesses.map(
        ({ personName, act, thing, thingId, way, accessedAt }) => html`
        <tr><td>${when(accessedAt)}</td><th scope="row">${text(personName)}</th>
          <td>${act === 'look' ? 'looked at' : html`<span class="badge warning">exported</span>`}</td>
          <td>${thing} ${link(thing, thingId)}</td><td>${way}</td></tr>`,
      )}</tbody>
    </table></div>`;
}

const pages: Readonly<Record<AccessedThing, string | undefined>> = {
  review: 'reviews',
  event: 'events',
  payload: 'events',
  evidence: 'events',
  'dead letter': 'dead-letters',
  'access record': undefined,
};

function link(thing: AccessedThing, id: string): Part {
  const page = pages[thing];
  if (page === undefined) return null;
  return html`<a href="/console/${page}/${id}">${code(id)}</a>`;
}
