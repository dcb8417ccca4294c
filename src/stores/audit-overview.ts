/** How the whole stands at this moment, in numbers that an index answers: for a page that is looked at all day. */
import { sql } from 'kysely';
import type { Timestamp } from '../domain/time.ts';
import type { Tx } from './database.ts';

export interface StreamHead {
  readonly stream: number;
  /** Entries so far; a decimal number as text. */
  readonly size: string;
  readonly hash: string;
  readonly sealedAt: Timestamp;
}

export interface Overview {
  readonly eventsLastHour: number;
  /** Finalised within a day, by their kind. */
  readonly decisionsLastDay: Readonly<Record<string, number>>;
  /** Executions that are not over. */
  readonly executionsUnderWay: number;
  /** Given up within a day. */
  readonly executionsFailedLastDay: number;
  /** Neither sent again nor discarded. */
  readonly deadLetters: number;
  readonly heads: readonly StreamHead[];
}

export async function overviewOf(tx: Tx): Promise<Overview> {
  const { rows } = await sql<Omit<Overview, 'heads'>>`
    select
      (select count(*) from audit.event where received_at > now() - interval '1 hour')::integer as "eventsLastHour",
      (select coalesce(jsonb_object_agg(decision_type, n), '{}') from (
        select decision_type, count(*) as n from audit.decision
        where finalized_at > now() - interval '1 day' group by decision_type) d) as "decisionsLastDay",
      (select count(*) from audit.execution
        where execution_status in ('requested', 'dispatched'))::integer as "executionsUnderWay",
      (select count(*) from audit.execution
        where execution_status = 'failed' and completed_at > now() - interval '1 day')::integer as "executionsFailedLastDay",
      (select count(*) from audit.dead_letter
        where redriven_at is null and discarded_at is null)::integer as "deadLetters"`.execute(tx);
  return { ...rows[0]!, heads: await headsOf(tx) };
}

/** Steps from stream to stream by the key: DISTINCT ON would read every entry. */
async function headsOf(tx: Tx): Promise<readonly StreamHead[]> {
  const { rows } = await sql<StreamHead>`
    with recursive head as (
      (select e.stream, e.seq, e.current_hash, e.sealed_at from audit.ledger_entry e
        order by e.stream desc, e.seq desc limit 1)
      union all
      select further.* from head cross join lateral (
        select e.stream, e.seq, e.current_hash, e.sealed_at from audit.ledger_entry e
        where e.stream < head.stream order by e.stream desc, e.seq desc limit 1) further
    )
    select stream, (seq + 1)::text as size, current_hash as hash, sealed_at as "sealedAt" from head order by stream`.execute(
    tx,
  );
  return rows;
}
