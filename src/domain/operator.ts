/** What an operator of a condition is; operators.ts lists them all. */
import type { JsonValue } from './json.ts';

export type Scalar = null | boolean | number | string;

export interface Operator {
  /** Completes "the value must be …". */
  readonly expects: string;
  accepts(expected: unknown): boolean;
  /** Completes "…, which cannot be compared: the fact …"; undefined when the operands can be compared. */
  mismatch(actual: JsonValue, expected: JsonValue): string | undefined;
  /** Asked only when there is no mismatch. */
  holds(actual: JsonValue, expected: JsonValue): boolean;
  /** For operators on lists: the elements that made it hold, which is what a person wants to see of a long list. */
  deciding?(actual: readonly JsonValue[], expected: JsonValue): readonly JsonValue[];
  /**
   * For operators that search texts: about how many steps each character of a text takes, for a value that is accepted.
   * One tree of conditions may ask for `PATTERN_STEPS_MAX` together.
   */
  stepsPerCharacter?(expected: JsonValue): number;
  /** Goes through a list or a text however long it is; one tree of conditions may do so `SWEEPS_MAX` times. */
  readonly sweeps?: true;
}

/** Elements of the list that a condition compares with. */
export const VALUES_MAX = 500;

/** An event may have 10,000 values or a text of a megabyte, and going through it takes some milliseconds. */
export const SWEEPS_MAX = 20;

/** With texts of at most `TEXT_CHARACTERS_MAX` it bounds what one event can make one policy cost, to some 50 ms. */
export const PATTERN_STEPS_MAX = 1_000;
/** Characters of the text, or of all texts of a list together, that one condition searches. */
export const TEXT_CHARACTERS_MAX = 4_096;

export const isString = (value: unknown): value is string => typeof value === 'string';

export function kindOf(value: JsonValue): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
