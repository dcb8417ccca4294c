/**
 * What the dispatcher reads and writes in the execution domain, on one transaction.
 *
 * An execution is due when `next_attempt_at` has come. A claim moves that instant to its own end, so the row of a
 * dispatcher that died becomes due again by itself, with an attempt that never ended. Whoever ends an attempt first locks
 * it, still open, together with its execution: of two, only one can.
 */
import { type RawBuilder, sql } from 'kysely';
import type { AttemptOutcome } from '../domain/delivery.ts';
import type { Digest } from '../domain/digest.ts';
import type { FailureReason, OpenExecution } from '../domain/execution.ts';
import type { ExecutionId } from '../domain/ids.ts';
import type { Timestamp } from '../domain/time.ts';
import type { Tx } from './database.ts';

/** How many calls to a target may start now. */
export interface Places {
  readonly target: string;
  readonly places: number;
}

/** One attempt, by the claim under which it is made. */
export interface AttemptKey {
  readonly executionId: ExecutionId;
  readonly attemptNo: number;
  readonly claimEpoch: number;
}

/** An attempt that the holder may make once the transaction has committed; its row is kept from then on. */
export interface Claim extends AttemptKey {
  readonly target: string;
  readonly body: string;
}

/** An execution locked by this transaction, with its latest attempt. */
export interface LockedExecution extends OpenExecution {
  /** 0 when none was made. */
  readonly attemptNo: number;
  /** Whether an attempt that has ended may have reached the target. */
  readonly earlierUnknown: boolean;
  /** Until the approval expires; zero or less once it has. */
  readonly remainingMs: number;
  /** The instant of this transaction's step, by the database's clock. */
  readonly now: Timestamp;
}

export interface EndedAttempt {
  readonly executionId: ExecutionId;
  readonly attemptNo: number;
  readonly outcome: AttemptOutcome;
  readonly httpStatus: number | null;
  readonly responseSha256: Digest | null;
  readonly detail: string;
}

export interface EndedExecution {
  readonly executionId: ExecutionId;
  readonly status: 'acknowledged' | 'failed';
  readonly failureReason: FailureReason | null;
  readonly completedAt: Timestamp;
  readonly responseSha256: Digest | null;
  readonly rowDigest: Digest;
}

/**
 * What the entry of a decision has to be under before its execution leaves: nothing, a signed checkpoint, or for HIGH,
 * CRITICAL and UNKNOWN one that a quorum of witnesses has cosigned.
 */
export type SealNeeded = 'committed' | 'signed' | 'witnessed';

export type DispatcherStore = ReturnType<typeof openDispatcherStore>;

export function openDispatcherStore(tx: Tx) {
  return {
    claim: (places: readonly Places[], claimMs: number, needs: SealNeeded = 'committed') =>
      claim(tx, places, claimMs, needs),
    lockAttempted: (attempts: readonly AttemptKey[]) => lockAttempted(tx, attempts),
    lockLost: (targets: readonly string[], rowsMax: number) => lockLost(tx, targets, rowsMax),
    lockExpired: (rowsMax: number) => lockExpired(tx, rowsMax),
    endAttempts: (attempts: readonly EndedAttempt[]) => endAttempts(tx, attempts),
    endExecutions: (executions: readonly EndedExecution[]) => endExecutions(tx, executions),
    postpone: (delays: readonly Delay[]) => postpone(tx, delays),
    endedAmong: (ids: readonly ExecutionId[]) => endedAmong(tx, ids),
  };
}

/**
 * Takes due executions, a place each, and keeps the attempt that is about to be made. None while the ledger does not
 * answer: what is done then could not be recorded. None whose approval has expired, by the database's clock.
 */
