/**
 * What follows from calls that have ended, from calls that were lost, and from approvals that ran out: in each case the
 * rows are locked and read, the next step is decided, and the whole set is written, on the dispatcher's transaction.
 */
import {
  attemptOutcomeOf,
  type Delivery,
  endOfExpired,
  LOST_DELIVERY,
  type NextStep,
  stepAfter,
} from '../domain/delivery.ts';
import { type Ending, executionDigest } from '../domain/execution.ts';
import type { ExecutionId } from '../domain/ids.ts';
import type {
  AttemptKey,
  DispatcherStore,
  EndedExecution,
  LockedExecution,
} from '../stores/dispatcher.ts';

export interface EndedCall {
  readonly key: AttemptKey;
  readonly delivery: Delivery;
}

/** What a step depends on and no row says. */
export interface StepRules {
  /** The targets that are known here. */
  readonly targets: readonly string[];
  isIdempotent(target: string): boolean;
  /** In [0, 1). */
  random(): number;
  readonly retryDelaysMs: readonly number[];
}

/**
 * Records how calls ended. A call whose claim is no longer the last one changes nothing. Returns which of the executions
 * are final now, also those that were before: the reply to the COMMIT that ended them may have been lost.
 */
export async function recordEnded(
  store: DispatcherStore,
  ended: readonly EndedCall[],
  rules: StepRules,
): Promise<ExecutionId[]> {
  const locked = await store.lockAttempted(ended.map(({ key }) => key));
  const deliveries = new Map(ended.map(({ key, delivery }) => [nameOf(key), delivery]));
  await keepSteps(store, locked, (row) => deliveries.get(nameOf(row))!, rules);
  return store.endedAmong(ended.map(({ key }) => key.executionId));
}

/**
 * Ends the attempts of dispatchers that are gone, and the executions whose approval has expired; at most `rowsMax` of
 * each. Returns the executions that this has ended.
 */
export async function sweep(
  store: DispatcherStore,
  rules: StepRules,
  rowsMax: number,
): Promise<ExecutionId[]> {
  const lost = await store.lockLost(rules.targets, rowsMax);
  await keepSteps(store, lost, () => LOST_DELIVERY, rules);
  const expired = await store.lockExpired(rowsMax);
  await store.endExecutions(expired.map(endedByExpiry));
  return store.endedAmong([...lost, ...expired].map(({ executionId }) => executionId));
}

async function keepSteps(
  store: DispatcherStore,
  rows: readonly LockedExecution[],
  deliveryOf: (row: LockedExecution) => Delivery,
  rules: StepRules,
): Promise<void> {
  const taken = rows.map((row) => {
    const delivery = deliveryOf(row);
    return { row, delivery, step: stepOf(row, delivery, rules) };
  });
  await store.endAttempts(
    taken.map(({ row, delivery }) => ({
      executionId: row.executionId,
      attemptNo: row.attemptNo,
      outcome: attemptOutcomeOf(delivery),
      httpStatus: delivery.answer.httpStatus ?? null,
      responseSha256: delivery.answer.responseSha256 ?? null,
      detail: delivery.detail,
    })),
  );
  await store.endExecutions(
    taken.flatMap(({ row, delivery, step }) =>
      step.kind === 'end' ? [endedBy(row, delivery, step)] : [],
    ),
  );
  await store.postpone(
    taken.flatMap(({ row, step }) =>
      step.kind === 'again' ? [{ executionId: row.executionId, delayMs: step.delayMs }] : [],
    ),
  );
}

function stepOf(row: LockedExecution, delivery: Delivery, rules: StepRules): NextStep {
  const { target, attemptNo, earlierUnknown, remainingMs } = row;
  const idempotent = rules.isIdempotent(target);
  const attempted = { delivery, attemptNo, earlierUnknown, idempotent, remainingMs };
  return stepAfter(attempted, rules.random(), rules.retryDelaysMs);
}

function endedBy(
  row: LockedExecution,
  { answer }: Delivery,
  { status, failureReason }: Extract<NextStep, { kind: 'end' }>,
): EndedExecution {
  return ended(row, {
    status,
    failureReason,
    completedAt: row.now,
    responseSha256: answer.responseSha256 ?? null,
  });
}

function endedByExpiry(row: LockedExecution): EndedExecution {
  return ended(row, {
    status: 'failed',
    failureReason: endOfExpired(row.earlierUnknown),
    completedAt: row.now,
    responseSha256: null,
  });
}

function ended(row: LockedExecution, ending: Ending): EndedExecution {
  return { ...ending, executionId: row.executionId, rowDigest: executionDigest(row, ending) };
}

function nameOf({ executionId, attemptNo }: { executionId: string; attemptNo: number }): string {
  return `${executionId} ${attemptNo}`;
}
