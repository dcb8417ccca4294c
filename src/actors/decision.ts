/**
 * The decision command: the only way in which anything is decided. The endpoint calls it, and so will every other way.
 *
 *     lock      the review: acts on it follow one another, so of two last approvals the second finds it decided
 *     read      the round, its acts, the person's roles, the rows that the reviewers are shown, the ledger's health
 *     judge     whether the act may be done, and whether the round ends with it
 *     keep      the act; and, when the round ends, the decision, with those on the reviews that contradict this one
 *     COMMIT    from here it is decided; the ledger has not heard of it
 *     hand on   to awaiting-decision, which sends it to the ledger, an escalation as well. When the queue store is down
 *               the answer is the same: the decision is on record, and the reconciler sends it again
 */
import {
  actOnContradicting,
  type AdmittedAct,
  admitAct,
  concludeRound,
  type Decide,
  type DecisionAnswer,
  type DecisionRequest,
  type ShownReview,
} from '../domain/approval.ts';
import {
  decisionDigest,
  type DecisionState,
  type EndedRound,
  type GivenApproval,
  isApproving,
  isFinalised,
} from '../domain/decision.ts';
import { approvalIdOf, type DecisionId, type ReviewId } from '../domain/ids.ts';
import type { Log } from '../domain/log.ts';
import { isRefusal, type Refusal, refuse } from '../domain/problem.ts';
import { startRound } from '../domain/review.ts';
import { epochMsOf, type Timestamp, timestampOfMs } from '../domain/time.ts';
import type { Send } from '../queues/broker.ts';
import type { Database } from '../stores/database.ts';
import {
  type DecisionStore,
  type OpenCase,
  openDecisionStore,
  type ReviewCase,
} from '../stores/decision.ts';
import { type CommitFault, commitSurely } from './commit.ts';
import type { Failpoint, PointOf } from './failpoint.ts';
import { errorClassOf } from './fault.ts';
import { HAND_ON_MS_MAX, within } from './time-limit.ts';

export interface DecisionCommandOptions {
  /** Sessions of the decision domain. */
  readonly database: Database;
  readonly send: Send<'awaiting-decision'>;
  readonly log: Log;
  readonly failpoint?: Failpoint<PointOf<'decision'>> | undefined;
}

const INSUFFICIENT_PRIVILEGE = '42501';

export function createDecide(options: DecisionCommandOptions): Decide {
  const { database, send, log, failpoint } = options;

  const record = (request: DecisionRequest): Promise<DecisionAnswer | Refusal> => {
    let isFinal = false;
    const commitSent = async () => (isFinal ? failpoint?.('finalise_commit_sent') : undefined);
    return commitSurely(
      database,
      async (tx) => {
        const answer = await act(request, openDecisionStore(tx));
        isFinal = !isRefusal(answer) && isFinalised(answer.state);
        await failpoint?.(isFinal ? 'finalise_before_commit' : 'approval_before_commit');
        return answer;
      },
      failpoint && { commitSent },
    );
  };

  const decide = async (request: DecisionRequest): Promise<DecisionAnswer | Refusal> => {
    try {
      // A guard of the database says no to what was allowed by the rows just read when a role was taken away in between.
      // Read and judged again, the act is refused with its reason.
      return await record(request).catch((fault: CommitFault) =>
        isRefusedByGuard(fault) ? record(request) : Promise.reject(fault),
      );
    } catch (error) {
      return refusalOf(error as CommitFault, request);
    }
  };

  const refusalOf = ({ code, cause }: CommitFault, request: DecisionRequest): Refusal => {
    const { reviewId } = request;
    if (cause instanceof RefusedTogether) return cause.refusal;
    log.error({ reviewId, code, error: cause }, 'an act could not be recorded');
    if (code === 'unavailable') return refuse(code, 'the database does not answer');
    if (code === 'unknown') {
      return refuse('outcome_unknown', 'the database did not say what it did');
    }
    return refuse('internal', 'the act could not be recorded');
  };

  const handOn = async ({ decisionId: id, state, together }: DecisionAnswer): Promise<void> => {
    try {
      if (state === 'pending') return await failpoint?.('approval_committed');
      await failpoint?.('finalise_committed');
      const ids = [id, ...together.map(({ decisionId }) => decisionId)];
      await within(HAND_ON_MS_MAX, send(ids.map(factOf)));
    } catch (error) {
      log.warn({ decisionId: id, error: errorClassOf(error) }, 'a decision was not handed on');
    }
  };

  return async (request) => {
    const answer = await decide(request);
    // A repeat hands on once more: what followed the first time may have been lost.
    if (!isRefusal(answer)) await handOn(answer);
    return answer;
  };
}

