/** What the API and the console have in common: who may look at reviews, and how one is read. */
import { JUSTIFICATION_CHARACTERS_MAX, type ShownReview } from '../domain/approval.ts';
import { isDecidingRole } from '../domain/authority.ts';
import { isUuid, type ReviewId } from '../domain/ids.ts';
import { type Refusal, refuse } from '../domain/problem.ts';
import type { Tx } from '../stores/database.ts';
import { openDecisionStore } from '../stores/decision.ts';
import type { Person } from '../stores/identity.ts';
import { openReviewStore } from '../stores/review.ts';
import type { ReviewParts } from './review-documents.ts';

/** Who holds no role has a token to nothing. */
export function barredFromList({ roles }: Person): Refusal | undefined {
  return roles.length > 0 ? undefined : refuse('not_authorised', 'you hold no role');
}

/** Operators see that there is work and where it stands, not what it is about. */
export function barredFromReview({ roles }: Person): Refusal | undefined {
  if (roles.some((role) => isDecidingRole(role) || role === 'Auditor')) return undefined;
  return refuse('not_authorised', 'what a review says is for those who decide and for Auditors');
}

export function unknownReview(): Refusal {
  return refuse('unknown_review', 'no review has this id');
}

/** How a form names a review that it shows: its id and, behind a space, the digest of what is shown of it. */
export const SHOWN_REVIEW = '^[0-9a-f-]{36} [0-9a-f]{64}$';

/** Reads the fields of that form; a browser sends one alone as a text. */
export function shownReviews(fields: string | readonly string[] = []): readonly ShownReview[] {
  return [fields].flat().map((field) => {
    const [reviewId = '', viewDigest = ''] = field.split(' ');
    return { reviewId: reviewId as ReviewId, viewDigest };
  });
}

/** Reads what a form says for a justification. */
export function justificationIn(field: string): string | Refusal {
  // What a browser sends for a line break is two characters; people mean one.
  const justification = field.replaceAll('\r\n', '\n');
  return justification.length > JUSTIFICATION_CHARACTERS_MAX
    ? refuse('bad_string', `more than ${JUSTIFICATION_CHARACTERS_MAX} characters`)
    : justification;
}

/** One review as `person` stands before it; undefined when there is none. `tx` works under the role of decision. */
export async function readReview(
  tx: Tx,
  id: string,
  person: Person,
): Promise<ReviewParts | undefined> {
  if (!isUuid(id)) return undefined;
  const reviewId = id as ReviewId;
  const found = await openDecisionStore(tx).caseOf(reviewId, person.personId);
  if (found === undefined) return undefined;
  const store = openReviewStore(tx);
  return {
    person,
    found,
    file: await store.fileOf(reviewId),
    chain: await store.chainOf(reviewId),
    contradictions: await store.contradictionsOf(reviewId),
    names: await store.namesOf(found.approvals.map((approval) => approval.personId)),
  };
}
