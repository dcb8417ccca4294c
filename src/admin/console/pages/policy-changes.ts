/** Two versions of a policy beside each other, line by line. */
import { structuredPatch } from 'diff';
import type { PolicyVersion } from '../../../stores/audit-policies.ts';
import { type Html, html } from '../html.ts';
import type { Page } from '../layout.ts';
import { jsonText, text } from '../text.ts';

export interface PolicyChangesPage {
  readonly from: PolicyVersion;
  readonly to: PolicyVersion;
  /** The newest first. */
  readonly versions: readonly PolicyVersion[];
}

/** Lines that did not change, around each that did. */
const CONTEXT_LINES = 4;

export function policyChangesPage({ from, to, versions }: PolicyChangesPage): Page {
  const place = `/console/policies/${encodeURIComponent(to.name)}`;
  const { hunks } = structuredPatch(
    '',
    '',
    jsonText(from.definition),
    jsonText(to.definition),
    '',
    '',
    { context: CONTEXT_LINES },
  );
  return {
    title: `Changes of ${to.title}`,
    place: 'Policies',
    main: html`<p class="crumbs"><a href="${place}?version=${to.version}" data-keyboard-up>${text(to.title)}</a></p>
    <h1>Version ${from.version} to version ${to.version}</h1>
    <form class="filters" method="get" action="${place}/changes" aria-label="Versions">
      ${versionChoice('From', 'from', from.version, versions)}
      ${versionChoice('To', 'to', to.version, versions)}
      <button>Compare</button>
    </form>
    ${
      hunks.length === 0
        ? html`<div class="empty"><h2>Nothing differs</h2><p>The two definitions are the same.</p></div>`
        : html`<div class="scroll" tabindex="0" role="group" aria-label="Changed lines"><table class="changes">
      <thead><tr><th scope="col" class="number">Old</th><th scope="col" class="number">New</th><th scope="col">Change</th><th scope="col">Line</th></tr></thead>
      ${hunks.map((hunk) => html`<tbody>${lines(hunk)}</tbody>`)}
    </table></div>`
    }`,
  };
}

interface Hunk {
  readonly oldStart: number;
  readonly newStart: number;
  readonly lines: readonly string[];
}

const kinds: Readonly<Record<string, { readonly look: string; readonly words: string }>> = {
  '+': { look: 'added', words: 'added' },
  '-': { look: 'removed', words: 'removed' },
};

function lines({ oldStart, newStart, lines: all }: Hunk): readonly Html[] {
  let oldLine = oldStart;
  let newLine = newStart;
  return all.map((line) => {
    const mark = line.charAt(0);
    const kind = kinds[mark];
    const old = mark === '+' ? '' : oldLine++;
    const fresh = mark === '-' ? '' : newLine++;
    return html`
        <tr${kind !== undefined && html` class="${kind.look}"`}><td class="number">${old}</td><td class="number">${fresh}</td>
          <td>${kind?.words}</td><td><code>${line.slice(1)}</code></td></tr>`;
  });
}

function versionChoice(
  label: string,
  name: string,
  chosen: number,
  versions: readonly PolicyVersion[],
): Html {
  return html`<label>${label}
        <select name="${name}">${versions.map(
          ({ version, status }) =>
            html`<option value="${version}"${version === chosen && html` selected`}>version ${version}, ${status}</option>`,
        )}</select></label>`;
}
