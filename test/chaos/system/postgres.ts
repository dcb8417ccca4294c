/** A PostgreSQL 18 of the run's own that can be crashed, filled up and brought back, always on the same port. */
import { execFile } from 'node:child_process';
import { chmod, mkdir, open, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import pg from 'pg';
import { type Binaries, prepareBinaries } from '../../../src/embedded/binaries.ts';
import { type Cluster, keepCluster, urlOf } from '../../../src/embedded/cluster.ts';
import { runProgram } from '../../../src/embedded/program.ts';
import { openServer, readLock } from '../../../src/embedded/server.ts';
import { isRoot, systemUser } from '../../../src/embedded/system-user.ts';

const run = promisify(execFile);

export interface PostgresServer {
  readonly port: number;
  /** Of the superuser, straight to the server. */
  readonly url: string;
  /** A session of the harness's own for one piece of work. */
  withClient<T>(work: (client: pg.Client) => Promise<T>): Promise<T>;
  isRunning(): Promise<boolean>;
  /** Resolves when it takes connections again. Harmless while it runs. */
  start(): Promise<void>;
  /** `immediate`: as a crash, without a checkpoint. */
  shutDown(mode: 'fast' | 'immediate'): Promise<void>;
  /** Kills the postmaster; its children end by themselves. */
  killPostmaster(): Promise<void>;
  /** Whether its disk is small enough to be filled. */
  readonly canFill: boolean;
  /** Takes all room on its disk until `free`. */
  fill(): Promise<void>;
  free(): Promise<void>;
  stop(): Promise<void>;
}

const SETTINGS = {
  max_connections: '140',
  shared_buffers: '256MB',
  max_wal_size: '512MB',
  checkpoint_timeout: '60s',
};
const DISK_BYTES = 4 * 2 ** 30;
const LAST_BYTES = 2 ** 20;
const BLOCK = Buffer.alloc(4_096, 1);
const START_TRIES_MAX = 10;
const START_PAUSE_MS = 300;

export async function openPostgresServer(directory: string): Promise<PostgresServer> {
  await mkdir(directory, { recursive: true });
  const canFill = await mountSmallDisk(directory);
  try {
    return await openOn(directory, canFill);
  } catch (error) {
    if (canFill) await run('umount', [directory]);
    throw error;
  }
}

async function openOn(directory: string, canFill: boolean): Promise<PostgresServer> {
  // The server's own user passes through.
  await chmod(directory, 0o755);
  const user = await systemUser();
  const binaries = await prepareBinaries(directory, user);
  const cluster = await keepCluster(directory, binaries, user);
  const { port } = await openServer(directory, cluster, binaries, SETTINGS);
  const url = urlOf(cluster.password, port);
  const pgCtl = (...args: string[]) => pgCtlOn(directory, cluster, binaries, args);
  const filler = join(directory, 'filler');
  const server: PostgresServer = {
    port,
    url,
    canFill,
    async withClient(work) {
      const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
      client.on('error', () => {});
      await client.connect();
      try {
        return await work(client);
      } finally {
        await client.end().catch(() => undefined);
      }
    },
    isRunning: async () => (await pgCtl('status')).code === 0,
    async start() {
      // A crash leaves children that hold the shared memory for a moment; the start is refused until they are gone.
      for (let tries = 1; ; tries += 1) {
        try {
          const restarted = await openServer(directory, cluster, binaries, SETTINGS);
          if (restarted.port === port) return;
          throw new Error(`Postgres came back on port ${restarted.port} instead of ${port}.`);
        } catch (error) {
          if (tries === START_TRIES_MAX) throw error;
          await sleep(START_PAUSE_MS);
        }
      }
    },
    async shutDown(mode) {
      await pgCtl('-m', mode, 'stop');
    },
    async killPostmaster() {
      const lock = await readLock(cluster.data);
      if (lock !== undefined) process.kill(lock.pid, 'SIGKILL');
    },
    async fill() {
      const { bavail, bsize } = await statfs(directory);
      const room = Math.max(bsize, bavail * bsize - LAST_BYTES);
      await run('fallocate', ['-l', `${room}`, filler]);
      // The rest, which the server takes from as well.
      const file = await open(filler, 'a');
      try {
        for (;;) await file.write(BLOCK);
      } catch (error) {
        if ((error as { code?: unknown }).code !== 'ENOSPC') throw error;
      } finally {
        await file.close();
      }
    },
    free: () => rm(filler, { force: true }),
    async stop() {
      if (await server.isRunning()) await pgCtl('-m', 'fast', 'stop');
      if (canFill) await run('umount', [directory]);
    },
  };
  return server;
}

function pgCtlOn(
  directory: string,
  cluster: Cluster,
  binaries: Binaries,
  args: readonly string[],
): Promise<{ readonly code: number | null; readonly output: string }> {
  return runProgram({
    program: binaries.pgCtl,
    args: ['-D', cluster.data, '-s', '-w', '-t', '30', ...args],
    directory,
    environment: binaries.environment,
    user: cluster.user,
  });
}

/** A disk in memory that only this run uses. Without root there is none, and no fault of a full disk. */
async function mountSmallDisk(directory: string): Promise<boolean> {
  if (!isRoot()) return false;
  try {
    await run('mount', ['-t', 'tmpfs', '-o', `size=${DISK_BYTES},mode=755`, 'tmpfs', directory]);
    return true;
  } catch {
    return false;
  }
}