const factOf = (id: DecisionId) => ({ type: 'DECISION', id }) as const;

/** Carries a refusal out of a transaction that must leave nothing behind. */
class RefusedTogether extends Error {
  override readonly name = 'RefusedTogether';
  readonly refusal: Refusal;
  constructor(refusal: Refusal) {
    super(refusal.detail);
    this.refusal = refusal;
  }
}

function isRefusedByGuard({ code, cause }: CommitFault): boolean {
  const { code: sqlState } = cause as { readonly code?: unknown };
  return code === 'failed' && sqlState === INSUFFICIENT_PRIVILEGE;
}

async function act(
  request: DecisionRequest,
  store: DecisionStore,
): Promise<DecisionAnswer | Refusal> {
  const { reviewId, personId } = request;
  const isThere = await store.lockReview(reviewId);
  const found = isThere ? await store.caseOf(reviewId, personId) : undefined;
  if (found === undefined) return refuse('unknown_review', 'no review has this id');
  const repeated = await answerToRepeat(request, found, store);
  if (repeated !== undefined) return repeated;
  const admitted = admitAct(found.open, found.reviewer, request);
  if (isRefusal(admitted)) return admitted;
  const contradicting = await store.openContradictions(reviewId);
  const refused =
    refuseUnseen(contradicting, request.together ?? []) ??
    refuseRival(admitted, await store.openCases(contradicting));
  if (refused !== undefined) return refused;
  const answer = await keepAct(admitted, found, store);
  const ending = actOnContradicting(answer.state);
  if (ending === null || contradicting.length === 0) return answer;
  const together = await endContradicting(ending, request, admitted, store);
  // Thrown, so that nothing stands of an act that could not be carried through on all of them.
  if (isRefusal(together)) throw new RefusedTogether(together);
  return { ...answer, together };
}

/** A person decides on all of the reviews that contradict each other, so they have been shown all of them. */
function refuseUnseen(
  open: readonly ReviewId[],
  shown: readonly ShownReview[],
): Refusal | undefined {
  const seen = shown.map(({ reviewId }) => reviewId).toSorted();
  if (seen.join() === open.toSorted().join()) return undefined;
  const detail = `${open.length} open reviews contradict this one and are decided with it: name them as they were shown`;
  return refuse('view_changed', detail);
}

/** People agree on one of them at a time: else whoever approved the other could not reject it with this one. */
function refuseRival({ act }: AdmittedAct, rivals: readonly OpenCase[]): Refusal | undefined {
  if (act !== 'approve' && act !== 'override') return undefined;
  const rival = rivals.find(({ approvals }) => approvals.length > 0);
  return (
    rival &&
    refuse('other_option', `review ${rival.standing.reviewId} contradicts it and has approvals`)
  );
}

/** Ends the open round of each contradicting review by an act of the same person. They are a handful. */
async function endContradicting(
  act: 'reject' | 'escalate',
  { personId, reviewId, together = [] }: DecisionRequest,
  { role, onBehalfOf, justification }: AdmittedAct,
  store: DecisionStore,
): Promise<DecisionAnswer['together'] | Refusal> {
  const ended: DecisionAnswer['together'][number][] = [];
  for (const shown of together) {
    const found = await store.caseOf(shown.reviewId, personId);
    if (found === undefined) return refuse('unknown_review', 'no review has this id');
    const admitted = admitAct(found.open, found.reviewer, {
      act,
      role,
      onBehalfOf: onBehalfOf ?? undefined,
      justification: `Decided together with review ${reviewId}. ${justification}`,
      viewDigest: shown.viewDigest,
    });
    if (isRefusal(admitted)) {
      return {
        ...admitted,
        detail: `review ${shown.reviewId} is decided with it: ${admitted.detail}`,
      };
    }
    const { decisionId, state } = await keepAct(admitted, found, store);
    ended.push({ reviewId: shown.reviewId, decisionId, state });
  }
  return ended;
}

