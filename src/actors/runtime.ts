/**
 * Runs an actor. The life of a job, the same for all of them:
 *
 *     take      a worker is handed the job; its content is checked message by message
 *     gather    in the mailbox: what arrives while one batch runs is the next one
 *     receive   one transaction under the domain's role: the actor reads, decides and writes the whole batch, and what
 *               it rejects is kept as dead letters beside it
 *     COMMIT    from here the batch is kept; none of its successors is sent yet
 *     hand on   one job for each next queue
 *     complete  the job leaves its queue
 *
 * Delivery is at least once: wherever the process dies, the job comes again, whole, and is forwarded again even when
 * every row already stood, since its successors may never have been sent.
 */
import type { Broker, Consumer, TakenJob } from '../queues/broker.ts';
import { BATCH_MESSAGES_MAX } from '../queues/messages.ts';
import type { QueueName } from '../queues/pipeline.ts';
import { claimSuspect, releaseSuspect } from '../stores/suspect-claim.ts';
import { type BatchOptions, createBatchRunner, type Delivered, type Ending } from './batch.ts';
import { faultOf } from './fault.ts';
import { keyOf } from './letters.ts';
import { createMailbox } from './mailbox.ts';
import { unwrap } from './unwrap.ts';

export interface RuntimeOptions<Q extends QueueName, Store> extends BatchOptions<Q, Store> {
  readonly broker: Broker;
  /** Called once when the actor has stopped itself because a promise of ours is broken. */
  readonly onHalt?: (error: Error) => void;
}

export interface RunningActor {
  readonly queue: QueueName;
  /** Takes no more jobs, finishes those under way, and resolves. */
  drain(): Promise<void>;
  isRunning(): boolean;
}

/** A job whose worker was lost this often may hold a message that kills it: its messages then run alone. */
const SUSPECT_STALLS = 3;
/** Runs that a suspect did not survive before it is given up. */
const SUSPECT_DEATHS_MAX = 3;

export async function runActor<Q extends QueueName, Store>(
  options: RuntimeOptions<Q, Store>,
): Promise<RunningActor> {
  const { actor, broker, database, log, failpoint } = options;
  const batches = createBatchRunner(options);
  const mailbox = createMailbox(batches.run, {
    // Half of what a worker may be handed: while one batch runs, the other half gathers.
    deliveriesMax: Math.floor(broker.jobsInFlightMax / 2),
    messagesMax: BATCH_MESSAGES_MAX,
  });
  let consumer: Consumer | undefined;
  let halted: Error | undefined;
  /** What a failpoint makes of the next job that is done: its completion fails, those before it have not. */
  let completionFault: unknown;

  async function take(job: TakenJob): Promise<void> {
    if (halted !== undefined) throw halted;
    const delivered = unwrap(actor.queue, job.content).map((unwrapped) => ({
      unwrapped,
      claims: job.claims,
    }));
    try {
      const suspicious = job.stalls >= SUSPECT_STALLS;
      const endings = await (suspicious ? takeSuspects(delivered) : takeAll(delivered));
      if (endings.includes('retry')) throw new Error(`job ${job.id} will be taken again`);
      failCompletion();
    } catch (error) {
      if (faultOf(error) === 'halt') halt(error as Error);
      throw error;
    }
  }

  /** A job of a foreign client may hold more than one batch; slices keep each transaction within its time. */
  async function takeAll(delivered: readonly Delivered<Q>[]): Promise<Ending[]> {
    const slices: Promise<readonly Ending[]>[] = [];
    for (let start = 0; start < delivered.length; start += BATCH_MESSAGES_MAX) {
      slices.push(mailbox.put(delivered.slice(start, start + BATCH_MESSAGES_MAX)));
    }
    return (await Promise.all(slices)).flat();
  }

  /** One after the other, each alone in its batch: here, and only here, a query in a loop is the point. */
  async function takeSuspects(delivered: readonly Delivered<Q>[]): Promise<Ending[]> {
    const endings: Ending[] = [];
    for (const suspect of delivered) endings.push(await takeSuspect(suspect));
    return endings;
  }

  async function takeSuspect(suspect: Delivered<Q>): Promise<Ending> {
    const key = keyOf(suspect.unwrapped);
    const claims = await database.transact((tx) => claimSuspect(tx, actor.queue, key));
    // Durable from here: the claim. If the process dies now, this message is the one to blame.
    const deaths = claims - 1;
    const [ending = 'retry'] =
      deaths >= SUSPECT_DEATHS_MAX
        ? [
            await batches.giveUp(
              suspect,
              'kills_its_worker',
              `the worker died on it ${deaths} times`,
            ),
          ]
        : await mailbox.put([suspect], { alone: true });
    await database.transact((tx) => releaseSuspect(tx, actor.queue, key));
    return ending;
  }

  function failCompletion(): void {
    const fault = completionFault;
    completionFault = undefined;
    if (fault !== undefined) throw fault;
  }

  function halt(error: Error): void {
    if (halted !== undefined) return;
    halted = error;
    log.error({ queue: actor.queue, error: error.message }, 'actor halted: a promise is broken');
    // Not awaited: this runs inside a job, and stopping waits for the jobs under way.
    consumer?.stop().catch((cause: unknown) => log.error({ cause }, 'halted actor did not stop'));
    options.onHalt?.(error);
  }

  const onCompleted =
    failpoint &&
    (() => {
      failpoint('mid_complete').catch((error: unknown) => (completionFault = error));
    });
  consumer = await broker.consume(actor.queue, take, onCompleted);
  const { stop, isRunning } = consumer;
  return {
    queue: actor.queue,
    async drain() {
      await stop();
      await mailbox.drained();
    },
    isRunning: () => halted === undefined && isRunning(),
  };
}
