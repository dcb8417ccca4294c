/**
 * What becomes of a round that nobody decided in time: people are warned, and then the review goes one role higher. It is
 * never approved, and never rejected, by waiting. How long each level may take is said in SQL (`decision.decide_within`),
 * which also refuses an escalation before that.
 */
import { type EndedRound, type Round, SYSTEM } from './decision.ts';
import type { Timestamp } from './time.ts';

/** A pending round past its time. */
export interface OverdueRound extends Round {
  readonly createdAt: Timestamp;
}

/** The round as the system ends it, at `now`. The acts of people in it stand, and count for nothing in the next one. */
export function escalateOverdue(round: OverdueRound, now: Timestamp): EndedRound {
  return {
    ...round,
    state: 'escalated',
    optionId: null,
    makerId: null,
    makerRole: SYSTEM,
    justification: `Round ${round.round} was not decided in the time that ${round.riskLevel} allows.`,
    finalizedAt: null,
    escalatedAt: now,
    expiresAt: null,
    proof: null,
  };
}
