/** Where a page of reviews ended, as text that a client passes back and need not understand. */
import { isUuid, type ReviewId } from '../domain/ids.ts';
import { type Refusal, refuse } from '../domain/problem.ts';
import { riskLevels } from '../domain/risk-level.ts';
import { parseTimestamp } from '../domain/time.ts';
import type { ReviewPlace } from '../stores/review.ts';

/** The two orders of the list. A place in one means nothing in the other. */
export type ListOrder = 'urgency' | 'newest';

export function cursorOf({ urgency, openedAt, reviewId }: ReviewPlace, order: ListOrder): string {
  return Buffer.from(JSON.stringify([order, urgency, openedAt, reviewId])).toString('base64url');
}

/** Refusals: `bad_cursor`. */
export function placeFrom(cursor: string, order: ListOrder): ReviewPlace | Refusal {
  return readPlace(cursor, order) ?? refuse('bad_cursor', 'the cursor is not one of this list');
}

function readPlace(cursor: string, order: ListOrder): ReviewPlace | undefined {
  const read = parsed(Buffer.from(cursor, 'base64url').toString());
  if (!Array.isArray(read) || read.length !== 4 || read[0] !== order) return undefined;
  const [, urgency, openedAt, reviewId] = read as readonly unknown[];
  if (typeof urgency !== 'number' || !Number.isInteger(urgency)) return undefined;
  if (urgency < 1 || urgency > riskLevels.length) return undefined;
  if (typeof openedAt !== 'string' || typeof reviewId !== 'string') return undefined;
  const instant = parseTimestamp(openedAt);
  if (instant === undefined || !isUuid(reviewId)) return undefined;
  return { urgency, openedAt: instant, reviewId: reviewId as ReviewId };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
