/** One line of the result. */
import type { Summary } from '../measure/statistics.ts';

/** What a value must be to be good enough. */
export type Goal = { readonly atLeast: number } | { readonly atMost: number };

export interface Row {
  readonly section: string;
  readonly name: string;
  /** Median and extremes over the rounds. A value that exists once is all three. */
  readonly summary: Summary;
  /** `events/s`, `ms`, `MB`; `×` for a ratio of two contestants. */
  readonly unit: string;
  readonly goal?: Goal;
}

/** Undefined where nothing was promised. */
export function isMet({ summary: { median }, goal }: Row): boolean | undefined {
  if (goal === undefined) return undefined;
  return 'atLeast' in goal ? median >= goal.atLeast : median <= goal.atMost;
}

/** A value that was measured once. */
export function single(value: number): Summary {
  return { median: value, least: value, most: value };
}
