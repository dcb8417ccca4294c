/**
 * One batch of one actor: its transaction, what follows COMMIT, and what becomes of messages that fail.
 * What an error means is decided in fault.ts.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../domain/log.ts';
import type { Clock } from '../domain/time.ts';
import type { Broker } from '../queues/broker.ts';
import type { Message } from '../queues/messages.ts';
import type { QueueName } from '../queues/pipeline.ts';
import type { Database, Tx } from '../stores/database.ts';
import { type DeadLetter, keepDeadLetters } from '../stores/dead-letter.ts';
import type { Actor, Rejection } from './actor.ts';
import type { ActorPoint, Failpoint } from './failpoint.ts';
import { errorClassOf, faultOf } from './fault.ts';
import { createHandOn } from './hand-off.ts';
import { letterOf } from './letters.ts';
import type { Unwrapped } from './unwrap.ts';

export interface BatchOptions<Q extends QueueName, Store> {
  readonly actor: Actor<Q, Store>;
  readonly database: Database;
  readonly broker: Broker;
  readonly clock: Clock;
  readonly log: Log;
  /** Called after COMMIT and hand-off of each transaction. */
  readonly onBatch?: (report: BatchReport) => void;
  readonly failpoint?: Failpoint<ActorPoint> | undefined;
}

/** What one transaction did, for those who watch. */
export interface BatchReport {
  readonly queue: QueueName;
  readonly messages: number;
  readonly rejected: number;
  readonly transactionMs: number;
}

/** A message, or what stands in its place, and how often a worker has taken it. */
export interface Delivered<Q extends QueueName> {
  readonly unwrapped: Unwrapped<Q>;
  readonly claims: number;
}

/** `done`: kept and handed on, or kept as a dead letter. `retry`: its job goes back to the queue. */
export type Ending = 'done' | 'retry';

export interface BatchRunner<Q extends QueueName> {
  /** Ends every message of the batch. Rejects when the fault lies in none of them: then all jobs go back. */
  run(batch: readonly Delivered<Q>[]): Promise<readonly Ending[]>;
  /** Keeps the message as a dead letter. */
  giveUp(delivered: Delivered<Q>, reason: string, detail: string): Promise<Ending>;
}

/** Claims of a single message that fails for no reason we know before it is given up. */
const UNEXPLAINED_CLAIMS_MAX = 5;
const CONTENDED_TRIES_MAX = 5;
const CONTENDED_FIRST_MS = 20;
const CONTENDED_MAX_MS = 1_000;

type Failure<Q extends QueueName> = {
  readonly delivered: Delivered<Q>;
  readonly error: unknown;
};

