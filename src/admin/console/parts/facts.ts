/** Names with what they stand for, and long hexadecimal digits that somebody may want to copy. */
import { type Html, html, type Part } from '../html.ts';

export function facts(rows: readonly (readonly [string, Part])[]): Html {
  return html`<dl class="facts">${rows.map(
    ([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`,
  )}</dl>`;
}

/** Selected as a whole by one click. */
export function code(value: string): Html {
  return html`<code class="whole">${value}</code>`;
}
