/**
 * A circuit breaker: after some failures in a row nobody is called any more, but for one probe now and then. It keeps a
 * dead target from using up the tries of every execution that waits for it. A value; time comes from the caller.
 */

export interface Breaker {
  readonly failuresInRow: number;
  /** Monotonic. When the next probe may go; undefined while the breaker is closed. */
  readonly probeAtMs: number | undefined;
}

export const CLOSED_BREAKER: Breaker = { failuresInRow: 0, probeAtMs: undefined };
/** Failures in a row that open it. */
export const FAILURES_TO_OPEN = 5;
export const PROBE_EVERY_MS = 30_000;

/** After a call has ended. Calls that were under way when it opened count too: they put the probe off. */
export function afterCall(breaker: Breaker, succeeded: boolean, nowMs: number): Breaker {
  if (succeeded) return CLOSED_BREAKER;
  const failuresInRow = breaker.failuresInRow + 1;
  const opens = failuresInRow >= FAILURES_TO_OPEN;
  return { failuresInRow, probeAtMs: opens ? nowMs + PROBE_EVERY_MS : undefined };
}

/** How many more calls may start while `underWay` are running and `callsMax` may run at once. */
export function placesFor(
  breaker: Breaker,
  underWay: number,
  callsMax: number,
  nowMs: number,
): number {
  if (breaker.probeAtMs === undefined) return Math.max(0, callsMax - underWay);
  return underWay === 0 && nowMs >= breaker.probeAtMs ? 1 : 0;
}
