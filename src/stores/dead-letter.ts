/**
 * Dead letters: what no stage could take. Every actor may add them, through a function of the event schema, whatever
 * its own role; the rest of the table is closed to it.
 */
import { sql } from 'kysely';
import { type DeadLetterId, uuidOf } from '../domain/ids.ts';
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
}

const DETAIL_CHARACTERS_MAX = 1_000;

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
      ${letters.map(({ contentSha256 }) => contentSha256)}::text[]
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
