/** HTML as values: everything put into a template is escaped, unless it is HTML already. The only importer of hono. */
import { html as template } from 'hono/html';

declare const markup: unique symbol;
/** HTML that is safe to send. */
export type Html = { readonly [markup]: true; toString(): string };

/** What may stand in a template. `false`, null and undefined leave nothing. */
export type Part = Html | string | number | false | null | undefined | readonly Part[];

export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  const made: unknown = template(strings, ...parts);
  // The library waits for promises; the types keep them out.
  if (made instanceof Promise) throw new TypeError('a template was given a promise');
  return made as Html;
}
