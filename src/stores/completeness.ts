/** What the completeness statement counts, read through the audit views under the audit role. */
import { type RawBuilder, sql } from 'kysely';
import {
  type DayCounts,
  type DayRecord,
  digestOfLines,
  type GivenUp,
  MISSING_LISTED_MAX,
  type MissingStep,
  type Repair,
} from '../domain/completeness.ts';
import { STREAM } from '../domain/ledger.ts';
import type { Tx } from './database.ts';
import { openCheckpointReader } from './ledger-checkpoint.ts';

/** One day of one source; undefined for a source that is not known. `day` is one that there is. */
export async function dayOf(tx: Tx, source: string, day: string): Promise<DayRecord | undefined> {
  // A day may have been long; the limit of a batch does not fit it.
  await sql`set local statement_timeout = 0`.execute(tx);
  const known = await sql`select from audit.source where source_system = ${source}`.execute(tx);
  if (known.rows.length === 0) return undefined;
  const reader = openCheckpointReader(tx, STREAM, 'audit');
  const entries = await entriesOf(tx, source, day);
  const last = entries.at(-1);
  const covering = last === undefined ? await reader.newest() : await reader.newestFor(last.seq);
  return {
    origin: await reader.origin(),
    source,
    day,
    counts: await countsOf(tx, source, day),
    ids: digestOfLines(entries.map(({ externalId }) => externalId).toSorted()),
    entries: digestOfLines(entries.map(({ hash }) => hash)),
    entryCount: entries.length,
    size: covering !== undefined && covering.size > (last?.seq ?? 0) ? covering.size : null,
    missing: await missingOf(tx, source, day),
    deadLetters: await deadLettersOf(tx, source, day),
    repairs: await repairsOf(tx, source, day),
  };
}

/** From midnight to midnight, UTC. */
const inDay = (column: RawBuilder<unknown>, day: string) => sql`
  (${column} >= ${day}::date::timestamp at time zone 'UTC'
    and ${column} < (${day}::date + 1)::timestamp at time zone 'UTC')`;

/** The rows of the day, for the queries below. */
const theDay = (source: string, day: string) => sql`
  with ours as (
    select e.event_id, e.created_at from audit.event e
    where e.source_system = ${source} and ${inDay(sql`e.received_at`, day)}
  ), advice as (
    select a.advisory_id, a.event_id, a.created_at,
      (select d.decision_id from audit.decision d
       where d.advisory_id = a.advisory_id and d.finalized_at is not null) as decision_id
    from audit.advisory a join ours on ours.event_id = a.event_id
  ), ruling as (
    select d.decision_id, d.decision_type, d.finalized_at, x.execution_id, x.execution_status, x.failure_reason, x.completed_at
    from advice
    join audit.decision d on d.decision_id = advice.decision_id
    left join audit.execution x on x.decision_id = d.decision_id
  ), fact as (
    select f.entry_type, f.linked_entity_id, f.recorded_at,
      exists (select from audit.ledger_entry l
              where l.linked_entity_id = f.linked_entity_id and l.entry_type = f.entry_type) as ledgered
    from audit.fact f join ours on ours.event_id = f.event_id
  )`;

async function countsOf(tx: Tx, source: string, day: string): Promise<DayCounts> {
  const { rows } = await sql<DayCounts>`${theDay(source, day)}
    select
      (select count(*) from ours)::integer as "received",
      (select count(*) from ours o where exists (
        select from audit.risk_assessment r where r.event_id = o.event_id))::integer as "assessed",
      (select count(*) from ours o where exists (
        select from audit.evaluation v where v.event_id = o.event_id))::integer as "evaluated",
      (select count(*) from ours o where exists (
        select from audit.evaluation v where v.event_id = o.event_id and v.outcome = 'NO_MATCH'))::integer as "cleared",
      (select count(distinct event_id) from advice)::integer as "advised",
      (select count(*) from advice)::integer as "advisories",
      (select count(*) from ruling)::integer as "decided",
      (select count(*) from advice a where a.decision_id is null and exists (
        select from audit.review r where r.advisory_id = a.advisory_id and r.resolved_at is null))::integer as "open",
      (select count(*) from ruling where decision_type = 'rejected')::integer as "rejected",
      (select count(*) from ruling where completed_at is not null and execution_status = 'acknowledged')::integer
        as "executed",
      (select count(*) from ruling where completed_at is not null and execution_status = 'failed'
        and failure_reason in ('refused', 'expired'))::integer as "refused",
      (select count(*) from ruling where completed_at is not null and execution_status = 'failed'
        and failure_reason not in ('refused', 'expired'))::integer as "failed",
      (select count(*) from fact)::integer as "facts",
      (select count(*) from fact where ledgered)::integer as "ledgered"`.execute(tx);
  return rows[0]!;
}

