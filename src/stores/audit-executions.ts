/** Executions as people look for them: what is under way, what failed, what was done. */
import { sql } from 'kysely';
import type { Timestamp } from '../domain/time.ts';
import type { Tx } from './database.ts';

export type ExecutionState = 'open' | 'failed' | 'all';

export interface ListedExecution {
  readonly executionId: string;
  readonly eventId: string;
  readonly reviewId: string;
  readonly target: string;
  readonly status: string;
  readonly failureReason: string | null;
  readonly policyTitle: string;
  readonly eventSubject: string | null;
  readonly attempts: number;
  readonly requestedAt: Timestamp;
  readonly nextAttemptAt: Timestamp | null;
  readonly completedAt: Timestamp | null;
}

/** The newest first. */
export async function listExecutions(
  tx: Tx,
  state: ExecutionState,
  limit: number,
): Promise<readonly ListedExecution[]> {
  const wanted = {
    open: sql`x.completed_at is null`,
    failed: sql`x.execution_status = 'failed'`,
    all: sql`true`,
  }[state];
  const { rows } = await sql<ListedExecution>`
    with x as materialized (
      select x.* from audit.execution x where ${wanted}
      order by x.requested_at desc, x.execution_id desc limit ${limit})
    select x.execution_id as "executionId", x.event_id as "eventId", d.review_id as "reviewId", x.target_system as target,
      x.execution_status as status, x.failure_reason as "failureReason", p.title as "policyTitle",
      e.subject as "eventSubject",
      (select count(*)::integer from audit.attempt a where a.execution_id = x.execution_id) as attempts,
      x.requested_at as "requestedAt", x.next_attempt_at as "nextAttemptAt", x.completed_at as "completedAt"
    from x
    join audit.decision d on d.decision_id = x.decision_id
    join audit.review r on r.review_id = d.review_id
    join audit.policy p on p.policy_id = r.policy_id and p.version = r.policy_version
    join audit.event e on e.event_id = x.event_id
    order by x.requested_at desc, x.execution_id desc`.execute(tx);
  return rows;
}
