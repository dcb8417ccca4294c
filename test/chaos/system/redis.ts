/** A Redis that can be killed, lose its last writes, be emptied, filled, made read-only or followed by a replica. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, rm, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { freePort } from '../../../src/embedded/port.ts';

export interface RedisServer {
  readonly port: number;
  /** A connection of the harness's own; ended with the server. */
  readonly admin: Redis;
  isRunning(): boolean;
  /** Ends it at once, as a crash would. */
  kill(): Promise<void>;
  /** Resolves when it takes connections and has loaded what it kept. */
  start(): Promise<void>;
  /**
   * Ends it and lets it forget all that it wrote within the last so many milliseconds, as a power cut before the next
   * fsync does; nothing when that cannot be told. Returns how far back it went.
   */
  losePower(msMin: number, msMax: number): Promise<number>;
  /** Forgets everything, for a new life as a replica. Only while it does not run. */
  wipe(): Promise<void>;
  stop(): Promise<void>;
}

const READY_MS_MAX = 20_000;
const POLL_MS = 50;
/** Sizes of the append-only file are remembered so long and so often. */
const SIZES_KEPT_MS = 10_000;
const SIZE_POLL_MS = 100;

/** `everysec` is what a usual production Redis has; a power cut may then cost up to 2 s. */
const SETTINGS = [
  ...['--save', '', '--appendonly', 'yes', '--appendfsync', 'everysec'],
  ...['--maxmemory-policy', 'noeviction', '--bind', '127.0.0.1'],
  // A rewrite would replace the file whose sizes are remembered.
  ...['--auto-aof-rewrite-percentage', '0', '--aof-load-truncated', 'yes'],
  ...['--repl-diskless-sync-delay', '0', '--repl-timeout', '5'],
];

export async function openRedisServer(directory: string): Promise<RedisServer> {
  await mkdir(directory, { recursive: true });
  const port = await freePort();
  const admin = new Redis({
    port,
    host: '127.0.0.1',
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    retryStrategy: () => 100,
    lazyConnect: true,
  });
  admin.on('error', () => {});
  let server: ChildProcess | undefined;
  let sizes: { readonly atMs: number; readonly file: string; readonly bytes: number }[] = [];
  const measuring = setInterval(() => {
    measure().catch(() => undefined);
  }, SIZE_POLL_MS);
  measuring.unref();

  async function measure(): Promise<void> {
    const file = await incrementIn(directory);
    if (file === undefined || server === undefined) return;
    const { size } = await stat(file);
    const atMs = performance.now();
    sizes.push({ atMs, file, bytes: size });
    sizes = sizes.filter((known) => atMs - known.atMs < SIZES_KEPT_MS);
  }

  async function kill(): Promise<void> {
    const running = server;
    if (running === undefined) return;
    const exited = once(running, 'exit');
    running.kill('SIGKILL');
    await exited;
  }

  const redis: RedisServer = {
    port,
    admin,
    isRunning: () => server !== undefined,
    kill,
    async start() {
      if (server !== undefined) return;
      const started = spawn(
        'redis-server',
        [...SETTINGS, '--port', `${port}`, '--dir', directory],
        {
          stdio: 'ignore',
          detached: true,
        },
      );
      server = started;
      sizes = [];
      started.once('exit', () => {
        if (server === started) server = undefined;
      });
      await answering(admin);
    },
    async losePower(msMin, msMax) {
      await measure();
      const now = performance.now();
      await kill();
      const known = sizes.filter(({ atMs }) => now - atMs >= msMin && now - atMs <= msMax).at(-1);
      if (known === undefined) return 0;
      await truncate(known.file, known.bytes);
      return now - known.atMs;
    },
    async wipe() {
      await rm(join(directory, 'appendonlydir'), { recursive: true, force: true });
      await rm(join(directory, 'dump.rdb'), { force: true });
    },
    async stop() {
      clearInterval(measuring);
      admin.disconnect();
      await kill();
    },
  };
  await redis.start();
  return redis;
}

async function answering(admin: Redis): Promise<void> {
  const untilMs = performance.now() + READY_MS_MAX;
  while (performance.now() < untilMs) {
    try {
      if (admin.status === 'wait' || admin.status === 'end') await admin.connect();
      // LOADING is an error: it answers once everything is back.
      await admin.ping();
      return;
    } catch {
      await sleep(POLL_MS);
    }
  }
  throw new Error('Redis did not become ready.');
}

/** The file that is appended to; there is one from the first write on. */
async function incrementIn(directory: string): Promise<string | undefined> {
  const folder = join(directory, 'appendonlydir');
  const names = await readdir(folder).catch(() => []);
  const name = names
    .filter((known) => known.endsWith('.incr.aof'))
    .toSorted()
    .at(-1);
  return name === undefined ? undefined : join(folder, name);
}
