/** Whether the facts of all domains and the entries of the ledger belong to each other, one to one. */
import { sql } from 'kysely';
import { statusCodes, type Verdict } from '../domain/ledger/verdict.ts';
import type { Database, Tx } from './database.ts';

type BrokenLink = Pick<Verdict, 'status' | 'code' | 'seq' | 'detail'>;

/**
 * The first entry of the stream without a fact or with another digest than its fact; else the oldest fact, recorded
 * longer than `graceMs` ago, that has no entry in any stream. `database` works under the audit role.
 */
export async function firstBrokenLink(
  database: Database,
  stream: number,
  graceMs: number,
): Promise<BrokenLink | undefined> {
  return database.transact(async (tx) => {
    // One pass over everything that was ever recorded; the limit of a batch does not fit it.
    await sql`set local statement_timeout = 0`.execute(tx);
    // Both sides are read whole. Tables that no ANALYZE has seen yet tempt the planner into comparing each with each.
    await sql`set local enable_nestloop = off`.execute(tx);
    return (await entryWithoutItsFact(tx, stream)) ?? (await factWithoutEntry(tx, graceMs));
  });
}

async function entryWithoutItsFact(tx: Tx, stream: number): Promise<BrokenLink | undefined> {
  // LATERAL: each entry looks into the index of its own table, whatever the planner believes about the others.
  const { rows } = await sql<{ seq: string; type: string; id: string; exists: boolean }>`
    select e.seq::text as seq, e.entry_type as "type", e.linked_entity_id as id, fact.digest is not null as exists
    from ledger.ledger_entry e
    left join lateral (
      select f.digest from audit.fact f
      where f.linked_entity_id = e.linked_entity_id and f.entry_type = e.entry_type limit 1) as fact on true
    where e.stream = ${stream}::smallint
      and (fact.digest is null or fact.digest is distinct from e.entry_data ->> 'digest')
    order by e.seq limit 1`.execute(tx);
  const [entry] = rows;
  if (entry === undefined) return undefined;
  const what = entry.exists ? 'has another digest than its entry' : 'does not exist';
  return missing(`${entry.type} ${entry.id} ${what}.`, Number(entry.seq));
}

async function factWithoutEntry(tx: Tx, graceMs: number): Promise<BrokenLink | undefined> {
  // MATERIALIZED: found first and sorted then. Commonly there is nothing to sort; there are always many facts.
  const { rows } = await sql<{ type: string; id: string }>`
    with unledgered as materialized (
      select f.entry_type, f.linked_entity_id, f.recorded_at
      from audit.fact f
      where f.recorded_at < clock_timestamp() - make_interval(secs => ${graceMs / 1000}::double precision)
        and not exists (
          select from ledger.ledger_entry e
          where e.linked_entity_id = f.linked_entity_id and e.entry_type = f.entry_type))
    select entry_type as "type", linked_entity_id as id
    from unledgered order by recorded_at, linked_entity_id limit 1`.execute(tx);
  const [fact] = rows;
  return fact && missing(`${fact.type} ${fact.id} has no entry.`, null);
}

function missing(detail: string, seq: number | null): BrokenLink {
  return { status: 'LINK_MISSING', code: statusCodes.LINK_MISSING, seq, detail };
}