async function claim(
  tx: Tx,
  places: readonly Places[],
  claimMs: number,
  needs: SealNeeded,
): Promise<Claim[]> {
  const targets = places.map(({ target }) => target);
  const numbers = places.map((place) => place.places);
  const { rows } = await sql<Claim>`
    with due as (
      select e.execution_id
      from unnest(${targets}::text[], ${numbers}::integer[]) as slot(target, places)
      cross join lateral (
        select x.execution_id
        from execution.execution x
        where x.target_system = slot.target and x.completed_at is null
          and x.next_attempt_at <= statement_timestamp() and x.expires_at > statement_timestamp()
          and not exists (
            select from execution.attempt a
            where a.execution_id = x.execution_id and a.finished_at is null)
          and ${isSealed(needs)}
        order by x.next_attempt_at, x.execution_id
        limit slot.places
        for update skip locked) as e
      where (select healthy from ledger.health_for_execution)
    ), claimed as (
      update execution.execution x
      set execution_status = 'dispatched', claim_epoch = x.claim_epoch + 1,
        claimed_until = statement_timestamp() + ${claimMs} * interval '1 millisecond',
        next_attempt_at = statement_timestamp() + ${claimMs} * interval '1 millisecond'
      from due where x.execution_id = due.execution_id
      returning x.execution_id, x.target_system, x.request_body, x.claim_epoch
    ), attempted as (
      insert into execution.attempt
        (execution_id, attempt_no, claim_epoch, idempotency_key, body_sha256, started_at)
      select c.execution_id,
        (select count(*) + 1 from execution.attempt a where a.execution_id = c.execution_id),
        c.claim_epoch, c.execution_id::text,
        encode(sha256(convert_to(c.request_body, 'UTF8')), 'hex'), statement_timestamp()
      from claimed c
      returning execution_id, attempt_no
    )
    select c.execution_id as "executionId", c.target_system as "target", c.request_body as "body",
      c.claim_epoch as "claimEpoch", a.attempt_no as "attemptNo"
    from claimed c join attempted a on a.execution_id = c.execution_id`.execute(tx);
  return rows;
}

/** Whether the entry of the decision behind execution `x` is sealed as far as it has to be. */
function isSealed(needs: SealNeeded): RawBuilder<unknown> {
  if (needs === 'committed') return sql`true`;
  return sql`exists (
    select from ledger.entry_for_execution l
    join ledger.seal_for_execution s on s.stream = l.stream
    join decision.decision_for_execution d on d.decision_id = l.decision_id
    where l.decision_id = x.decision_id
      and l.seq < case when ${needs} = 'witnessed' and d.risk_level not in ('LOW', 'MEDIUM')
        then s.witnessed_size else s.signed_size end)`;
}

/** Those of the attempts that are still open under their claim. */
async function lockAttempted(tx: Tx, attempts: readonly AttemptKey[]): Promise<LockedExecution[]> {
  const { rows } = await sql<LockedExecution>`
    select ${lockedColumns}
    from unnest(
      ${attempts.map(({ executionId }) => executionId)}::uuid[],
      ${attempts.map(({ attemptNo }) => attemptNo)}::integer[],
      ${attempts.map(({ claimEpoch }) => claimEpoch)}::integer[]
    ) as mine(execution_id, attempt_no, claim_epoch)
    join execution.execution x
      on x.execution_id = mine.execution_id and x.claim_epoch = mine.claim_epoch
    join execution.attempt a
      on a.execution_id = mine.execution_id and a.attempt_no = mine.attempt_no
    where x.completed_at is null and a.finished_at is null
    order by x.execution_id
    for update of x, a`.execute(tx);
  return rows;
}

/**
 * Executions whose claim has run out with its attempt still open: their dispatcher is gone, or might as well be. Those
 * of other targets are left to dispatchers that know them, until their approval has expired.
 */
async function lockLost(
  tx: Tx,
  targets: readonly string[],
  rowsMax: number,
): Promise<LockedExecution[]> {
  const { rows } = await sql<LockedExecution>`
    select ${lockedColumns}
    from execution.execution x
    join execution.attempt a on a.execution_id = x.execution_id and a.finished_at is null
    where x.completed_at is null and x.next_attempt_at <= statement_timestamp()
      and (x.target_system = any(${targets}::text[]) or x.expires_at <= statement_timestamp())
    order by x.execution_id
    limit ${rowsMax}
    for update of x, a skip locked`.execute(tx);
  return rows;
}

