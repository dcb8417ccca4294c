/**
 * Several reviews of one policy under one justification. It spares people typing, never a decision: each review keeps its
 * own round, act, digest and ledger entry, and is judged on its own. Not where the risk is HIGH or above, nor where
 * policies contradict each other; the database refuses that too.
 */
import type { DecisionAnswer, DecisionRequest, ShownReview } from './approval.ts';
import { type BulkId, bulkIdOf, type PolicyId, type ReviewId } from './ids.ts';
import { type Refusal, refuse } from './problem.ts';

export const BULK_REVIEWS_MAX = 50;

export interface BulkRequest
  extends Omit<DecisionRequest, 'act' | 'reviewId' | 'viewDigest' | 'bulkId' | 'together'> {
  readonly act: 'approve' | 'reject';
  readonly reviews: readonly ShownReview[];
}

/** What became of each review, in the order of the request. */
export interface BulkAnswer {
  readonly bulkId: BulkId;
  readonly results: readonly {
    readonly reviewId: ReviewId;
    readonly answer: DecisionAnswer | Refusal;
  }[];
}

/**
 * Acts on each of the reviews as the decision command does. The request as a whole is refused with `unknown_review`,
 * `bulk_size`, `bulk_policies` or `justification_required`; what keeps the person from one of the reviews is the answer to
 * that one. A repeat gets the same answers.
 */
export type DecideInBulk = (request: BulkRequest) => Promise<BulkAnswer | Refusal>;

/** Whether reviews may be resolved together; `policies` are those of the reviews that exist. */
export function checkBulk(
  { reviews, justification }: BulkRequest,
  policies: ReadonlyMap<ReviewId, PolicyId>,
): Refusal | undefined {
  const distinct = new Set(reviews.map(({ reviewId }) => reviewId));
  if (distinct.size === 0 || distinct.size > BULK_REVIEWS_MAX || distinct.size < reviews.length) {
    return refuse('bulk_size', `these are ${reviews.length}, ${distinct.size} of them different`);
  }
  if (justification.trim() === '') {
    return refuse('justification_required', 'one justification is given for all of them');
  }
  const unknown = [...distinct].find((reviewId) => !policies.has(reviewId));
  if (unknown !== undefined) return refuse('unknown_review', `no review has the id ${unknown}`);
  const count = new Set(policies.values()).size;
  return count > 1 ? refuse('bulk_policies', `these are of ${count} policies`) : undefined;
}

/** The requests that a bulk consists of. */
export function requestsOf(request: BulkRequest): readonly DecisionRequest[] {
  const { reviews, ...shared } = request;
  const bulkId = bulkIdFor(request);
  return reviews.map((review) => ({ ...shared, ...review, bulkId }));
}

/** The name of a bulk: the same for the same request, so that a repeat is one. */
export function bulkIdFor({ personId, act, reviews }: BulkRequest): BulkId {
  return bulkIdOf(personId, act, reviews.map(({ viewDigest }) => viewDigest).toSorted());
}
