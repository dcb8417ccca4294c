/** JSON as it is, folded away until somebody wants it. */
import { type Html, html, type Part } from '../html.ts';
import { jsonText } from '../text.ts';

/** More than a person reads in a page, and little enough for the page to stay small. */
const CHARACTERS_MAX = 16_000;

/** `whole`: where all of it can be had, when a page shows only the beginning. */
export function payload(title: string, value: unknown, whole: string): Html {
  const printed = jsonText(value);
  const isCut = printed.length > CHARACTERS_MAX;
  const shown = isCut ? printed.slice(0, CHARACTERS_MAX).toWellFormed() : printed;
  const rest: Part =
    isCut &&
    html` <span class="muted">The first ${CHARACTERS_MAX.toLocaleString('en')} of
        ${printed.length.toLocaleString('en')} characters.</span>`;
  return html`<details>
      <summary>${title}</summary>
      <p><a class="alone" href="${whole}" download>Download all of it</a>${rest}</p>
      ${block(title, shown)}
    </details>`;
}

/** Scrolls by itself where it is wide; reachable by keyboard for that. */
export function block(label: string, content: string): Html {
  return html`<pre tabindex="0" role="group" aria-label="${label}"><code>${content}</code></pre>`;
}