export function createBatchRunner<Q extends QueueName, Store>(
  options: BatchOptions<Q, Store>,
): BatchRunner<Q> {
  const { actor, database, clock, log, failpoint } = options;
  const handOn = createHandOn(actor.queue, options.broker, failpoint);
  const watch = failpoint && { commitSent: () => failpoint('commit_sent') };

  async function run(batch: readonly Delivered<Q>[]): Promise<readonly Ending[]> {
    const failures = await attempt(batch);
    if (isFaultOfOurs(batch, failures)) {
      log.error(
        { queue: actor.queue, messages: batch.length, error: failures[0]!.error },
        'every message of a batch fails alike: none of them is to blame, all will be taken again',
      );
      return batch.map(() => 'retry');
    }
    const endings = new Map<Delivered<Q>, Ending>();
    for (const failure of failures) endings.set(failure.delivered, await endFailure(failure));
    return batch.map((delivered) => endings.get(delivered) ?? 'done');
  }

  /**
   * Settles the batch, and on a fault that may lie in a message its halves, down to the messages that fail alone. New
   * transactions, not savepoints: what a half has committed stays and is handed on, whatever becomes of the other.
   */
  async function attempt(batch: readonly Delivered<Q>[]): Promise<readonly Failure<Q>[]> {
    try {
      await settleBatch(batch);
      return [];
    } catch (error) {
      const fault = faultOf(error);
      if (fault !== 'data' && fault !== 'unexplained') throw error;
      if (batch.length === 1) return [{ delivered: batch[0]!, error }];
      log.warn(
        { queue: actor.queue, messages: batch.length, error: errorClassOf(error) },
        'bisecting a batch',
      );
      const middle = Math.ceil(batch.length / 2);
      return [...(await attempt(batch.slice(0, middle))), ...(await attempt(batch.slice(middle)))];
    }
  }

  async function settleBatch(batch: readonly Delivered<Q>[]): Promise<void> {
    const startedMs = performance.now();
    await failpoint?.('claimed');
    const { outcomes, rejected } = await whileContended(() =>
      database.transact((tx) => receive(tx, batch), watch),
    );
    // Durable from here: the batch's rows and dead letters. Not yet sent: its successors.
    const transactionMs = performance.now() - startedMs;
    await failpoint?.('after_commit');
    await handOn(outcomes);
    await failpoint?.('handed_off');
    options.onBatch?.({ queue: actor.queue, messages: batch.length, rejected, transactionMs });
  }

  async function receive(tx: Tx, batch: readonly Delivered<Q>[]) {
    const wellFormed = batch.filter(isWellFormed);
    const messages = wellFormed.map(({ unwrapped }) => unwrapped.message);
    const outcomes =
      messages.length === 0
        ? []
        : await actor.receive(messages, actor.openStore(tx), clock, failpoint);
    if (outcomes.length !== messages.length) {
      throw new TypeError(`${messages.length} messages got ${outcomes.length} outcomes`);
    }
    const letters: DeadLetter[] = [];
    for (const { unwrapped, claims } of batch) {
      if ('reason' in unwrapped) letters.push(letterOf(actor.queue, unwrapped, unwrapped, claims));
    }
    outcomes.forEach((outcome, index) => {
      if (outcome.kind !== 'reject') return;
      const { unwrapped, claims } = wellFormed[index]!;
      letters.push(letterOf(actor.queue, unwrapped, outcome.rejection, claims));
    });
    if (letters.length > 0) await keepDeadLetters(tx, letters);
    await failpoint?.('before_commit');
    return { outcomes, rejected: letters.length };
  }

  async function endFailure({ delivered, error }: Failure<Q>): Promise<Ending> {
    const { claims } = delivered;
    const errorClass = errorClassOf(error);
    if (faultOf(error) === 'data') {
      return keep(
        delivered,
        { reason: 'refused_by_database', detail: `Postgres refuses it: ${errorClass}` },
        errorClass,
      );
    }
    log.error({ queue: actor.queue, claims, error }, 'a message fails for no known reason');
    if (claims < UNEXPLAINED_CLAIMS_MAX) return 'retry';
    return keep(
      delivered,
      { reason: 'fails_every_time', detail: `failed ${claims} times: ${errorClass}` },
      errorClass,
    );
  }

  async function keep(
    { unwrapped, claims }: Delivered<Q>,
    why: Rejection,
    errorClass?: string,
  ): Promise<Ending> {
    const letter = { ...letterOf(actor.queue, unwrapped, why, claims), errorClass };
    await database.transact((tx) => keepDeadLetters(tx, [letter]));
    // Durable from here: the dead letter. Only now may its job leave the queue.
    return 'done';
  }

  return { run, giveUp: (delivered, reason, detail) => keep(delivered, { reason, detail }) };
}

/** Several messages that all fail alike, outside of data, point at us: at a bug or a missing right, not at them. */
function isFaultOfOurs<Q extends QueueName>(
  batch: readonly Delivered<Q>[],
  failures: readonly Failure<Q>[],
): boolean {
  if (batch.length < 2 || failures.length < batch.length) return false;
  const classes = new Set(failures.map(({ error }) => errorClassOf(error)));
  return classes.size === 1 && faultOf(failures[0]!.error) === 'unexplained';
}

type WellFormed<Q extends QueueName> = Delivered<Q> & {
  readonly unwrapped: { readonly message: Message<Q> };
};

function isWellFormed<Q extends QueueName>(delivered: Delivered<Q>): delivered is WellFormed<Q> {
  return 'message' in delivered.unwrapped;
}

/** A lost race is over in milliseconds; only when it is not do the jobs go back to the queue. Full jitter. */
async function whileContended<T>(work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await work();
    } catch (error) {
      if (faultOf(error) !== 'contended' || tries === CONTENDED_TRIES_MAX) throw error;
      const ceilingMs = Math.min(CONTENDED_MAX_MS, CONTENDED_FIRST_MS * 2 ** (tries - 1));
      await sleep(Math.random() * ceilingMs);
    }
  }
}