/** Executions that nobody is calling and whose approval has expired, whatever their target, known here or not. */
async function lockExpired(tx: Tx, rowsMax: number): Promise<LockedExecution[]> {
  const { rows } = await sql<LockedExecution>`
    select ${lockedColumns}
    from execution.execution x
    where x.completed_at is null and x.expires_at <= statement_timestamp()
      and not exists (
        select from execution.attempt a
        where a.execution_id = x.execution_id and a.finished_at is null)
    order by x.execution_id
    limit ${rowsMax}
    for update skip locked`.execute(tx);
  return rows;
}

const lockedColumns: RawBuilder<unknown> = sql`
  x.execution_id as "executionId", x.decision_id as "decisionId", x.event_id as "eventId",
  x.action_no as "actionNo", x.target_system as "target", x.request_body as "requestBody",
  x.command_sha256 as "commandSha256", x.requested_at as "requestedAt", x.expires_at as "expiresAt",
  (select count(*) from execution.attempt e where e.execution_id = x.execution_id)::integer
    as "attemptNo",
  exists (
    select from execution.attempt e
    where e.execution_id = x.execution_id and e.outcome = 'outcome_unknown') as "earlierUnknown",
  (extract(epoch from x.expires_at - statement_timestamp()) * 1000)::float8 as "remainingMs",
  statement_timestamp() as "now"`;

async function endAttempts(tx: Tx, attempts: readonly EndedAttempt[]): Promise<void> {
  if (attempts.length === 0) return;
  await sql`
    update execution.attempt a
    set finished_at = clock_timestamp(), outcome = e.outcome, http_status = e.http_status,
      response_sha256 = e.response_sha256, detail = e.detail
    from unnest(
      ${attempts.map(({ executionId }) => executionId)}::uuid[],
      ${attempts.map(({ attemptNo }) => attemptNo)}::integer[],
      ${attempts.map(({ outcome }) => outcome)}::text[],
      ${attempts.map(({ httpStatus }) => httpStatus)}::integer[],
      ${attempts.map(({ responseSha256 }) => responseSha256)}::text[],
      ${attempts.map(({ detail }) => detail)}::text[]
    ) as e(execution_id, attempt_no, outcome, http_status, response_sha256, detail)
    where a.execution_id = e.execution_id and a.attempt_no = e.attempt_no`.execute(tx);
}

async function endExecutions(tx: Tx, executions: readonly EndedExecution[]): Promise<void> {
  if (executions.length === 0) return;
  await sql`
    update execution.execution x
    set execution_status = e.status, failure_reason = e.failure_reason,
      completed_at = e.completed_at, response_sha256 = e.response_sha256,
      row_digest = e.row_digest, next_attempt_at = null, claimed_until = null
    from unnest(
      ${executions.map(({ executionId }) => executionId)}::uuid[],
      ${executions.map(({ status }) => status)}::text[],
      ${executions.map(({ failureReason }) => failureReason)}::text[],
      ${executions.map(({ completedAt }) => completedAt)}::timestamptz[],
      ${executions.map(({ responseSha256 }) => responseSha256)}::text[],
      ${executions.map(({ rowDigest }) => rowDigest)}::text[]
    ) as e(execution_id, status, failure_reason, completed_at, response_sha256, row_digest)
    where x.execution_id = e.execution_id`.execute(tx);
}

export interface Delay {
  readonly executionId: ExecutionId;
  readonly delayMs: number;
}

/** Gives the claims up: each execution is due again after its delay. */
async function postpone(tx: Tx, delays: readonly Delay[]): Promise<void> {
  if (delays.length === 0) return;
  await sql`
    update execution.execution x
    set claimed_until = null,
      next_attempt_at = clock_timestamp() + d.delay_ms * interval '1 millisecond'
    from unnest(
      ${delays.map(({ executionId }) => executionId)}::uuid[],
      ${delays.map(({ delayMs }) => delayMs)}::float8[]
    ) as d(execution_id, delay_ms)
    where x.execution_id = d.execution_id`.execute(tx);
}

/** Which of the executions are final, whoever ended them. */
async function endedAmong(tx: Tx, ids: readonly ExecutionId[]): Promise<ExecutionId[]> {
  if (ids.length === 0) return [];
  const { rows } = await sql<{ executionId: ExecutionId }>`
    select execution_id as "executionId" from execution.execution
    where execution_id = any(${ids}::uuid[]) and completed_at is not null`.execute(tx);
  return rows.map(({ executionId }) => executionId);
}
