/** What a set of measurements says. Medians throughout: on a machine with neighbours the mean belongs to them. */

export interface Summary {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

/** @throws RangeError for no values: a median of nothing would be a made-up number. */
export function summarise(values: readonly number[]): Summary {
  const sorted = values.toSorted((one, other) => one - other);
  return { median: percentile(sorted, 50), least: sorted[0]!, most: sorted.at(-1)! };
}

/**
 * The value below which `percent` of the values lie, between neighbours by straight line (definition 7 of Hyndman and
 * Fan, the default of R and NumPy). @throws RangeError for no values.
 */
export function percentile(values: readonly number[], percent: number): number {
  if (values.length === 0) throw new RangeError('a percentile needs at least one value');
  const sorted = values.toSorted((one, other) => one - other);
  const place = ((sorted.length - 1) * percent) / 100;
  const below = sorted[Math.floor(place)]!;
  return below + (sorted[Math.ceil(place)]! - below) * (place - Math.floor(place));
}

/**
 * The ratio of two contestants: the median of the ratios of each round, since what disturbs one round (a neighbour, a
 * checkpoint) mostly disturbs both. Rounds pair up by their index.
 */
export function ratioOf(values: readonly number[], against: readonly number[]): Summary {
  const rounds = Math.min(values.length, against.length);
  return summarise(values.slice(0, rounds).map((value, round) => value / against[round]!));
}
