/** Rounds whose time runs out or is up (sql/decision/0112_deadline.sql), on one transaction of the decision role. */
import { type RawBuilder, sql } from 'kysely';
import type { DecisionId, ReviewId } from '../domain/ids.ts';
import { type RiskLevel, riskLevels } from '../domain/risk-level.ts';
import type { Timestamp } from '../domain/time.ts';
import type { Tx } from './database.ts';

export interface WarnedRound {
  readonly decisionId: DecisionId;
  readonly reviewId: ReviewId;
  readonly round: number;
  readonly riskLevel: RiskLevel;
  /** If it is pending then, it is escalated. */
  readonly dueAt: Timestamp;
}

export type OverdueRound = Pick<WarnedRound, 'decisionId' | 'reviewId'>;

export interface DeadlineStore {
  /** Keeps a warning of each round whose time runs out and of which there is none; at most `limit`. */
  warn(limit: number): Promise<readonly WarnedRound[]>;
  /**
   * The rounds past their time that can go a role higher, their reviews locked until the transaction ends; at most
   * `limit`. Those that a person acts on at this moment are left out, and so are all while the ledger does not answer.
   */
  takeOverdue(limit: number): Promise<readonly OverdueRound[]>;
  now(): Promise<Timestamp>;
}

export function openDeadlineStore(tx: Tx): DeadlineStore {
  return {
    async warn(limit) {
      const { rows } = await sql<WarnedRound>`
        with due as (
          ${pendingSince(
            sql`decision.warn_after(level.risk_level)`,
            limit,
            sql`not exists (select from decision.round_warning w where w.decision_id = d.decision_id)`,
          )}
        ), warned as (
          insert into decision.round_warning (decision_id)
          select decision_id from due order by 1 on conflict do nothing returning decision_id
        )
        select due.decision_id as "decisionId", due.review_id as "reviewId", due.round, due.risk_level as "riskLevel",
          due.created_at + decision.decide_within(due.risk_level) as "dueAt"
        from warned join due on due.decision_id = warned.decision_id order by 5, 1`.execute(tx);
      return rows;
    },

    async takeOverdue(limit) {
      const { rows } = await sql<OverdueRound>`
        with overdue as materialized (
          ${pendingSince(
            sql`decision.decide_within(level.risk_level)`,
            limit,
            sql`not decision.is_at_the_top(d.required_authority)`,
          )}
        )
        select o.decision_id as "decisionId", r.review_id as "reviewId"
        from overdue o join decision.review r on r.review_id = o.review_id
        where r.resolved_at is null and (select healthy from ledger.health_for_decision)
        order by r.review_id limit ${limit} for update of r skip locked`.execute(tx);
      return rows;
    },

    async now() {
      const { rows } = await sql<{ now: Timestamp }>`select clock_timestamp() as now`.execute(tx);
      return rows[0]!.now;
    },
  };
}

/** The pending rounds that started longer ago than `time`, the oldest of each level, through the index that has them so. */
function pendingSince(
  time: RawBuilder<unknown>,
  limit: number,
  further: RawBuilder<unknown>,
): RawBuilder<unknown> {
  return sql`
    select found.* from unnest(${riskLevels}::text[]) as level (risk_level)
    cross join lateral (
      select d.decision_id, d.review_id, d.round, d.risk_level, d.created_at from decision.decision d
      where d.decision_type = 'pending' and d.risk_level = level.risk_level
        and d.created_at <= statement_timestamp() - ${time} and ${further}
      order by d.created_at limit ${limit}
    ) as found`;
}
