/**
 * The product as it is shipped: bin/sentinelops.js with an environment, in one process (`up`) or in those of the
 * Procfile, migrated and loaded by its own commands, and fed through its queue like any source feeds it.
 */
import { randomUUID } from 'node:crypto';
import type { Bench } from '../bench.ts';
import { type EventLoad, USUAL_LOAD } from '../load/events.ts';
import { openProducer, type QueueStore } from '../load/producer.ts';
import { openSettlement } from '../measure/settlement.ts';
import { type Daemon, startDaemon } from '../site/daemon.ts';
import type { Chain, Contestant } from './contestant.ts';
import { readProcfile } from './procfile.ts';

export interface SentinelOpsOptions {
  readonly name: string;
  readonly load: EventLoad;
  readonly layout: 'one process' | 'process per queue';
  /** Events in one job of the source. */
  readonly perJob: number;
  /** What carries the queues. */
  readonly store: 'redis' | 'postgres';
  /** Processes for a queue, where it is not one. */
  readonly workers: Readonly<Record<string, number>>;
  /** A database that stands and stays, in the place of a fresh one. */
  readonly database?: string;
  /** Further settings of every process. */
  readonly environment: Readonly<Record<string, string>>;
}

const DATABASE = 'bench_sentinelops';
const USUAL: SentinelOpsOptions = {
  name: 'SentinelOps',
  load: USUAL_LOAD,
  layout: 'one process',
  perJob: 1,
  store: 'redis',
  workers: {},
  environment: {},
};

export function sentinelOps(bench: Bench, given: Partial<SentinelOpsOptions>): Contestant {
  const options = { ...USUAL, ...given };
  return { name: options.name, open: () => openSentinelOps(bench, options) };
}

/** A chain with the daemons under it, for sections that ask more of them than throughput. */
export interface SentinelOpsChain extends Chain {
  /** Where the database is. */
  readonly url: string;
  /** The reviewers' and sources' endpoint. */
  readonly endpoint: string;
  /** The load with the series of its events. */
  readonly load: EventLoad;
  /** Sends without a hold, as a source does while everything runs. */
  send(first: number, count: number): Promise<void>;
}

export async function openSentinelOps(
  bench: Bench,
  given: Partial<SentinelOpsOptions>,
): Promise<SentinelOpsChain> {
  const options = { ...USUAL, ...given };
  const { perJob, database } = options;
  // A database that stays has seen the events of earlier runs.
  const load = { ...options.load, series: randomUUID() };
  await bench.site.redis.empty();
  const url =
    database === undefined
      ? await bench.houses.build(DATABASE, load.policies)
      : bench.site.postgres.urlOf(database);
  const daemons = await startDaemons(bench, options, url);
  const store: QueueStore =
    options.store === 'redis' ? { redis: bench.site.redis.url } : { postgres: url };
  const producer = openProducer(store, load);
  const settlement = await openSettlement(url, load);
  let submitted = 0;
  return {
    url,
    load,
    endpoint: daemons.find(({ endpoint }) => endpoint !== undefined)?.endpoint ?? '',
    processes: daemons.map(({ role, pid }) => ({ role, pid })),
    send: (first, count) => producer.send(first, count, perJob),
    async submit(first, count) {
      await producer.hold();
      await producer.send(first, count, perJob);
      submitted = first + count;
    },
    async finish() {
      await producer.release();
      await settlement.reached(submitted);
    },
    async close() {
      await producer.close();
      await settlement.close();
      await Promise.all(daemons.map((daemon) => daemon.stop()));
      if (database === undefined) await bench.houses.drop(DATABASE);
    },
  };
}

async function startDaemons(
  bench: Bench,
  { layout, store, workers, environment, name }: SentinelOpsOptions,
  url: string,
): Promise<readonly Daemon[]> {
  const commands = layout === 'one process' ? [['up']] : await readProcfile();
  const started = commands.flatMap((command) => {
    const copies = workers[command.at(-1)!] ?? 1;
    return Array.from({ length: copies }, () =>
      startDaemon({
        args: command,
        directory: bench.site.directory,
        environment: {
          DATABASE_URL: url,
          ...(store === 'redis' ? { REDIS_URL: bench.site.redis.url } : {}),
          ADMIN_PORT: '0',
          ...environment,
          ...bench.profiler.environmentFor(name),
        },
        ending: bench.ending,
      }),
    );
  });
  return Promise.all(started);
}
