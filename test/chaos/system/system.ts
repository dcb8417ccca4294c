/** The system under test: its stores, a process for each line of the Procfile, and a way to reach and to disturb each. */
import { chmod, mkdir, readdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../../src/embedded/port.ts';
import { migrateQueueStore } from '../../../src/queues/broker.ts';
import { QUEUE_ROLE, withMigratorClient } from '../../../src/stores/database.ts';
import { migrate } from '../../../src/stores/migrate.ts';
import type { RunFolder } from '../journal.ts';
import { targetsFile } from '../load/documents.ts';
import { openReceiver, type Receiver } from '../load/receiver.ts';
import { clearClockOf, openClock } from './clock.ts';
import { openPostgresServer, type PostgresServer } from './postgres.ts';
import { signerStateIn, signingEnvironment } from './signing-key.ts';
import { type Ended, runCommand, type Supervised, supervise } from './processes.ts';
import { openProxy, type Proxy } from './proxy.ts';
import { openRedisServer, type RedisServer } from './redis.ts';

/** The processes of the Procfile. */
export const kinds = [
  'admin',
  'ingest',
  'risk',
  'advisory',
  'awaiting-decision',
  'ledger',
  'execution',
  'reconciler',
  'signer',
] as const;
export type Kind = (typeof kinds)[number];

/** One process with its own way to each store, and its own clock. */
export interface Instance {
  readonly kind: Kind;
  readonly name: string;
  readonly process: Supervised;
  readonly toPostgres: Proxy;
  readonly toRedis: Proxy;
  moveClock(seconds: number): Promise<void>;
  /** Whether it has got as far as its database; right after its start it has not. */
  isAtWork(): boolean;
  /** Where it listens; undefined for one that does not. */
  readonly url: string | undefined;
}

export interface System {
  readonly folder: RunFolder;
  readonly postgres: PostgresServer;
  readonly receiver: Receiver;
  /** The one that takes writes now; a failover changes it. */
  redis(): RedisServer;
  /** The other one, which does not run unless a failover needs it. */
  standby(): RedisServer;
  /** Lets everybody find the other one from now on. */
  failOver(): void;
  /** How sources from outside reach the queue store. */
  readonly sourcesToRedis: Proxy;
  /** All that run now. */
  instances(): readonly Instance[];
  /** The first of each kind, which stays until the end. */
  formation(): readonly Instance[];
  instancesOf(kind: Kind): readonly Instance[];
  /** One more process of a kind. */
  add(kind: Kind): Promise<Instance>;
  remove(instance: Instance): Promise<void>;
  httpUrls(): readonly string[];
  /** Runs a command of the command line to its end. */
  command(args: readonly string[], environment?: Readonly<Record<string, string>>): Promise<Ended>;
  /** Ends every process and leaves the stores, for whoever looks at them. */
  stopProcesses(): Promise<void>;
  /** Secrets that the processes know. */
  readonly canaries: readonly string[];
  stop(): Promise<void>;
}

export interface SystemOptions {
  readonly folder: RunFolder;
  /** For the stores' files. */
  readonly directory: string;
}

/** Of the kinds that are no `work <kind>`. */
const commands: Partial<Readonly<Record<Kind, readonly string[]>>> = {
  admin: ['admin'],
  signer: ['ledger', 'sign'],
};
const START_MS_MAX = 60_000;
const LEDGER_ORIGIN = 'chaos.example/ledger';
const SIGNER = 'signer';

export async function startSystem({ folder, directory }: SystemOptions): Promise<System> {
  // PostgreSQL's own user passes through.
  await chmod(directory, 0o711);
  const closers: (() => Promise<void>)[] = [];
  const stop = async () => {
    for (const close of closers.splice(0).toReversed()) await close();
  };
  try {
    const system = await open(folder, directory, closers, stop);
    for (const kind of kinds) await system.add(kind);
    await Promise.all(system.httpUrls().map(untilAnswers));
    // A signer that starts for the first time wants an empty ledger.
    await untilSigns(directory);
    return system;
  } catch (error) {
    await stop();
    throw error;
  }
}

async function open(
  folder: RunFolder,
  directory: string,
  closers: (() => Promise<void>)[],
  stop: () => Promise<void>,
): Promise<System> {
  const opened = <T>(value: T, close: (value: T) => Promise<void>): T => {
    closers.push(() => close(value));
    return value;
  };
  const postgres = opened(await openPostgresServer(join(directory, 'postgres')), (one) =>
    one.stop(),
  );
  await migrate(postgres.url, { ledgerOrigin: LEDGER_ORIGIN });
  await withMigratorClient(postgres.url, (client) => migrateQueueStore(client, QUEUE_ROLE));
  let redis = opened(await openRedisServer(join(directory, 'redis-1')), (one) => one.stop());
  let standby = opened(await openRedisServer(join(directory, 'redis-2')), (one) => one.stop());
  await standby.kill();
  const sourcesToRedis = opened(await openProxy(redis.port), (one) => one.close());
  const secret = `whsec_${Buffer.from('the signing key of a chaos run!!').toString('base64')}`;
  const receiver = opened(
    await openReceiver({ secret, note: (receipt) => folder.note('receipts', receipt) }),
    (one) => one.close(),
  );
  const workingDirectory = join(directory, 'work');
  await mkdir(workingDirectory, { recursive: true });
  const targets = join(workingDirectory, 'targets.yaml');
  await writeFile(targets, targetsFile(receiver.url, 'env:CHAOS_SIGNING_KEY'));

  const signing = await signingEnvironment(join(directory, SIGNER), `${LEDGER_ORIGIN}-0`);

  const common = {
    PATH: '/usr/bin:/bin',
    HOME: workingDirectory,
    TARGETS_FILE: targets,
    CHAOS_SIGNING_KEY: secret,
    // Of all runs: a process that has to write it takes its time to end.
    NODE_COMPILE_CACHE: join(tmpdir(), 'sentinelops-test-compile-cache'),
    SENTINELOPS_MODE: 'test',
  };

  const running = new Map<string, Instance>();
  let added = 0;
  const stopProcesses = async () => {
    await Promise.all([...running.values()].map(remove));
  };
  closers.push(stopProcesses);

  async function add(kind: Kind): Promise<Instance> {
    added += 1;
    const name = running.has(kind) ? `${kind}-${added}` : kind;
    const toPostgres = await openProxy(postgres.port);
    const toRedis = await openProxy(redis.port);
    const clock = await openClock(join(directory, 'clocks', name));
    const port = kind === 'admin' ? await freePort() : 0;
    const environment = {
      ...common,
      DATABASE_URL: through(postgres.url, toPostgres),
      REDIS_URL: `redis://127.0.0.1:${toRedis.port}/0`,
      ADMIN_PORT: `${port}`,
      ...(kind === 'signer' ? signing : {}),
      ...clock.environment,
    };
    const process = supervise(
      { name, args: commands[kind] ?? ['work', kind], environment },
      { folder, directory: workingDirectory, onExit: clearClockOf },
    );
    const url = kind === 'admin' ? `http://127.0.0.1:${port}` : undefined;
    const instance = {
      ...{ kind, name, process, toPostgres, toRedis, url, moveClock: clock.move },
      isAtWork: () => process.pid() !== undefined && toPostgres.connections() > 0,
    };
    running.set(name, instance);
    return instance;
  }

  async function remove(instance: Instance): Promise<void> {
    running.delete(instance.name);
    instance.toPostgres.resume();
    instance.toRedis.resume();
    await instance.process.stop();
    await instance.toPostgres.close();
    await instance.toRedis.close();
  }

  return {
    folder,
    postgres,
    receiver,
    redis: () => redis,
    standby: () => standby,
    failOver() {
      [redis, standby] = [standby, redis];
      for (const proxy of [sourcesToRedis, ...[...running.values()].map((one) => one.toRedis)]) {
        proxy.redirect(redis.port);
        proxy.cut();
      }
    },
    sourcesToRedis,
    instances: () => [...running.values()],
    formation: () => kinds.map((kind) => running.get(kind)!),
    instancesOf: (kind) => [...running.values()].filter((one) => one.kind === kind),
    command(args, environment = {}) {
      const stores = {
        DATABASE_URL: postgres.url,
        REDIS_URL: `redis://127.0.0.1:${redis.port}/0`,
      };
      return runCommand(args, { ...common, ...stores, ...environment }, workingDirectory);
    },
    add,
    remove,
    stopProcesses,
    httpUrls: () => [...running.values()].flatMap(({ url }) => (url === undefined ? [] : [url])),
    canaries: [secret, new URL(postgres.url).password],
    stop,
  };
}

function through(databaseUrl: string, proxy: Proxy): string {
  const url = new URL(databaseUrl);
  url.port = `${proxy.port}`;
  return url.href;
}

async function untilSigns(directory: string): Promise<void> {
  const state = signerStateIn(join(directory, SIGNER));
  const untilMs = performance.now() + START_MS_MAX;
  while (performance.now() < untilMs) {
    const files = await readdir(state).catch(() => []);
    if (files.some((name) => name.endsWith('.checkpoint'))) return;
    await sleep(100);
  }
  throw new Error('The signer did not begin.');
}

const AT_WORK_MS_MAX = 10_000;

/** Returns how many of them are at work, at the latest when the others have had time enough. */
export async function untilAtWork(instances: readonly Instance[]): Promise<number> {
  const untilMs = performance.now() + AT_WORK_MS_MAX;
  const atWork = () => instances.filter((instance) => instance.isAtWork()).length;
  while (atWork() < instances.length && performance.now() < untilMs) await sleep(50);
  return atWork();
}

export async function untilAnswers(url: string): Promise<void> {
  const untilMs = performance.now() + START_MS_MAX;
  while (performance.now() < untilMs) {
    const answered = await fetch(`${url}/v1/reviews`, { signal: AbortSignal.timeout(1_000) }).catch(
      () => undefined,
    );
    if (answered !== undefined) return;
    await sleep(200);
  }
  throw new Error(`Nothing answers at ${url}.`);
}
