/**
 * Regular expressions in the syntax of RE2 (no look-around, no back-references), by an engine whose work grows in
 * proportion to the text, whatever the expression: there is none that hangs on a text made for it.
 */
import { RE2JS } from 're2js';

export interface RegularExpression {
  /** About the steps for each character of a text. */
  readonly size: number;
  /** Whether it is found anywhere in the text; `^` and `$` tie it to the ends. */
  isIn(text: string): boolean;
}

export const EXPRESSION_CHARACTERS_MAX = 500;

/**
 * Compiling costs more than searching, and the same few expressions are asked for again with every event. What is held
 * is a function of the pattern alone, and is dropped as a whole when there are too many.
 */
const compiled = new Map<string, RegularExpression | undefined>();
const COMPILED_MAX = 2_000;

/** Undefined for a text that is no expression, or a longer one than is taken. */
export function regularExpression(pattern: string): RegularExpression | undefined {
  if (!compiled.has(pattern)) {
    if (compiled.size >= COMPILED_MAX) compiled.clear();
    compiled.set(pattern, compile(pattern));
  }
  return compiled.get(pattern);
}

function compile(pattern: string): RegularExpression | undefined {
  if (pattern === '' || pattern.length > EXPRESSION_CHARACTERS_MAX) return undefined;
  // Counted before it is compiled: a nest of repetitions takes its memory and time while compiling.
  if (repetitionsOf(pattern) > REPETITIONS_MAX) return undefined;
  try {
    const expression = RE2JS.compile(pattern);
    return { size: expression.programSize(), isIn: (text) => expression.test(text) };
  } catch {
    return undefined;
  }
}

/** All repetition counts multiplied: what a nest of them can unfold to, at worst. */
const REPETITIONS_MAX = 1_000;

function repetitionsOf(pattern: string): number {
  const counts = pattern.matchAll(/\{(\d{1,9})(?:,(\d{0,9}))?\}/g);
  return [...counts].reduce((product, [, least, most]) => {
    return product * Math.max(1, Number(least), Number(most || 0));
  }, 1);
}
