/**
 * Dead letters: what no stage could take. Every actor may add them, through a function of the event schema, whatever
 * its own role; the rest of the table is closed to it. What becomes of them is written under the role of the event domain.
 */
import { sql } from 'kysely';
import type { DiscardedLetter } from '../domain/dead-letter.ts';
import type { Digest } from '../domain/digest.ts';
import { type DeadLetterId, type PersonId, uuidOf } from '../domain/ids.ts';
import type { Timestamp } from '../domain/time.ts';
import type { Tx } from './database.ts';

export interface DeadLetter {
  /** The stage that gave up; HTTP intake is part of `ingest`. */
  readonly queue: string;
  /** The id that the message carried; null at ingest, where the message is the event itself. */
  readonly messageId: string | null;
  readonly source: string | null;
  readonly externalId: string | null;
  /** The event that the message was about, where that is known. */
  readonly eventId?: string | undefined;
  /** A code of domain/problem.ts. */
  readonly reason: string;
  readonly detail: string;
  readonly errorClass?: string | undefined;
  /** How often a worker took the message. */
  readonly claims: number;
  /** The first 64 KiB of what was sent; null where nothing but an id was, or where it was not read. */
  readonly content: Buffer | null;
  /** Length of the whole. */
  readonly contentBytes: number;
  /** Digest of the whole. */
  readonly contentSha256: string | null;
  /** At ingest the kind of source, undefined for the default one; behind it the type that the message named. */
  readonly kind?: string | undefined;
  /** What came with the body, signatures among them. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

const DETAIL_CHARACTERS_MAX = 1_000;
const HEADERS_CHARACTERS_MAX = 16_384;

/**
 * Keeps dead letters, from the COMMIT of `tx` on; returns how many are new. The same content refused again for the same
 * reason is the same letter: what a source repeats for days is one row.
 */
export async function keepDeadLetters(tx: Tx, letters: readonly DeadLetter[]): Promise<number> {
  if (letters.length === 0) return 0;
  const { rows } = await sql<{ kept: string }>`
    select event.keep_dead_letters(
      ${letters.map(deadLetterIdOf)}::uuid[],
      ${letters.map(({ queue }) => queue)}::text[],
      ${letters.map(({ messageId }) => storable(messageId, 200))}::text[],
      ${letters.map(({ source }) => storable(source, 100))}::text[],
      ${letters.map(({ externalId }) => storable(externalId, 200))}::text[],
      ${letters.map(({ eventId }) => eventId ?? null)}::uuid[],
      ${letters.map(({ reason }) => reason)}::text[],
      ${letters.map(({ detail }) => storable(detail, DETAIL_CHARACTERS_MAX))}::text[],
      ${letters.map(({ errorClass }) => storable(errorClass ?? null, 100))}::text[],
      ${letters.map(({ claims }) => Math.max(claims, 1))}::integer[],
      ${letters.map(({ content }) => content)}::bytea[],
      ${letters.map(({ contentBytes }) => contentBytes)}::integer[],
      ${letters.map(({ contentSha256 }) => contentSha256)}::text[],
      ${letters.map(({ kind }) => storable(kind ?? null, 40))}::text[],
      ${letters.map(({ headers }) => storableHeaders(headers))}::jsonb[]
    ) as kept`.execute(tx);
  return Number(rows[0]?.kept ?? 0);
}

function deadLetterIdOf(letter: DeadLetter): DeadLetterId {
  // JSON escapes line feeds, so nothing that a message holds can pass for another line.
  const { source, externalId, contentSha256, messageId } = letter;
  const subject = JSON.stringify([source, externalId, contentSha256, messageId]);
  return uuidOf('sentinelops-dead-letter/v1', letter.queue, letter.reason, subject);
}

/** Text that the column takes whatever it was made of: what cannot be kept otherwise must be kept here. */
function storable(text: string | null, charactersMax: number): string | null {
  return text === null
    ? null
    : text.replaceAll('\u0000', '\ufffd').slice(0, charactersMax).toWellFormed();
}

/** Null where there are none, and where they are longer than any that we read: then the letter cannot be sent again. */
function storableHeaders(headers: Readonly<Record<string, string>> = {}): string | null {
  const pairs = Object.entries(headers).map((pair) =>
    pair.map((text) => storable(text, HEADERS_CHARACTERS_MAX)),
  );
  const text = JSON.stringify(Object.fromEntries(pairs));
  return pairs.length === 0 || text.length > HEADERS_CHARACTERS_MAX ? null : text;
}

// What becomes of them

/** A letter locked by this transaction. */
export interface LockedLetter
  extends Omit<DiscardedLetter, 'discardedAt' | 'discardedBy' | 'discardReason' | 'salt'> {
  readonly content: Buffer | null;
  readonly redrivenAt: Timestamp | null;
  readonly discardedAt: Timestamp | null;
  readonly discardedBy: PersonId | null;
  readonly discardReason: string | null;
  /** The instant of this statement, by the database's clock. */
  readonly now: Timestamp;
}

export interface DeadLetterStore {
  /** Holds whoever else would send or discard it off until the transaction ends. Undefined when there is none. */
  lock(deadLetterId: DeadLetterId): Promise<LockedLetter | undefined>;
  isOperator(personId: PersonId): Promise<boolean>;
  /** Closes the letter, since it is about to be sent again at this instant; null when nobody said who they are. */
  redrive(deadLetterId: DeadLetterId, at: Timestamp, by: PersonId | null): Promise<void>;
  /** Opens it once more, unless it was sent again, or refused again, since that instant. */
  reopen(deadLetterId: DeadLetterId, redrivenAt: Timestamp): Promise<void>;
  discard(letter: DiscardedLetter, rowDigest: Digest): Promise<void>;
}

export function openDeadLetterStore(tx: Tx): DeadLetterStore {
  return {
    async lock(deadLetterId) {
      const { rows } = await sql<LockedLetter>`
        select dead_letter_id as "deadLetterId", queue, message_id as "messageId", source_system as "source",
          external_id as "externalId", event_id as "eventId", reason, detail, error_class as "errorClass", claims,
          content, content_bytes as "contentBytes", content_sha256 as "contentSha256", kind, headers,
          created_at as "createdAt", redriven_at as "redrivenAt", discarded_at as "discardedAt", discarded_by as "discardedBy",
          discard_reason as "discardReason", clock_timestamp() as now
        from event.dead_letter where dead_letter_id = ${deadLetterId} for update`.execute(tx);
      return rows[0];
    },

    async isOperator(personId) {
      const { rows } = await sql`
        select from identity.operator_for_event where person_id = ${personId}`.execute(tx);
      return rows.length > 0;
    },

    async redrive(deadLetterId, at, by) {
      await sql`
        insert into event.redrive (dead_letter_id, redriven_at, redriven_by)
        values (${deadLetterId}, ${at}::timestamptz, ${by})`.execute(tx);
      await sql`
        update event.dead_letter set redriven_at = ${at}::timestamptz
        where dead_letter_id = ${deadLetterId}`.execute(tx);
    },

    async reopen(deadLetterId, redrivenAt) {
      await sql`
        update event.dead_letter set redriven_at = null
        where dead_letter_id = ${deadLetterId} and redriven_at = ${redrivenAt}::timestamptz`.execute(
        tx,
      );
    },

    async discard({ deadLetterId, discardedAt, discardedBy, discardReason, salt }, rowDigest) {
      await sql`
        update event.dead_letter
        set discarded_at = ${discardedAt}::timestamptz, discarded_by = ${discardedBy},
          discard_reason = ${discardReason}, salt = ${salt}, row_digest = ${rowDigest}
        where dead_letter_id = ${deadLetterId}`.execute(tx);
    },
  };
}
