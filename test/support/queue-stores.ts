/** Both queue stores, for suites that must hold on either: `describe.each(queueStores)('on $name', …)`. */
import { Redis } from 'ioredis';
import { inject } from 'vitest';
import { silentLog } from '../../src/domain/log.ts';
import {
  type Broker,
  connectPostgres,
  connectRedis,
  QUEUE_SCHEMA,
} from '../../src/queues/broker.ts';
import { openQueuePool } from '../../src/stores/database.ts';
import { cloneDatabase, type TestDatabase } from './database.ts';

export interface QueueStore {
  readonly name: 'redis' | 'postgres';
  /** What REDIS_URL is to be for a daemon on an empty store of this kind; not set for the Postgres backend. */
  redisUrl(): Promise<string | undefined>;
  /**
   * A broker on an empty store, which its `close` gives back. The Postgres backend works in `database`, or in a clone
   * of its own when none is given.
   */
  connect(database?: TestDatabase): Promise<Broker>;
}

/** Six workers and what they do. */
const QUEUE_CONNECTIONS_MAX = 16;

export const queueStores: readonly QueueStore[] = [
  {
    name: 'redis',
    redisUrl: emptyRedis,
    connect: async () => connectRedis(await emptyRedis(), silentLog),
  },
  {
    name: 'postgres',
    redisUrl: async () => undefined,
    connect: (database) =>
      database === undefined ? onOwnClone() : onPostgres(database, async () => {}),
  },
];

/**
 * The URL of a Redis database that nobody else uses now. Queue names are fixed, so what keeps test files apart is the
 * database number; numbers go round, each is emptied when its turn comes.
 */
async function emptyRedis(): Promise<string> {
  const { url } = inject('redis');
  const redis = new Redis(url);
  try {
    const [, databases] = (await redis.config('GET', 'databases')) as [string, string];
    // Database 0 only counts.
    const number = 1 + ((await redis.incr('sentinelops-test:uses')) % (Number(databases) - 1));
    await redis.select(number);
    await redis.flushdb();
    return `${url}/${number}`;
  } finally {
    redis.disconnect();
  }
}

async function onOwnClone(): Promise<Broker> {
  const database = await cloneDatabase();
  return onPostgres(database, () => database.close());
}

async function onPostgres(
  database: TestDatabase,
  afterClose: () => Promise<void>,
): Promise<Broker> {
  const pool = openQueuePool({
    url: database.url,
    assumeRole: true,
    schema: QUEUE_SCHEMA,
    connectionsMax: QUEUE_CONNECTIONS_MAX,
    onConnectionError: () => {},
  });
  const broker = await connectPostgres(pool, silentLog);
  return {
    ...broker,
    async close() {
      await broker.close();
      await pool.end();
      await afterClose();
    },
  };
}
