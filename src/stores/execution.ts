/** The executions as their actor uses them: the decisions that permit one, and the rows that ask for one. */
import { sql } from 'kysely';
import type { ReviewView } from '../domain/decision.ts';
import type { LedgeredDecision, RequestedExecution } from '../domain/execution.ts';
import type { DecisionId, ExecutionId } from '../domain/ids.ts';
import type { Timestamp } from '../domain/time.ts';
import type { Tx } from './database.ts';

export interface StandingExecution {
  readonly decisionId: DecisionId;
  readonly executionId: ExecutionId;
  /** Acknowledged or failed: a fact for the ledger. */
  readonly isFinal: boolean;
}

export interface ExecutionStore {
  /** The instant of this transaction, by the database's clock: what expiry is measured by. */
  now(): Promise<Timestamp>;
  /** Those of the decisions that permit an execution: finalised, approving, and in the ledger. */
  ledgeredDecisions(ids: readonly DecisionId[]): Promise<readonly LedgeredDecision[]>;
  /** Keeps the first execution of each decision and action. Durable at the transaction's COMMIT; nothing is sent by it. */
  keepExecutions(executions: readonly RequestedExecution[]): Promise<void>;
  /** What stands for these decisions, kept now or before. */
  standing(decisions: readonly DecisionId[]): Promise<readonly StandingExecution[]>;
}

export function openExecutionStore(tx: Tx): ExecutionStore {
  return {
    async now() {
      const { rows } = await sql<{ now: Timestamp }>`select transaction_timestamp() as now`.execute(
        tx,
      );
      return rows[0]!.now;
    },

    async ledgeredDecisions(ids) {
      const { rows } = await sql<LedgeredRow>`
        select d.decision_id as "decisionId", d.option_id as "optionId", d.expires_at as "expiresAt",
          d.view_digest as "boundDigest", d.row_digest as "rowDigest", l.entry_digest as "entryDigest",
          l.stream::text as "stream", l.seq::text as "seq", l.current_hash as "hash",
          d.event_id as "eventId", e.row_digest as "eventDigest",
          s.assessment_id as "assessmentId", s.row_digest as "assessmentDigest",
          s.risk_model_id as "modelId", s.risk_model_version as "modelVersion",
          a.evaluation_id as "evaluationId", p.policy_id as "policyId",
          p.version as "policyVersion", p.definition_sha256 as "policyDigest",
          a.advisory_id as "advisoryId", a.advisory_version as "advisoryVersion",
          a.row_digest as "advisoryDigest", a.risk_level as "riskLevel", a.conflict as "conflict",
          a.recommendation_options as "options", d.required_authority as "requirement",
          d.round as "round", d.valid_for_s as "validForS"
        from decision.decision_for_execution d
        join ledger.entry_for_execution l on l.decision_id = d.decision_id
        join advisory.advisory_for_execution a on a.advisory_id = d.advisory_id
        join event.event_for_execution e on e.event_id = d.event_id
        join risk.assessment_for_execution s on s.assessment_id = a.assessment_id
        join policy.policy_for_execution p
          on p.policy_id = a.policy_id and p.version = a.policy_version
        where d.decision_id = any(${ids}::uuid[])`.execute(tx);
      return rows.map(ledgeredDecision);
    },

    async keepExecutions(executions) {
      if (executions.length === 0) return;
      await sql`
        insert into execution.execution (execution_id, decision_id, event_id, action_no,
          target_system, execution_command, request_body, command_sha256, requested_at, expires_at,
          execution_status, failure_reason, completed_at, row_digest, next_attempt_at)
        select m.execution_id, m.decision_id, m.event_id, m.action_no, m.target_system,
          m.execution_command::jsonb, m.request_body, m.command_sha256, m.requested_at, m.expires_at,
          m.execution_status, m.failure_reason, m.completed_at, m.row_digest,
          case when m.completed_at is null then m.requested_at end
        from unnest(
          ${executions.map(({ executionId }) => executionId)}::uuid[],
          ${executions.map(({ decisionId }) => decisionId)}::uuid[],
          ${executions.map(({ eventId }) => eventId)}::uuid[],
          ${executions.map(({ actionNo }) => actionNo)}::integer[],
          ${executions.map(({ target }) => target)}::text[],
          ${executions.map(({ command }) => command)}::text[],
          ${executions.map(({ requestBody }) => requestBody)}::text[],
          ${executions.map(({ commandSha256 }) => commandSha256)}::text[],
          ${executions.map(({ requestedAt }) => requestedAt)}::timestamptz[],
          ${executions.map(({ expiresAt }) => expiresAt)}::timestamptz[],
          ${executions.map(({ ending }) => ending?.status ?? 'requested')}::text[],
          ${executions.map(({ ending }) => ending?.failureReason ?? null)}::text[],
          ${executions.map(({ ending }) => ending?.completedAt ?? null)}::timestamptz[],
          ${executions.map(({ rowDigest }) => rowDigest)}::text[]
        ) as m(execution_id, decision_id, event_id, action_no, target_system, execution_command,
          request_body, command_sha256, requested_at, expires_at, execution_status, failure_reason,
          completed_at, row_digest)
        order by m.execution_id
        on conflict do nothing`.execute(tx);
    },

    async standing(decisions) {
      const { rows } = await sql<StandingExecution>`
        select decision_id as "decisionId", execution_id as "executionId",
          completed_at is not null as "isFinal"
        from execution.execution
        where decision_id = any(${decisions}::uuid[])`.execute(tx);
      return rows;
    },
  };
}

/** One row holds the whole view, flat, and what stands beside it. */
type LedgeredRow = ReviewView &
  Omit<LedgeredDecision, 'view' | 'ledger'> &
  LedgeredDecision['ledger'];

function ledgeredDecision(row: LedgeredRow): LedgeredDecision {
  const { decisionId, optionId, expiresAt, boundDigest, rowDigest, entryDigest } = row;
  const { stream, seq, hash, ...view } = row;
  return {
    decisionId,
    optionId,
    expiresAt,
    boundDigest,
    rowDigest,
    entryDigest,
    ledger: { stream, seq, hash },
    view,
  };
}
