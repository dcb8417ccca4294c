/** Where a page of dead letters ended, as text that a client passes back and need not understand. */
import { isUuid } from '../domain/ids.ts';
import { type Refusal, refuse } from '../domain/problem.ts';
import { parseTimestamp } from '../domain/time.ts';
import type { DeadLetterSummary } from '../stores/audit.ts';

export type LetterPlace = Pick<DeadLetterSummary, 'createdAt' | 'deadLetterId'>;

export function letterCursorOf({ createdAt, deadLetterId }: LetterPlace): string {
  return Buffer.from(`${createdAt} ${deadLetterId}`).toString('base64url');
}

/** Refusals: `bad_cursor`. */
export function letterPlaceFrom(cursor: string): LetterPlace | Refusal {
  const [instant = '', deadLetterId = ''] = Buffer.from(cursor, 'base64url').toString().split(' ');
  const createdAt = parseTimestamp(instant);
  return createdAt !== undefined && isUuid(deadLetterId)
    ? { createdAt, deadLetterId }
    : refuse('bad_cursor', 'the cursor is not one of this list');
}
