/**
 * Resolves several reviews of one policy by one request: by the decision command, one review after the other, each in a
 * transaction of its own. What fails in the middle leaves decided what was decided, and says so for each review; the same
 * request again goes on where it stopped.
 */
import type { Decide, DecisionAnswer } from '../domain/approval.ts';
import { bulkIdFor, checkBulk, type DecideInBulk, requestsOf } from '../domain/bulk.ts';
import type { ReviewId } from '../domain/ids.ts';
import type { Refusal } from '../domain/problem.ts';
import type { Database } from '../stores/database.ts';
import { openDecisionStore } from '../stores/decision.ts';

/** `database` works under the role of the decision domain. */
export function createDecideInBulk(decide: Decide, database: Database): DecideInBulk {
  return async (request) => {
    const ids = request.reviews.map(({ reviewId }) => reviewId);
    const policies = await database.transact((tx) => openDecisionStore(tx).policiesOf(ids));
    const refusal = checkBulk(request, policies);
    if (refusal !== undefined) return refusal;
    const results: { reviewId: ReviewId; answer: DecisionAnswer | Refusal }[] = [];
    for (const one of requestsOf(request)) {
      results.push({ reviewId: one.reviewId, answer: await decide(one) });
    }
    return { bulkId: bulkIdFor(request), results };
  };
}
