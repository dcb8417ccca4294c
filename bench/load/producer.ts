/**
 * A source that pushes to the queue `ingest` as any BullMQ client may: the documented envelope, prefix and options, and
 * nothing of ours between it and the store.
 */
import { randomUUID } from 'node:crypto';
import {
  createPostgresBackend,
  createRedisBackend,
  type JobsOptions,
  type PgPool,
  withBackend,
} from 'bullmq';
import { Redis } from 'ioredis';
import pg from 'pg';
import { type EventLoad, messageOf } from './events.ts';

/** Where the queues are. */
export type QueueStore = { readonly redis: string } | { readonly postgres: string };

export interface Producer {
  /** Sends events `first` to `first + count - 1` in jobs of `perJob`. */
  send(first: number, count: number, perJob: number): Promise<void>;
  /** Nobody is handed a job of the queue until it is released; it takes jobs all the same. */
  hold(): Promise<void>;
  release(): Promise<void>;
  close(): Promise<void>;
}

const QUEUE = 'ingest';
const OPTIONS: JobsOptions = {
  attempts: 1_000_000,
  backoff: { type: 'capped' },
  removeOnComplete: true,
  removeOnFail: true,
};
const SENDS_AT_ONCE = 64;

export function openProducer(store: QueueStore, load: EventLoad): Producer {
  const { queue, end } = openQueue(store);
  const sendJob = async (first: number, count: number) => {
    const seconds = Math.floor(Date.now() / 1_000);
    const messages = Array.from({ length: count }, (_, index) =>
      messageOf(first + index, load, seconds),
    );
    await queue.add('batch', { v: 1, messages }, { ...OPTIONS, jobId: randomUUID() });
  };
  return {
    async send(first, count, perJob) {
      let next = first;
      const end = first + count;
      const sender = async () => {
        while (next < end) {
          const start = next;
          next = Math.min(end, start + perJob);
          await sendJob(start, next - start);
        }
      };
      await Promise.all(Array.from({ length: SENDS_AT_ONCE }, sender));
    },
    hold: () => queue.pause(),
    release: () => queue.resume(),
    async close() {
      await queue.close();
      await end();
    },
  };
}

function openQueue(store: QueueStore) {
  if ('redis' in store) {
    const connection = new Redis(store.redis, { maxRetriesPerRequest: null });
    const { Queue } = withBackend(createRedisBackend);
    return {
      queue: new Queue(QUEUE, { connection, prefix: `{${QUEUE}}` }),
      end: async () => connection.disconnect(),
    };
  }
  const connection = new pg.Pool({
    connectionString: store.postgres,
    options: '-c search_path=bullmq',
    max: SENDS_AT_ONCE / 4,
  });
  const { Queue } = withBackend(createPostgresBackend);
  // The driver and BullMQ declare the overloads of a pool differently.
  const pool = connection as unknown as PgPool;
  return { queue: new Queue(QUEUE, { connection: pool }), end: () => connection.end() };
}
