/**
 * Turns ledgered, approving decisions into executions. It sends nothing: what it commits is due, and the dispatcher calls.
 *
 * A decision that is not what was shown, or whose approval has expired, becomes an execution that has failed from the
 * start: it is never sent, and it is a fact for the ledger like any other, so no approval is left without an end.
 */
import type { DecisionId } from '../domain/ids.ts';
import { requestOf } from '../domain/execution.ts';
import {
  type ExecutionStore,
  openExecutionStore,
  type StandingExecution,
} from '../stores/execution.ts';
import { type Actor, forward, type Outcome, reject, settle } from './actor.ts';

/** Rejects: unknown_id, for a decision that is not final and approving, or has no entry yet; it is sent again then. */
export const executionActor: Actor<'execution', ExecutionStore> = {
  queue: 'execution',
  domain: 'execution',
  openStore: openExecutionStore,
  async receive(messages, store, _clock, failpoint) {
    const ids = [...new Set(messages.map(({ decisionId }) => decisionId as DecisionId))];
    const decisions = await store.ledgeredDecisions(ids);
    const now = await store.now();
    await failpoint?.('upstream_read');
    await store.keepExecutions(decisions.map((decision) => requestOf(decision, now)));
    const standing = new Map(
      (await store.standing(ids)).map((execution) => [execution.decisionId as string, execution]),
    );
    return messages.map(({ decisionId }) => outcomeOf(decisionId, standing.get(decisionId)));
  },
};

function outcomeOf(
  decisionId: string,
  execution: StandingExecution | undefined,
): Outcome<'execution'> {
  if (execution === undefined) {
    return reject('unknown_id', `no approving decision ${decisionId} is in the ledger`);
  }
  if (!execution.isFinal) return settle();
  return forward({ queue: 'ledger', message: { type: 'EXECUTION', id: execution.executionId } });
}