/** What stands of the same act in the round that the person was shown, whatever has happened to the review since. */
async function answerToRepeat(
  { act, option, role, onBehalfOf, personId, reviewId, viewDigest }: DecisionRequest,
  { open: { excluded } }: ReviewCase,
  store: DecisionStore,
): Promise<DecisionAnswer | undefined> {
  const earlier = await store.actOf(personId, reviewId, viewDigest);
  if (earlier === undefined || earlier.act !== act) return undefined;
  if (earlier.optionId !== null && earlier.optionId !== option) return undefined;
  if (role !== undefined && earlier.role !== role) return undefined;
  if (earlier.onBehalfOf !== (onBehalfOf ?? null)) return undefined;
  const { decisionId } = earlier;
  const round = await store.roundOf(decisionId);
  const approvals = await store.approvalsOf(decisionId);
  const { remaining, missing } = concludeRound({ ...round, excluded, approvals });
  return {
    reviewId,
    decisionId,
    round: round.round,
    approvalId: approvalIdOf(decisionId, personId),
    state: round.state,
    remaining,
    missing,
    optionId: round.optionId,
    finalizedAt: round.finalizedAt,
    expiresAt: round.expiresAt,
    together: [],
    isRepeat: true,
  };
}

async function keepAct(
  admitted: AdmittedAct,
  { advisory, standing, approvals: earlier, open, reviewer, now }: ReviewCase,
  store: DecisionStore,
): Promise<DecisionAnswer> {
  const { decisionId, reviewId, round, viewDigest } = standing;
  const { personId } = reviewer;
  if (open.viewDigest !== viewDigest) {
    throw new Error(`the rows behind decision ${decisionId} changed after its round had started`);
  }
  const approvalId = approvalIdOf(decisionId, personId);
  const approval = { approvalId, personId, ...admitted, viewDigest, approvedAt: now };
  await store.keepApproval(decisionId, approval);
  const approvals = [...earlier, { ...approval, inOffice: true }];
  const { proof, ...conclusion } = concludeRound({ ...open, approvals });
  const { state } = conclusion;
  const ids = { reviewId, decisionId, round, approvalId };
  const answer = { ...ids, ...conclusion, together: [], isRepeat: false };
  if (state === 'pending') {
    return { ...answer, optionId: null, finalizedAt: null, expiresAt: null };
  }
  const ended = { ...endedRound(standing, state, approval, approvals), proof };
  await store.endRounds([{ ...ended, rowDigest: decisionDigest(ended, approvals) }]);
  if (state === 'escalated') await store.openRounds([startRound(advisory, round + 1)]);
  else await store.resolveReview(reviewId, now);
  const { optionId, finalizedAt, expiresAt } = ended;
  return { ...answer, optionId, finalizedAt, expiresAt };
}

/** The round as its last act ends it, at the instant of that act. */
function endedRound(
  standing: ReviewCase['standing'],
  state: Exclude<DecisionState, 'pending'>,
  last: GivenApproval,
  approvals: readonly GivenApproval[],
): Omit<EndedRound, 'proof'> {
  const { approvedAt: now } = last;
  return {
    ...standing,
    state,
    optionId: isApproving(state) ? last.optionId : null,
    makerId: last.personId,
    makerRole: last.role,
    justification: jointJustification(isApproving(state) ? approvals : [last]),
    finalizedAt: isFinalised(state) ? now : null,
    escalatedAt: state === 'escalated' ? now : null,
    expiresAt: isApproving(state) ? secondsAfter(now, standing.validForS) : null,
  };
}

/** What those who made the decision said, one line each, in the order in which they said it. */
function jointJustification(approvals: readonly GivenApproval[]): string {
  return approvals
    .filter(({ justification }) => justification !== '')
    .map(({ role, justification }) => `${role}: ${justification}`)
    .join('\n');
}

/** To the millisecond, which is less than an expiry needs. */
function secondsAfter(instant: Timestamp, seconds: number): Timestamp {
  return timestampOfMs(epochMsOf(instant) + seconds * 1_000);
}
