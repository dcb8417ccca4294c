/**
 * The queue store: BullMQ on Redis, or on its own Postgres backend. The only importer of bullmq.
 *
 * A queue only says "there is work"; Postgres is the record. Delivery is at least once, a job may be lost with its
 * store, and the settings below follow from that: a transient fault never ends a job, finished and failed jobs leave at
 * once (an id that exists in any state is silently ignored), and locks are short so that a killed worker's jobs return
 * within seconds.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  assertSchemaCompatibility,
  type BackendFactory,
  type ConnectionOptions,
  createPostgresBackend,
  createRedisBackend,
  type IQueueBackend,
  type Job,
  type JobsOptions,
  LATEST_SCHEMA_VERSION,
  type PgPool,
  type PgQueryable,
  runMigrations,
  withBackend,
} from 'bullmq';
import type { Log } from '../domain/log.ts';
import { BATCH_MESSAGES_MAX, ENVELOPE_VERSION, type Message } from './messages.ts';
import { type QueueName, queueNames } from './pipeline.ts';
import { openRedis, refuseUnfitRedis } from './redis.ts';
import { parseRedisAddress } from './redis-address.ts';
import { UnfitQueueStore } from './unfit.ts';

/** Sends messages as jobs of at most `BATCH_MESSAGES_MAX`; resolves when the store has taken all of them. */
export type Send<Q extends QueueName> = (
  messages: readonly Message<Q>[],
  jobId?: string,
) => Promise<void>;

/** One job as a worker was handed it. Its content is not yet checked. */
export interface TakenJob {
  readonly id: string;
  readonly content: unknown;
  /** How often a worker took it, this time included. */
  readonly claims: number;
  /** How often a worker took it and was lost. */
  readonly stalls: number;
}

export interface Consumer {
  /** Stops fetching and resolves when every job under way is done. */
  stop(): Promise<void>;
  isRunning(): boolean;
}

/** What is in a queue. */
export interface Backlog {
  /** In any state: waiting, delayed for a retry, or under way. */
  readonly jobs: number;
  /** How long the oldest job that waits for a worker has been in the queue; null when none waits. */
  readonly oldestWaitingMs: number | null;
}

export interface Broker {
  readonly store: 'redis' | 'postgres';
  sender<Q extends QueueName>(queue: Q): Send<Q>;
  /**
   * Hands every job to `take`; the job is completed when it resolves and retried, later and later, when it rejects.
   * `onCompleted` is told of each that has left.
   */
  consume(
    queue: QueueName,
    take: (job: TakenJob) => Promise<void>,
    onCompleted?: () => void,
  ): Promise<Consumer>;
  /** How many jobs a worker may be handed at once; at most half of them should fit one batch. */
  readonly jobsInFlightMax: number;
  /** One job on a queue that is not ours: what a target of kind `queue` delivers. A repeated `jobId` is ignored. */
  publish(queue: string, jobId: string, content: object): Promise<void>;
  counts(queue: QueueName): Promise<Readonly<Record<string, number>>>;
  backlog(queue: QueueName): Promise<Backlog>;
  /** Rejects when the store does not answer. */
  ping(): Promise<void>;
  close(): Promise<void>;
}

const JOB_NAME = 'batch';
const JOB_OPTIONS = {
  attempts: 1_000_000,
  backoff: { type: 'capped' },
  removeOnComplete: true,
  removeOnFail: true,
  stackTraceLimit: 1,
} as const satisfies JobsOptions;
const BACKOFF_FIRST_MS = 250;
const BACKOFF_MAX_MS = 30_000;
const LOCK_MS = 6_000;
const STALLED_CHECK_MS = 2_000;
const STALLS_MAX = 1_000_000;
const EVENTS_KEPT = 1_000;
/** How long a store may take to answer for the first time. */
const CONNECT_MS_MAX = 10_000;
export const QUEUE_SCHEMA = 'bullmq';

/**
 * Jitter below the ceiling, so that a burst of retries does not stay a burst. Whole milliseconds: the Postgres backend
 * refuses a fraction, and the job would then wait for its lock to lapse.
 */
function cappedBackoff(attemptsMade: number): number {
  const ceilingMs = BACKOFF_FIRST_MS * 2 ** Math.min(attemptsMade - 1, 10);
  return Math.round(Math.min(BACKOFF_MAX_MS, ceilingMs) * (0.5 + Math.random() / 2));
}

