/**
 * Watches over the time that people have to decide. It is not an actor, since nobody sends it anything: what is due stands
 * in Postgres.
 *
 *     warn       keeps, once for each round, that its time runs out, and says so in the log
 *     take       the reviews whose round is past its time; those that a person acts on right now are left to that person
 *     escalate   ends each round as the system's, and starts the next one, a role higher
 *     COMMIT     from here it is escalated; the ledger has not heard of it
 *     hand on    to awaiting-decision, which sends it to the ledger; what is lost here the reconciler sends again
 *
 * It runs beside each worker of awaiting-decision. Two at a time divide what there is between them: the locks of the
 * reviews keep them apart. It approves nothing and rejects nothing, whatever time passes.
 */
import { escalateOverdue } from '../domain/deadline.ts';
import { decisionDigest } from '../domain/decision.ts';
import type { DecisionId } from '../domain/ids.ts';
import type { Log } from '../domain/log.ts';
import { startRound } from '../domain/review.ts';
import type { Send } from '../queues/broker.ts';
import type { Database, Tx } from '../stores/database.ts';
import { openDeadlineStore } from '../stores/deadline.ts';
import { openDecisionStore } from '../stores/decision.ts';
import { errorClassOf } from './fault.ts';
import { createWatch, type Watch } from './watch.ts';

export interface DeadlineWatchOptions {
  /** Sessions of the decision domain. */
  readonly database: Database;
  readonly send: Send<'awaiting-decision'>;
  readonly log: Log;
  readonly intervalMs?: number;
}

const INTERVAL_MS = 10_000;
/** In one transaction. */
const ROUNDS_MAX = 100;

export function createDeadlineWatch(options: DeadlineWatchOptions): Watch {
  const { log, intervalMs = INTERVAL_MS } = options;
  return createWatch(intervalMs, async () => {
    try {
      await keepDeadlines(options);
    } catch (error) {
      log.warn({ error: errorClassOf(error) }, 'deadlines could not be looked at');
    }
  });
}

/** One look: warns and escalates whatever is due at this moment. Rejects when the database does not answer. */
export async function keepDeadlines({ database, send, log }: DeadlineWatchOptions): Promise<void> {
  for (let isMore = true; isMore; ) {
    const warned = await database.transact((tx) => openDeadlineStore(tx).warn(ROUNDS_MAX));
    for (const round of warned)
      log.warn({ ...round }, 'a review goes a role higher unless decided');
    isMore = warned.length === ROUNDS_MAX;
  }
  for (let isMore = true; isMore; ) {
    const escalated = await database.transact(escalateDue);
    for (const id of escalated) log.warn({ decisionId: id }, 'a review went a role higher');
    await handOn(escalated, send, log);
    isMore = escalated.length === ROUNDS_MAX;
  }
}

async function escalateDue(tx: Tx): Promise<readonly DecisionId[]> {
  const deadlines = openDeadlineStore(tx);
  const taken = await deadlines.takeOverdue(ROUNDS_MAX);
  if (taken.length === 0) return [];
  const overdue = new Set(taken.map(({ decisionId }) => decisionId));
  const store = openDecisionStore(tx);
  // Read under the locks: what people did before they were taken leaves no open round, or a new one.
  const open = await store.openCases(taken.map(({ reviewId }) => reviewId));
  const cases = open.filter(({ standing }) => overdue.has(standing.decisionId));
  const now = await deadlines.now();
  const ended = cases.map(({ standing, approvals }) => {
    const round = escalateOverdue(standing, now);
    return { ...round, rowDigest: decisionDigest(round, approvals) };
  });
  await store.endRounds(ended);
  await store.openRounds(
    cases.map(({ advisory, standing }) => startRound(advisory, standing.round + 1)),
  );
  return ended.map(({ decisionId }) => decisionId);
}

async function handOn(
  ids: readonly DecisionId[],
  send: DeadlineWatchOptions['send'],
  log: Log,
): Promise<void> {
  if (ids.length === 0) return;
  try {
    await send(ids.map((id) => ({ type: 'DECISION', id })));
  } catch (error) {
    log.warn({ error: errorClassOf(error) }, 'escalations were not handed on');
  }
}
