/** Executions and their attempts as they are stored, for tests of what became of them. */
import type pg from 'pg';
import type { AttemptOutcome } from '../../src/domain/delivery.ts';
import type { Digest } from '../../src/domain/digest.ts';
import {
  type Ending,
  executionDigest,
  type ExecutionStatus,
  type OpenExecution,
} from '../../src/domain/execution.ts';
import type { DecisionId } from '../../src/domain/ids.ts';

export interface StoredExecution extends OpenExecution, Omit<Ending, 'status' | 'completedAt'> {
  readonly status: ExecutionStatus;
  readonly completedAt: Ending['completedAt'] | null;
  readonly command: object;
  readonly rowDigest: Digest | null;
  readonly claimEpoch: number;
  readonly attempts: readonly StoredAttempt[];
}

export interface StoredAttempt {
  readonly attemptNo: number;
  readonly claimEpoch: number;
  readonly idempotencyKey: string;
  readonly bodySha256: string;
  readonly outcome: AttemptOutcome | null;
  readonly httpStatus: number | null;
  readonly responseSha256: string | null;
  readonly detail: string | null;
}

/** The executions of these decisions, in their order; of all decisions when none is given. */
export async function storedExecutions(
  client: pg.Client,
  decisionIds?: readonly DecisionId[],
): Promise<StoredExecution[]> {
  const { rows } = await client.query<StoredExecution>(
    `select execution_id as "executionId", decision_id as "decisionId", event_id as "eventId", action_no as "actionNo",
       target_system as target, request_body as "requestBody", command_sha256 as "commandSha256",
       ${instant('requested_at')} as "requestedAt", ${instant('expires_at')} as "expiresAt",
       ${instant('completed_at')} as "completedAt", execution_status as status, failure_reason as "failureReason",
       response_sha256 as "responseSha256", row_digest as "rowDigest", execution_command as command,
       claim_epoch as "claimEpoch",
       (select coalesce(jsonb_agg(jsonb_build_object('attemptNo', a.attempt_no, 'claimEpoch', a.claim_epoch,
            'idempotencyKey', a.idempotency_key, 'bodySha256', a.body_sha256, 'outcome', a.outcome,
            'httpStatus', a.http_status, 'responseSha256', a.response_sha256, 'detail', a.detail)
          order by a.attempt_no), '[]')
        from execution.attempt a where a.execution_id = x.execution_id) as attempts
     from execution.execution x
     where $1::uuid[] is null or decision_id = any($1::uuid[])
     order by array_position($1::uuid[], decision_id)`,
    [decisionIds ?? null],
  );
  return rows;
}

/** The executions whose digest is not that of their row: none, whatever has happened. */
export async function executionsWithWrongDigest(client: pg.Client): Promise<StoredExecution[]> {
  const executions = await storedExecutions(client);
  return executions.filter((execution) => execution.rowDigest !== digestOf(execution));
}

function digestOf(execution: StoredExecution): Digest | null {
  const { completedAt, status } = execution;
  if (completedAt === null) return null;
  return executionDigest(execution, {
    ...execution,
    completedAt,
    status: status as Ending['status'],
  });
}

const instant = (column: string): string =>
  `to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