async function missingOf(tx: Tx, source: string, day: string): Promise<readonly MissingStep[]> {
  const { rows } = await sql<MissingStep>`${theDay(source, day)}
    select lacks, id, since from (
      select 'assessment' as lacks, o.event_id as id, o.created_at as since from ours o
      where not exists (select from audit.risk_assessment r where r.event_id = o.event_id)
      union all
      select 'evaluation', r.assessment_id, r.created_at from ours o
      join audit.risk_assessment r on r.event_id = o.event_id
      where not exists (select from audit.evaluation v where v.assessment_id = r.assessment_id)
      union all
      select 'advisory', v.evaluation_id, v.created_at from ours o
      join audit.evaluation v on v.event_id = o.event_id
      where v.outcome <> 'NO_MATCH'
        and not exists (select from audit.advisory a where a.evaluation_id = v.evaluation_id)
      union all
      select 'review', a.advisory_id, a.created_at from advice a
      where not exists (select from audit.review r where r.advisory_id = a.advisory_id)
      union all
      select 'execution', r.decision_id, r.finalized_at from ruling r
      where r.decision_type in ('approved', 'override') and r.completed_at is null
      union all
      select 'entry', f.linked_entity_id, f.recorded_at from fact f where not f.ledgered
    ) as step order by since, id limit ${MISSING_LISTED_MAX}`.execute(tx);
  return rows;
}

interface EventEntry {
  readonly seq: number;
  readonly externalId: string;
  readonly hash: string;
}

/** The EVENT entries whose timestamp falls on the day, in the order of the ledger. */
async function entriesOf(tx: Tx, source: string, day: string): Promise<readonly EventEntry[]> {
  const { rows } = await sql<Omit<EventEntry, 'seq'> & { readonly seq: string }>`
    select e.seq::text as seq, e.entry_data ->> 'external_id_sha256' as "externalId", e.current_hash as hash
    from ledger.ledger_entry e
    where e.stream = ${STREAM}::smallint and e.entry_type = 'EVENT' and ${inDay(sql`e."timestamp"`, day)}
      and e.entry_data ->> 'source_system' = ${source}
    order by e.seq`.execute(tx);
  return rows.map((row) => ({ ...row, seq: Number(row.seq) }));
}

async function deadLettersOf(tx: Tx, source: string, day: string): Promise<readonly GivenUp[]> {
  const { rows } = await sql<GivenUp>`
    select dead_letter_id as "deadLetterId", queue, reason, created_at as at,
      case when discarded_at is not null then 'discarded' when redriven_at is not null then 'redriven' else 'open' end
        as state
    from audit.dead_letter
    where source_system = ${source} and ${inDay(sql`created_at`, day)}
    order by created_at, dead_letter_id limit ${MISSING_LISTED_MAX}`.execute(tx);
  return rows;
}

async function repairsOf(tx: Tx, source: string, day: string): Promise<readonly Repair[]> {
  const { rows } = await sql<Repair>`
    select r.dead_letter_id as "deadLetterId", r.redriven_at as at, p.name as by
    from audit.redrive r
    join audit.dead_letter x on x.dead_letter_id = r.dead_letter_id
    left join audit.person p on p.person_id = r.redriven_by
    where x.source_system = ${source} and ${inDay(sql`r.redriven_at`, day)}
    order by r.redriven_at, r.dead_letter_id limit ${MISSING_LISTED_MAX}`.execute(tx);
  return rows;
}
