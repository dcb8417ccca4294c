/**
 * Text from outside. It is escaped like all text; beyond that it must not pretend: characters that nobody sees or that
 * turn the direction of writing are shown by their code points, and text of another direction stays in its own place.
 */
import { type Html, html, type Part } from './html.ts';

/**
 * Control and format characters, separators of lines, and all that is drawn as nothing. Not the variation selectors,
 * which only say how the character before them looks.
 */
const UNSEEN =
  /[[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]--[\uFE00-\uFE0F]]/gv;
const UNSEEN_BUT_LINES =
  /[[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]--[\uFE00-\uFE0F\n\t]]/gv;

/** One line of text: a name, a subject, an address. */
export function text(value: string): Html {
  return html`<bdi>${visible(value, UNSEEN)}</bdi>`;
}

/** Text of several lines, which stay where they are. */
export function prose(value: string): Html {
  return html`<div class="prose" dir="auto">${visible(value, UNSEEN_BUT_LINES)}</div>`;
}

/** Text of several lines without any markup, its unseen characters in brackets. */
export function visibleLines(value: string): string {
  return value.replaceAll(UNSEEN_BUT_LINES, (character) => `[U+${hex(character.codePointAt(0)!)}]`);
}

/** JSON, indented, whose unseen characters are escaped the way JSON does: it can still be copied. */
export function jsonText(value: unknown): string {
  return JSON.stringify(value, undefined, 2).replaceAll(UNSEEN_BUT_LINES, (character) =>
    Array.from(character.split(''), (unit) => `\\u${hex(unit.charCodeAt(0))}`).join(''),
  );
}

function visible(value: string, unseen: RegExp): Part {
  const parts: Part[] = [];
  let end = 0;
  for (const { 0: character, index } of value.matchAll(unseen)) {
    parts.push(value.slice(end, index), mark(character));
    end = index + character.length;
  }
  return end === 0 ? value : [...parts, value.slice(end)];
}

function mark(character: string): Html {
  return html`<mark title="a character that is not seen">U+${hex(character.codePointAt(0)!)}</mark>`;
}

function hex(code: number): string {
  return code.toString(16).toUpperCase().padStart(4, '0');
}