/** Hash tag of a queue's keys: in Redis Cluster all keys of one queue must share a slot. Part of the job format. */
export const prefixOf = (queue: string): string => `{${queue}}`;

interface Engine<C> {
  readonly store: Broker['store'];
  readonly factory: BackendFactory<IQueueBackend, C>;
  readonly forSending: C;
  readonly forWorking: C;
  readonly jobsInFlightMax: number;
  /** Seconds an idle worker waits for a wake-up before it looks again. */
  readonly idleWaitS: number;
  ping(): Promise<void>;
  close(): Promise<void>;
}

function brokerOn<C>(engine: Engine<C>, log: Log): Broker {
  const { Queue, Worker } = withBackend<IQueueBackend, C>(engine.factory);
  const onError = limited(log, 'queue store');
  const queues = new Map<string, InstanceType<typeof Queue>>();
  const open = (name: string) => {
    const known = queues.get(name);
    if (known !== undefined) return known;
    const queue = new Queue(name, {
      connection: engine.forSending,
      prefix: prefixOf(name),
      defaultJobOptions: JOB_OPTIONS,
      streams: { events: { maxLen: EVENTS_KEPT } },
    });
    queue.on('error', onError);
    queues.set(name, queue);
    return queue;
  };
  const add = async (name: string, content: object, jobId: string) => {
    const queue = open(name);
    await queue.waitUntilReady();
    // The id is made once per send: when the reply to an add is lost and it is sent again, one job comes of it.
    await queue.add(JOB_NAME, content, { jobId });
  };

  const counts = (queue: QueueName) =>
    open(queue).getJobCounts('waiting', 'active', 'delayed', 'failed', 'prioritized');

  return {
    store: engine.store,
    jobsInFlightMax: engine.jobsInFlightMax,
    sender: (queue) => async (messages, jobId) => {
      await Promise.all(
        chunksOf(messages, BATCH_MESSAGES_MAX).map((chunk, index) =>
          add(
            queue,
            { v: ENVELOPE_VERSION, messages: chunk },
            jobId === undefined ? randomUUID() : index === 0 ? jobId : `${jobId}-${index}`,
          ),
        ),
      );
    },
    async consume(queue, take, onCompleted) {
      const worker = new Worker(
        queue,
        async (job) => {
          await take(takenJob(job as Job));
          return null;
        },
        {
          connection: engine.forWorking,
          prefix: prefixOf(queue),
          concurrency: engine.jobsInFlightMax,
          lockDuration: LOCK_MS,
          stalledInterval: STALLED_CHECK_MS,
          maxStalledCount: STALLS_MAX,
          drainDelay: engine.idleWaitS,
          settings: { backoffStrategy: cappedBackoff },
        },
      );
      worker.on('error', onError);
      if (onCompleted !== undefined) worker.on('completed', onCompleted);
      await worker.waitUntilReady();
      return { stop: () => worker.close(), isRunning: () => worker.isRunning() };
    },
    publish: (queue, jobId, content) => add(queue, content, jobId),
    counts,
    async backlog(queue) {
      const states = await counts(queue);
      const waiting = states['waiting'] ?? 0;
      // The last of all is the oldest on both stores; asked for in ascending order, they disagree.
      const [oldest] =
        waiting === 0 ? [] : await open(queue).getJobs(['waiting'], waiting - 1, waiting - 1);
      return {
        jobs: Object.values(states).reduce((sum, jobs) => sum + jobs, 0),
        // Taken meanwhile: then it has not waited for long.
        oldestWaitingMs: oldest === undefined ? null : Math.max(0, Date.now() - oldest.timestamp),
      };
    },
    ping: engine.ping,
    async close() {
      await Promise.all([...queues.values()].map((queue) => queue.close()));
      await engine.close();
    },
  };
}

function takenJob(job: Job): TakenJob {
  return {
    id: job.id ?? '',
    content: job.data,
    claims: job.attemptsStarted,
    stalls: job.stalledCounter,
  };
}

function chunksOf<T>(items: readonly T[], size: number): T[][] {
  const chunks: T[][] = [];
  for (let start = 0; start < items.length; start += size) {
    chunks.push(items.slice(start, start + size));
  }
  return chunks;
}

