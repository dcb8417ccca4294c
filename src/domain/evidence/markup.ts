/** HTML of the report as values: whatever is put into a template is escaped, unless it is HTML already. */

const html = Symbol('html');
export interface Html {
  readonly [html]: string;
}
export type Part = Html | string | null | readonly Part[];

export function markup(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  const texts = parts.map((part, index) => `${textOf(part)}${strings[index + 1]!}`);
  return { [html]: strings[0]! + texts.join('') };
}

export function htmlText(of: Html): string {
  return of[html];
}

function textOf(part: Part): string {
  if (part === null) return '';
  if (typeof part === 'string') return escaped(part);
  return html in part ? part[html] : part.map(textOf).join('');
}

/** What nobody sees, or what turns the direction of writing, must not pretend either: it is shown by its code point. */
const UNSEEN =
  /[[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]--[\uFE00-\uFE0F\n\t]]/gv;
const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escaped(text: string): string {
  return text
    .replaceAll(/[&<>"']/g, (character) => ENTITIES[character]!)
    .replaceAll(UNSEEN, (character) => `[U+${codeOf(character)}]`);
}

function codeOf(character: string): string {
  return character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0');
}
