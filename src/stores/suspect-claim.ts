/** Claims on messages that may kill the process that takes them; see sql/event/0025_suspect_claim.sql. */
import { sql } from 'kysely';
import type { Tx } from './database.ts';

/** Claims the message and returns how many claims on it were never taken back, this one included. */
export async function claimSuspect(tx: Tx, queue: string, messageKey: string): Promise<number> {
  const { rows } = await sql<{ claims: number }>`
    select event.claim_suspect(${queue}, ${messageKey}) as claims`.execute(tx);
  return rows[0]!.claims;
}

/** Takes every claim on the message back: it has ended. */
export async function releaseSuspect(tx: Tx, queue: string, messageKey: string): Promise<void> {
  await sql`select event.release_suspect(${queue}, ${messageKey})`.execute(tx);
}
