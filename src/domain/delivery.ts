/**
 * One call to a target, and what follows from it: the schedule of retries and the three ways in which an execution ends.
 *
 * The rule behind all of it: a failure is only called harmless when nothing left this machine. Once bytes have left, no
 * answer is not a no; it ends as `outcome_unknown` and a person looks, or it is retried where the target promises to act
 * once per idempotency key.
 */
import type { Digest } from './digest.ts';
import type { FailureReason } from './execution.ts';

/** What the target answered, as far as it is kept. */
export interface Answer {
  readonly httpStatus?: number;
  /** Of the body's bytes. */
  readonly responseSha256?: Digest;
}

/** How one call ended. `detail` is one line for the person who looks at the attempt: no secret, no payload. */
export type Delivery =
  | { readonly kind: 'acknowledged'; readonly detail: string; readonly answer: Answer }
  /** Never again: the target said no, or said something that only a person can judge. */
  | {
      readonly kind: 'failed';
      readonly failure: 'rejected' | 'outcome_unknown';
      readonly detail: string;
      readonly answer: Answer;
    }
  | {
      readonly kind: 'retry';
      readonly detail: string;
      /** True as soon as the target may have read any byte of the request. */
      readonly bytesLeft: boolean;
      /** What the target asked us to wait. */
      readonly retryAfterMs?: number | undefined;
      readonly answer: Answer;
    };

/** How the attempt is recorded. `retry`: surely nothing happened. `outcome_unknown`: it may have. */
export type AttemptOutcome = 'acknowledged' | 'rejected' | 'retry' | 'outcome_unknown';

export function attemptOutcomeOf(delivery: Delivery): AttemptOutcome {
  if (delivery.kind === 'acknowledged') return 'acknowledged';
  if (delivery.kind === 'failed') return delivery.failure;
  return delivery.bytesLeft ? 'outcome_unknown' : 'retry';
}

/** An attempt whose dispatcher died before it could say how it ended. */
export const LOST_DELIVERY: Delivery = {
  kind: 'retry',
  detail: 'the dispatcher was lost during the call',
  bytesLeft: true,
  answer: {},
};

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;

/** What lies between two attempts: 12 tries in about 26 hours. */
export const RETRY_DELAYS_MS: readonly number[] = [
  5 * SECOND_MS,
  30 * SECOND_MS,
  2 * MINUTE_MS,
  10 * MINUTE_MS,
  30 * MINUTE_MS,
  1 * HOUR_MS,
  2 * HOUR_MS,
  4 * HOUR_MS,
  6 * HOUR_MS,
  6 * HOUR_MS,
  6 * HOUR_MS,
];
/** Delays vary by this share to either side, so that what failed together does not come back together. */
const JITTER = 0.2;
/** A target may ask for patience; we give it no more than this beyond the schedule. */
export const RETRY_AFTER_MAX_MS = HOUR_MS;

/** Everything that the next step of an execution depends on. */
export interface Attempted {
  readonly delivery: Delivery;
  /** 1 for the first. */
  readonly attemptNo: number;
  /** Whether an earlier attempt may have reached the target. */
  readonly earlierUnknown: boolean;
  /** Whether the target acts once per idempotency key, however often it is asked. */
  readonly idempotent: boolean;
  /** Until the approval expires; zero or less once it has. */
  readonly remainingMs: number;
}

export type NextStep =
  | { readonly kind: 'end'; readonly status: 'acknowledged'; readonly failureReason: null }
  | { readonly kind: 'end'; readonly status: 'failed'; readonly failureReason: FailureReason }
  | { readonly kind: 'again'; readonly delayMs: number };

/**
 * What follows an attempt. `random` is in [0, 1).
 * A retry that could only come after the approval's expiry is not waited for: the execution ends at once.
 */
export function stepAfter(
  attempted: Attempted,
  random: number,
  delaysMs: readonly number[] = RETRY_DELAYS_MS,
): NextStep {
  const { delivery, attemptNo, earlierUnknown, idempotent, remainingMs } = attempted;
  if (delivery.kind === 'acknowledged') {
    return { kind: 'end', status: 'acknowledged', failureReason: null };
  }
  // A no to a repeat does not say what became of the call before it: it may be "I am at it", or "I have done that".
  if (delivery.kind === 'failed')
    return failed(earlierUnknown ? 'outcome_unknown' : delivery.failure);
  const unknown = earlierUnknown || delivery.bytesLeft;
  if (delivery.bytesLeft && !idempotent) return failed('outcome_unknown');
  const scheduledMs = delaysMs[attemptNo - 1];
  if (scheduledMs === undefined) return failed(unknown ? 'outcome_unknown' : 'exhausted');
  const delayMs = waitMs(scheduledMs, random, delivery.retryAfterMs);
  if (delayMs >= remainingMs) return failed(endOfExpired(unknown));
  return { kind: 'again', delayMs };
}

/** How an execution ends whose approval has run out. */
export function endOfExpired(unknown: boolean): FailureReason {
  return unknown ? 'outcome_unknown' : 'expired';
}

function failed(failureReason: FailureReason): NextStep {
  return { kind: 'end', status: 'failed', failureReason };
}

/** The scheduled delay, jittered, or what the target asked for when that is longer. */
function waitMs(scheduledMs: number, random: number, retryAfterMs = 0): number {
  const jitteredMs = Math.round(scheduledMs * (1 - JITTER + 2 * JITTER * random));
  return Math.max(jitteredMs, Math.min(retryAfterMs, RETRY_AFTER_MAX_MS));
}