/** An unreachable store reports hundreds of errors a second; one line a second says as much. */
function limited(log: Log, what: string): (error: Error) => void {
  let quietUntilMs = 0;
  let unsaid = 0;
  return (error) => {
    const nowMs = performance.now();
    if (nowMs < quietUntilMs) {
      unsaid += 1;
      return;
    }
    log.warn({ error: error.message, unsaid }, `${what}: connection error`);
    quietUntilMs = nowMs + 1_000;
    unsaid = 0;
  };
}

// Redis

/** Connects to the Redis at `address`. @throws UnfitQueueStore when it is silent, or would lose or drop jobs. */
export async function connectRedis(address: string, log: Log): Promise<Broker> {
  const parsed = parseRedisAddress(address);
  const onError = limited(log, 'redis');
  // Sends fail at once when Redis is away (the HTTP intake must not wait for it); workers wait for its return.
  const forSending = openRedis(parsed, { maxRetriesPerRequest: 1, enableOfflineQueue: false });
  const forWorking = openRedis(parsed, { maxRetriesPerRequest: null });
  forSending.on('error', onError);
  forWorking.on('error', onError);
  const close = async () => {
    forSending.disconnect();
    forWorking.disconnect();
    await Promise.resolve();
  };
  try {
    await Promise.race([refuseUnfitRedis(forWorking), unlessSilent(CONNECT_MS_MAX)]);
  } catch (error) {
    await close();
    throw error;
  }
  return brokerOn<ConnectionOptions>(
    {
      store: 'redis',
      factory: createRedisBackend,
      forSending,
      forWorking,
      jobsInFlightMax: 128,
      idleWaitS: 5,
      ping: async () => {
        await forSending.ping();
      },
      close,
    },
    log,
  );
}

/** Once it has answered, its return is waited for; a process that cannot start without it says so. */
async function unlessSilent(ms: number): Promise<never> {
  await sleep(ms, undefined, { ref: false });
  throw new UnfitQueueStore(`Redis did not answer within ${ms / 1_000} s: check REDIS_URL.`);
}

// BullMQ's Postgres backend

/** A pool of the Postgres driver. BullMQ and the driver declare the overloads of its methods differently. */
interface DriverPool {
  connect(): Promise<unknown>;
  query(text: string): Promise<unknown>;
}

/** Uses BullMQ's own tables, in schema `bullmq` of the pool's database. The caller keeps the pool and closes it. */
export async function connectPostgres(driverPool: DriverPool, log: Log): Promise<Broker> {
  const pool = driverPool as unknown as PgPool;
  if ((await schemaVersion(pool)) < LATEST_SCHEMA_VERSION) {
    throw new UnfitQueueStore('The queue tables are missing or old: run "sentinelops migrate".');
  }
  return brokerOn<PgPool>(
    {
      store: 'postgres',
      factory: createPostgresBackend as BackendFactory<IQueueBackend, PgPool>,
      forSending: pool,
      forWorking: pool,
      jobsInFlightMax: 64,
      idleWaitS: 30,
      ping: async () => {
        await pool.query('select 1');
      },
      close: () => Promise.resolve(),
    },
    log,
  );
}

async function schemaVersion(pool: PgPool): Promise<number> {
  try {
    return await assertSchemaCompatibility(pool, QUEUE_SCHEMA);
  } catch (error) {
    // Who cannot reach the server learns nothing from being told to migrate it.
    if ('syscall' in (error as object)) throw error;
    throw new UnfitQueueStore(
      `The queue tables cannot be used: ${(error as Error).message}. Run "sentinelops migrate".`,
      { cause: error },
    );
  }
}

/** Brings BullMQ's tables up to date and lets `role` use them. Repeatable. Runs on one client of the migrating login. */
export async function migrateQueueStore(client: PgQueryable, role: string): Promise<void> {
  await runMigrations(client, QUEUE_SCHEMA);
  await client.query(`
    grant usage on schema ${QUEUE_SCHEMA} to ${role};
    grant select, insert, update, delete on all tables in schema ${QUEUE_SCHEMA} to ${role};
    grant usage, select on all sequences in schema ${QUEUE_SCHEMA} to ${role};
    alter table ${QUEUE_SCHEMA}.job set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
    alter table ${QUEUE_SCHEMA}.event set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
  `);
}

/** True when no queue of ours holds a job, whatever its state. */
export async function isIdle(broker: Broker): Promise<boolean> {
  const counts = await Promise.all(queueNames.map((queue) => broker.counts(queue)));
  return counts.every((states) => Object.values(states).every((jobs) => jobs === 0));
}
