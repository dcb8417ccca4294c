/** What waits for people, in numbers and names: for the frame of every page and the filters of the inbox. */
import { sql } from 'kysely';
import type { RiskLevel } from '../domain/risk-level.ts';
import type { Timestamp } from '../domain/time.ts';
import type { Tx } from './database.ts';

export interface Standing {
  /** Levels without an open review are not there. */
  readonly openByLevel: Readonly<Partial<Record<RiskLevel, number>>>;
  /** Whether anything can be decided. */
  readonly ledgerHealthy: boolean;
  /** The database's clock. */
  readonly now: Timestamp;
}

/** What there is to filter by among the open reviews. */
export interface Facets {
  readonly policies: readonly string[];
  readonly sources: readonly string[];
}

/** How long reviews of one level have been open, by `ageLimitsH`: one number for each limit and one for the rest. */
export interface OpenAges {
  readonly level: RiskLevel;
  readonly counts: readonly number[];
}

/** Hours. */
export const ageLimitsH = [1, 4, 24, 72] as const;

export interface Backlog {
  /** Levels without an open review are not there. */
  readonly ages: readonly OpenAges[];
  readonly oldestOpenedAt: Timestamp | null;
  /** Rounds that are pending for longer than people may take. */
  readonly overdue: number;
}

export interface InboxStore {
  standing(): Promise<Standing>;
  facets(): Promise<Facets>;
  backlog(): Promise<Backlog>;
}

export function openInboxStore(tx: Tx): InboxStore {
  return {
    async standing() {
      const { rows } = await sql<Standing>`
        select h.healthy as "ledgerHealthy", clock_timestamp() as now,
          (select coalesce(jsonb_object_agg(o.risk_level, o.n), '{}') from (
            select risk_level, count(*) as n from decision.review where resolved_at is null group by risk_level) o)
          as "openByLevel"
        from ledger.health_for_decision h`.execute(tx);
      return rows[0]!;
    },

    async facets() {
      const { rows } = await sql<Facets>`
        with open as materialized (select policy_id, policy_version, event_id from decision.review where resolved_at is null)
        select
          array(select distinct p.name::text from (select distinct policy_id, policy_version from open) o
            join policy.policy_for_decision p on p.policy_id = o.policy_id and p.version = o.policy_version
            order by 1) as policies,
          array(select distinct e.source_system::text from open o
            join event.event_for_decision e on e.event_id = o.event_id order by 1) as sources`.execute(
        tx,
      );
      return rows[0]!;
    },

    async backlog() {
      const limitsS = ageLimitsH.map((hours) => hours * 3_600);
      const { rows } = await sql<Backlog>`
        with open as materialized (
          select risk_level, opened_at,
            width_bucket(extract(epoch from statement_timestamp() - opened_at), ${limitsS}::numeric[]) as age
          from decision.review where resolved_at is null
        ), by_level as (
          select l.risk_level as level, array(
            select (count(*) filter (where o.age = n))::integer
            from open o cross join generate_series(0, ${limitsS.length}::integer) as n
            where o.risk_level = l.risk_level group by n order by n) as counts
          from (select distinct risk_level from open) l
        )
        select (select coalesce(jsonb_agg(b), '[]') from by_level b) as ages,
          (select min(opened_at) from open) as "oldestOpenedAt",
          (select count(*)::integer from decision.decision d
            where d.decision_type = 'pending'
              and d.created_at < statement_timestamp() - decision.decide_within(d.risk_level)) as overdue`.execute(
        tx,
      );
      return rows[0]!;
    },
  };
}
