/**
 * Step-up: on a risk of HIGH and above nobody acts through a session that somebody else may have found open. The person
 * proves who they are, at most five minutes before. A bearer token is proved with each request, so it needs no more.
 */
import { type Refusal, refuse } from './problem.ts';
import type { RiskLevel } from './risk-level.ts';
import { epochMsOf, type Timestamp } from './time.ts';

export const PROOF_MINUTES_MAX = 5;
const levels: readonly RiskLevel[] = ['HIGH', 'CRITICAL', 'UNKNOWN'];

/** `now` by the same clock as `authenticatedAt`. Refusals: `step_up_required`. */
export function refuseStaleProof(
  level: RiskLevel,
  authenticatedAt: Timestamp,
  now: Timestamp,
): Refusal | undefined {
  if (!levels.includes(level)) return undefined;
  const ageMs = epochMsOf(now) - epochMsOf(authenticatedAt);
  if (ageMs <= PROOF_MINUTES_MAX * 60_000) return undefined;
  return refuse(
    'step_up_required',
    `at ${level} the proof of who you are must be at most ${PROOF_MINUTES_MAX} minutes old`,
  );
}
