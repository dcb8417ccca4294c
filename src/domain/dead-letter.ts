/** Dead letters that a person has discarded: facts for the ledger, like any other decision not to act. */
import { type Digest, rowDigest } from './digest.ts';
import type { DeadLetterId, EventId, PersonId } from './ids.ts';
import type { Timestamp } from './time.ts';

/** The row as it is kept, without the bytes that were sent: their digest stands for them. */
export interface DiscardedLetter {
  readonly deadLetterId: DeadLetterId;
  readonly queue: string;
  readonly messageId: string | null;
  readonly source: string | null;
  readonly externalId: string | null;
  readonly eventId: EventId | null;
  readonly reason: string;
  readonly detail: string;
  readonly errorClass: string | null;
  readonly claims: number;
  readonly contentBytes: number;
  readonly contentSha256: string | null;
  readonly kind: string | null;
  readonly headers: Readonly<Record<string, string>> | null;
  readonly createdAt: Timestamp;
  readonly discardedAt: Timestamp;
  readonly discardedBy: PersonId;
  readonly discardReason: string;
  readonly salt: string;
}

export const DISCARD_REASON_CHARACTERS_MAX = 1_000;

/** The digest of a discarded row of event.dead_letter, by which the ledger refers to it. */
export function discardDigest(letter: DiscardedLetter): Digest {
  return rowDigest('event.dead_letter', {
    claims: String(letter.claims),
    content_bytes: String(letter.contentBytes),
    content_sha256: letter.contentSha256,
    created_at: letter.createdAt,
    dead_letter_id: letter.deadLetterId,
    detail: letter.detail,
    discard_reason: letter.discardReason,
    discarded_at: letter.discardedAt,
    discarded_by: letter.discardedBy,
    error_class: letter.errorClass,
    event_id: letter.eventId,
    external_id: letter.externalId,
    headers: letter.headers,
    kind: letter.kind,
    message_id: letter.messageId,
    queue: letter.queue,
    reason: letter.reason,
    salt: letter.salt,
    source_system: letter.source,
  });
}
