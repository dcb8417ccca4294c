/** Open reviews, by the real actor, for tests of what people do with them. */
import { awaitingDecisionActor } from '../../src/actors/awaiting-decision.ts';
import type { Role } from '../../src/domain/authority.ts';
import type { Act } from '../../src/domain/judgement.ts';
import type { Digest } from '../../src/domain/digest.ts';
import { type AdvisoryId, type EventId, type ReviewId, reviewIdOf } from '../../src/domain/ids.ts';
import { systemClock } from '../../src/domain/time.ts';
import type { Database } from '../../src/stores/database.ts';
import { openDecisionStore } from '../../src/stores/decision.ts';
import type { EvaluationFacts, Facts } from './facts.ts';

export interface ReviewToDecide {
  readonly reviewId: ReviewId;
  readonly advisoryId: AdvisoryId;
  readonly eventId: EventId;
  /** Of its first round. */
  readonly viewDigest: Digest;
}

/** A review for each advisory of a new evaluation. */
export async function openReviews(
  decision: Database,
  facts: Facts,
  wanted: EvaluationFacts = {},
): Promise<readonly ReviewToDecide[]> {
  const { eventId, evaluationId, advisoryIds } = await facts.evaluation(wanted);
  return decision.transact(async (tx) => {
    const store = openDecisionStore(tx);
    await awaitingDecisionActor.receive(
      [{ type: 'EVALUATION', id: evaluationId }],
      store,
      systemClock,
    );
    const reviews: ReviewToDecide[] = [];
    for (const advisoryId of advisoryIds) {
      const reviewId = reviewIdOf(advisoryId);
      const found = await store.caseOf(reviewId, facts.author);
      const { viewDigest } = found!.standing;
      reviews.push({ reviewId, advisoryId, eventId, viewDigest });
    }
    return reviews;
  });
}

/** The review of a new evaluation with one advisory. */
export async function openReview(
  decision: Database,
  facts: Facts,
  wanted: EvaluationFacts = {},
): Promise<ReviewToDecide> {
  const [review] = await openReviews(decision, facts, wanted);
  return review!;
}

/** What an act says beside who acts: an option where it takes one, and a justification. */
export function saying(
  act: Act,
  { viewDigest }: { readonly viewDigest: string },
  role?: Role,
): {
  act: Act;
  option: string | undefined;
  justification: string;
  viewDigest: string;
  role: Role | undefined;
} {
  const option = act === 'approve' || act === 'override' ? 'restore' : undefined;
  return { act, option, justification: `I ${act} it`, viewDigest, role };
}
