import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Attempted,
  attemptOutcomeOf,
  type Delivery,
  LOST_DELIVERY,
  RETRY_AFTER_MAX_MS,
  RETRY_DELAYS_MS,
  stepAfter,
} from '../../src/domain/delivery.ts';

const HOUR_MS = 3_600_000;
const answer = {};
const acknowledged: Delivery = { kind: 'acknowledged', detail: 'answered 200', answer };
const refusedConnection: Delivery = { kind: 'retry', detail: 'refused', bytesLeft: false, answer };
const answered500: Delivery = { kind: 'retry', detail: 'answered 500', bytesLeft: true, answer };
const answered429 = (retryAfterMs: number): Delivery => ({
  kind: 'retry',
  detail: 'answered 429',
  bytesLeft: true,
  retryAfterMs,
  answer,
});
const failed = (failure: 'rejected' | 'outcome_unknown'): Delivery => ({
  kind: 'failed',
  failure,
  detail: failure,
  answer,
});

const first = (delivery: Delivery, changed: Partial<Attempted> = {}): Attempted => ({
  delivery,
  attemptNo: 1,
  earlierUnknown: false,
  idempotent: true,
  remainingMs: 1_000 * HOUR_MS,
  ...changed,
});
const MIDDLE = 0.5;
const end = (failureReason: string) => ({ kind: 'end', status: 'failed', failureReason });

describe('what follows an attempt', () => {
  it('is the end when the target acknowledges', () => {
    expect(stepAfter(first(acknowledged), MIDDLE)).toEqual({
      kind: 'end',
      status: 'acknowledged',
      failureReason: null,
    });
  });

  it('is the end when the target says no', () => {
    expect(stepAfter(first(failed('rejected')), MIDDLE)).toEqual(end('rejected'));
  });

  it('is the end, in front of a person, when the target says no to a call that it may have taken before', () => {
    const again = { attemptNo: 2, earlierUnknown: true };
    expect(stepAfter(first(failed('rejected'), again), MIDDLE)).toEqual(end('outcome_unknown'));
  });

  it('is the end, in front of a person, when the answer makes no sense', () => {
    expect(stepAfter(first(failed('outcome_unknown')), MIDDLE)).toEqual(end('outcome_unknown'));
  });

  it('is another attempt after the delays of the schedule: 12 tries in about 26 hours', () => {
    const delays = RETRY_DELAYS_MS.map((_, index) =>
      stepAfter(first(refusedConnection, { attemptNo: index + 1 }), MIDDLE),
    );
    expect(delays).toEqual(RETRY_DELAYS_MS.map((delayMs) => ({ kind: 'again', delayMs })));
    const hours = RETRY_DELAYS_MS.reduce((sum, delayMs) => sum + delayMs, 0) / HOUR_MS;
    expect(RETRY_DELAYS_MS).toHaveLength(11);
    expect(hours).toBeCloseTo(25.7, 1);
  });

  it('is the end after the twelfth: exhausted when nothing ever left, unknown when something did', () => {
    const twelfth = { attemptNo: 12 };
    expect(stepAfter(first(refusedConnection, twelfth), MIDDLE)).toEqual(end('exhausted'));
    expect(stepAfter(first(answered500, twelfth), MIDDLE)).toEqual(end('outcome_unknown'));
    const after500 = { ...twelfth, earlierUnknown: true };
    expect(stepAfter(first(refusedConnection, after500), MIDDLE)).toEqual(end('outcome_unknown'));
  });

  it('is never a second call once bytes have left for a target that may act twice', () => {
    const once = { idempotent: false };
    expect(stepAfter(first(answered500, once), MIDDLE)).toEqual(end('outcome_unknown'));
    expect(stepAfter(first(LOST_DELIVERY, once), MIDDLE)).toEqual(end('outcome_unknown'));
    expect(stepAfter(first(refusedConnection, once), MIDDLE).kind).toBe('again');
  });

  it('waits as long as the target asks, up to an hour, and never less than the schedule', () => {
    const wait = (retryAfterMs: number) => stepAfter(first(answered429(retryAfterMs)), MIDDLE);
    expect(wait(90_000)).toEqual({ kind: 'again', delayMs: 90_000 });
    expect(wait(24 * HOUR_MS)).toEqual({ kind: 'again', delayMs: RETRY_AFTER_MAX_MS });
    expect(wait(1)).toEqual({ kind: 'again', delayMs: RETRY_DELAYS_MS[0] });
  });

  it('is the end when the next attempt would come after the approval has expired', () => {
    const soon = { remainingMs: 4_000 };
    expect(stepAfter(first(refusedConnection, soon), MIDDLE)).toEqual(end('expired'));
    expect(stepAfter(first(answered500, soon), MIDDLE)).toEqual(end('outcome_unknown'));
  });

  it('varies each delay by a fifth to either side', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 11 }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (attemptNo, random) => {
          const step = stepAfter(first(refusedConnection, { attemptNo }), random);
          const scheduledMs = RETRY_DELAYS_MS[attemptNo - 1]!;
          const delayMs = step.kind === 'again' ? step.delayMs : Number.NaN;
          expect(delayMs).toBeGreaterThanOrEqual(scheduledMs * 0.8);
          expect(delayMs).toBeLessThanOrEqual(scheduledMs * 1.2);
        },
      ),
    );
  });

  it('never calls an execution harmlessly failed that may have reached its target', () => {
    const anyDelivery = fc.constantFrom(
      ...[refusedConnection, answered500, LOST_DELIVERY, failed('rejected')],
    );
    fc.assert(
      fc.property(
        anyDelivery,
        fc.integer({ min: 1, max: 20 }),
        fc.boolean(),
        fc.boolean(),
        fc.integer({ min: -10_000, max: 10_000_000 }),
        (delivery, attemptNo, earlierUnknown, idempotent, remainingMs) => {
          const attempted = { delivery, attemptNo, earlierUnknown, idempotent, remainingMs };
          const step = stepAfter(attempted, MIDDLE);
          if (step.kind !== 'end') return;
          const mayHaveActed = earlierUnknown || (delivery.kind === 'retry' && delivery.bytesLeft);
          expect(step.failureReason === 'outcome_unknown').toBe(mayHaveActed);
        },
      ),
    );
  });
});

describe('the record of an attempt', () => {
  it('tells what surely did not happen from what may have', () => {
    expect(attemptOutcomeOf(acknowledged)).toBe('acknowledged');
    expect(attemptOutcomeOf(failed('rejected'))).toBe('rejected');
    expect(attemptOutcomeOf(refusedConnection)).toBe('retry');
    expect(attemptOutcomeOf(answered500)).toBe('outcome_unknown');
    expect(attemptOutcomeOf(LOST_DELIVERY)).toBe('outcome_unknown');
  });
});
