/** Counts the events that are still under way, where a chain has no other sign that one has come out of it. */
export interface Countdown {
  /** So many more are under way. */
  expect(count: number): void;
  /** One has come out. */
  count(): void;
  /** Resolves when none is under way. */
  zero(): Promise<void>;
}

export function countdown(): Countdown {
  let left = 0;
  let reached = Promise.withResolvers<void>();
  return {
    expect(count) {
      if (left === 0) reached = Promise.withResolvers<void>();
      left += count;
    },
    count() {
      left -= 1;
      if (left === 0) reached.resolve();
    },
    zero: () => (left === 0 ? Promise.resolve() : reached.promise),
  };
}
