/**
 * Patterns with wildcards, as people write them: `*` stands for any text, `?` for one character, a backslash before
 * either (or before itself) for the character. Upper and lower case are the same, and a pattern covers the whole text.
 */

export interface Glob {
  /** Steps for each character of a text; none for a pattern without wildcards, which is only compared. */
  readonly size: number;
  /** The text that a pattern without wildcards stands for, in lower case. */
  readonly plain: string | undefined;
  covers(lowerCaseText: string): boolean;
}

const ANY_TEXT = Symbol('*');
const ANY_CHARACTER = Symbol('?');
type Part = string | typeof ANY_TEXT | typeof ANY_CHARACTER;

export const GLOB_CHARACTERS_MAX = 500;
/** Comparing a character is some four times quicker than a step of a regular expression, in which sizes are given. */
const CHARACTERS_PER_STEP = 4;

export function parseGlob(pattern: string): Glob {
  const parts = partsOf(pattern.toLowerCase());
  if (parts.every(isCharacter)) {
    const plain = parts.join('');
    return { size: 0, plain, covers: (text) => text === plain };
  }
  const size = Math.ceil(parts.length / CHARACTERS_PER_STEP);
  return { size, plain: undefined, covers: (text) => isCovered(text, parts) };
}

const isCharacter = (part: Part): part is string => typeof part === 'string';

function partsOf(pattern: string): readonly Part[] {
  const parts: Part[] = [];
  for (let index = 0; index < pattern.length; index += 1) {
    const character = pattern[index]!;
    const next = pattern[index + 1];
    if (character === '\\' && (next === '*' || next === '?' || next === '\\')) {
      parts.push(next);
      index += 1;
    } else if (character === '*') {
      if (parts.at(-1) !== ANY_TEXT) parts.push(ANY_TEXT);
    } else {
      parts.push(character === '?' ? ANY_CHARACTER : character);
    }
  }
  return parts;
}

/**
 * Goes through text and pattern together. At a mismatch only the last `*` seen needs to take one character more: what an
 * earlier one could take, the last one can as well. So the work is at most the product of both lengths.
 */
function isCovered(text: string, parts: readonly Part[]): boolean {
  let at = 0;
  let part = 0;
  let starPart = -1;
  let starAt = 0;
  while (at < text.length) {
    const expected = parts[part];
    if (expected === ANY_TEXT) {
      starPart = part;
      starAt = at;
      part += 1;
    } else if (expected === ANY_CHARACTER || expected === text[at]) {
      at += 1;
      part += 1;
    } else if (starPart >= 0) {
      starAt += 1;
      at = starAt;
      part = starPart + 1;
    } else {
      return false;
    }
  }
  return parts.slice(part).every((rest) => rest === ANY_TEXT);
}
