/**
 * The gap queries (sql/audit/0114_gaps.sql), on one transaction of the audit role.
 *
 * A look at the last minutes goes row by row through indexes; a look at everything reads both sides of a hand-off whole.
 * Which of the two it is, we know and the planner does not, so each says so first.
 */
import { type RawBuilder, sql } from 'kysely';
import {
  type FoundGaps,
  GAPS_LISTED_MAX,
  type Gap,
  type Hop,
  type HopSearch,
  type Moment,
  OPEN_COUNTED_MAX,
} from '../domain/gap.ts';
import { type Timestamp, timestampOfMs } from '../domain/time.ts';
import type { Session, Tx } from './database.ts';

/** A round of a review that should have been decided by now. */
export interface OverdueRound {
  readonly reviewId: string;
  readonly round: number;
  readonly riskLevel: string;
  readonly dueAt: Timestamp;
}

export function openGapStore(tx: Tx) {
  return {
    /** For looks at rows of the last minutes: through indexes, within `limitMs`. */
    lookBack: (limitMs: number) => plan(tx, RECENT, limitMs),
    /** For looks at everything: it takes as long as it takes. */
    lookAtAll: () => plan(tx, EVERYTHING, 0),
    moment: () => momentOf(tx),
    /** Messages behind ingest that were sent again since then: their rows may be older than any search looks back. */
    redrivenSince: (sinceMs: number) => redrivenSince(tx, sinceMs),
    /** The gaps of a hop within the range of a search, and those among `ids`. */
    open: (hop: Hop, { fromMs, known }: HopSearch, ids: readonly string[] = []) =>
      open(tx, hop, instantOf(fromMs), [...known, ...ids]),
    overdue: () => overdue(tx),
    /** Whether entries can be appended to the ledger at this moment; false as well when nobody knows. */
    isLedgerHealthy: () => isLedgerHealthy(tx),
    /** Why the signer has halted the ledger; undefined while it has not. */
    ledgerHalt: () => ledgerHalt(tx),
  };
}

const RECENT = {
  enable_hashjoin: 'off',
  enable_mergejoin: 'off',
  enable_seqscan: 'off',
  max_parallel_workers_per_gather: '0',
};
const EVERYTHING = { enable_nestloop: 'off', work_mem: '64MB' };
const REDRIVEN_MAX = 10_000;
const OVERDUE_LISTED_MAX = 1_000;

async function plan(
  tx: Tx,
  settings: Readonly<Record<string, string>>,
  limitMs: number,
): Promise<void> {
  const all = { ...settings, statement_timeout: String(limitMs) };
  await sql`
    select set_config(name, value, true)
    from unnest(${Object.keys(all)}::text[], ${Object.values(all)}::text[]) as setting (name, value)`.execute(
    tx,
  );
}

/**
 * The id that the look itself is given tells who was writing before it. The snapshot's xmax does not: it is the first id
 * that is not *known* to have ended, and a transaction that is writing may have it or a larger one.
 */
async function momentOf(tx: Tx): Promise<Moment> {
  const { rows } = await sql<{ now: Timestamp; oldest: string; next: string }>`
    select clock_timestamp() as now, pg_snapshot_xmin(pg_current_snapshot())::text as oldest,
      pg_current_xact_id()::text as next`.execute(tx);
  const { now, oldest, next } = rows[0]!;
  return { now, oldestWriter: BigInt(oldest), nextWriter: BigInt(next) };
}

async function redrivenSince(tx: Tx, sinceMs: number): Promise<readonly string[]> {
  const { rows } = await sql<{ id: string }>`
    select id from audit.redriven_message where redriven_at >= ${instantOf(sinceMs)}::timestamptz
    order by redriven_at desc limit ${REDRIVEN_MAX}`.execute(tx);
  return rows.map(({ id }) => id);
}

const gapViews: Readonly<Record<Hop, RawBuilder<unknown>>> = {
  assessment: sql`(select null::text as type, id, since from audit.gap_assessment)`,
  evaluation: sql`(select null::text as type, id, since from audit.gap_evaluation)`,
  review: sql`(select null::text as type, id, since from audit.gap_review)`,
  'decision-entry': sql`(select 'DECISION' as type, id, since from audit.gap_decision_entry)`,
  execution: sql`(select null::text as type, id, since from audit.gap_execution)`,
  entry: sql`(select type, id, since from audit.gap_entry)`,
};

async function open(tx: Tx, hop: Hop, from: string, ids: readonly string[]): Promise<FoundGaps> {
  const gaps = gapViews[hop];
  const { rows } = await sql<Gap & { readonly open: number }>`
    with open as (
      (select type, id, since from ${gaps} as recent
        where since >= ${from}::timestamptz limit ${OPEN_COUNTED_MAX})
      union
      (select type, id, since from ${gaps} as older where id = any(${ids}::uuid[]))
    )
    select type, id, since,
      (extract(epoch from clock_timestamp() - since) * 1000)::float8 as "ageMs",
      least(count(*) over (), ${OPEN_COUNTED_MAX})::integer as open
    from open order by since, id limit ${GAPS_LISTED_MAX}`.execute(tx);
  return {
    listed: rows.map(({ type, id, since, ageMs }) => ({ type, id, since, ageMs })),
    open: rows[0]?.open ?? 0,
  };
}

async function overdue(tx: Tx): Promise<readonly OverdueRound[]> {
  const { rows } = await sql<OverdueRound>`
    select review_id as "reviewId", round, risk_level as "riskLevel", due_at as "dueAt"
    from audit.overdue_round order by due_at, review_id limit ${OVERDUE_LISTED_MAX}`.execute(tx);
  return rows;
}

async function ledgerHalt(tx: Tx): Promise<string | undefined> {
  const { rows } = await sql<{ why: string }>`
    select code || ': ' || detail as why from ledger.halt_for_audit where lifted_at is null limit 1`.execute(
    tx,
  );
  return rows[0]?.why;
}

async function isLedgerHealthy(tx: Tx): Promise<boolean> {
  const { rows } = await sql<{ healthy: boolean }>`
    select healthy from audit.ledger_health`.execute(tx);
  return rows[0]?.healthy === true;
}

function instantOf(ms: number): string {
  return ms === -Infinity ? '-infinity' : timestampOfMs(ms);
}

// Leadership

/** Of all reconcilers of a database one at a time holds it. It goes with the session, however that ends. */
const LEADERSHIP = sql`hashtext('sentinelops reconciler')`;

/**
 * Whether this session leads from now on. A leader that is paused must not lead for ever: when it has not asked anything
 * for `silenceMsMax`, the server ends its session.
 */
export async function tryToLead(session: Session, silenceMsMax: number): Promise<boolean> {
  return session.transact(async (tx) => {
    const { rows } = await sql<{ held: boolean }>`
      select pg_try_advisory_lock(${LEADERSHIP}) as held`.execute(tx);
    if (rows[0]?.held !== true) return false;
    await sql`select set_config('idle_session_timeout', ${String(silenceMsMax)}, false)`.execute(
      tx,
    );
    return true;
  });
}

export async function stopLeading(session: Session): Promise<void> {
  await session.transact(async (tx) => {
    await sql`select pg_advisory_unlock(${LEADERSHIP}), set_config('idle_session_timeout', '0', false)`.execute(
      tx,
    );
  });
}

/** Rejects when the session is gone, and the lock with it. */
export async function confirmLead(session: Session): Promise<void> {
  await session.transact(async (tx) => {
    await sql`select`.execute(tx);
  });
}
