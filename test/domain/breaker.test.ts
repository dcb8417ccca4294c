import { describe, expect, it } from 'vitest';
import {
  afterCall,
  type Breaker,
  CLOSED_BREAKER,
  FAILURES_TO_OPEN,
  PROBE_EVERY_MS,
  placesFor,
} from '../../src/domain/breaker.ts';

const afterFailures = (failures: number, nowMs = 0): Breaker =>
  Array.from({ length: failures }).reduce<Breaker>(
    (breaker) => afterCall(breaker, false, nowMs),
    CLOSED_BREAKER,
  );

describe('circuit breaker', () => {
  it('lets every place be used while it is closed', () => {
    expect(placesFor(CLOSED_BREAKER, 3, 16, 0)).toBe(13);
    expect(placesFor(CLOSED_BREAKER, 16, 16, 0)).toBe(0);
  });

  it('opens after five failures in a row and not after four', () => {
    expect(placesFor(afterFailures(FAILURES_TO_OPEN - 1), 0, 16, 0)).toBe(16);
    expect(placesFor(afterFailures(FAILURES_TO_OPEN), 0, 16, 0)).toBe(0);
  });

  it('counts failures in a row only', () => {
    const recovered = afterCall(afterFailures(FAILURES_TO_OPEN - 1), true, 0);
    expect(placesFor(afterCall(recovered, false, 0), 0, 16, 0)).toBe(16);
  });

  it('lets one probe through every 30 seconds, and none beside it', () => {
    const open = afterFailures(FAILURES_TO_OPEN, 1_000);
    expect(placesFor(open, 0, 16, 1_000 + PROBE_EVERY_MS - 1)).toBe(0);
    expect(placesFor(open, 0, 16, 1_000 + PROBE_EVERY_MS)).toBe(1);
    expect(placesFor(open, 1, 16, 1_000 + PROBE_EVERY_MS)).toBe(0);
  });

  it('puts the next probe off when one fails, and closes when one succeeds', () => {
    const open = afterFailures(FAILURES_TO_OPEN, 0);
    const failedProbe = afterCall(open, false, PROBE_EVERY_MS);
    expect(placesFor(failedProbe, 0, 16, 2 * PROBE_EVERY_MS - 1)).toBe(0);
    expect(placesFor(failedProbe, 0, 16, 2 * PROBE_EVERY_MS)).toBe(1);
    expect(afterCall(open, true, PROBE_EVERY_MS)).toEqual(CLOSED_BREAKER);
  });
});
