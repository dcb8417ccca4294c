/** The server over a cluster, by pg_ctl: take over the one that runs, or start one; stop it. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Binaries } from './binaries.ts';
import type { Cluster } from './cluster.ts';
import { freePort, isFree, LOOPBACK } from './port.ts';
import { type Run, runOrFail, runProgram } from './program.ts';

/** For a start, and for the crash recovery of a server that is taken over. */
const READY_TIMEOUT_S = 60;
const READY_POLL_MS = 50;
const LOG_TAIL_CHARACTERS_MAX = 2_000;

/**
 * Given last and on the command line, where no file overrides them: no way in but the loopback interface, and what is
 * committed is on disk.
 */
const FIXED_SETTINGS = {
  listen_addresses: LOOPBACK,
  unix_socket_directories: '',
  fsync: 'on',
  synchronous_commit: 'on',
  full_page_writes: 'on',
};

export interface Server {
  readonly port: number;
  /** True when it already ran. */
  readonly adopted: boolean;
  stop(): Promise<void>;
}

/** Resolves when the server takes connections. */
export async function openServer(
  directory: string,
  cluster: Cluster,
  binaries: Binaries,
  settings: Readonly<Record<string, string>>,
): Promise<Server> {
  const pgCtl = (...args: string[]): Run => ({
    program: binaries.pgCtl,
    args: ['-D', cluster.data, '-s', '-w', '-t', `${READY_TIMEOUT_S}`, ...args],
    directory,
    environment: binaries.environment,
    user: cluster.user,
  });
  const isRunning = async () => (await runProgram(pgCtl('status'))).code === 0;
  const adopted = await isRunning();
  if (!adopted) {
    const log = join(cluster.data, 'server.log');
    const port = `${await keptPort(directory)}`;
    const options = optionsOf({ ...settings, ...FIXED_SETTINGS, port });
    const { code, output } = await runProgram(pgCtl('-l', log, '-o', options, 'start'));
    if (code !== 0) throw await startFailure(output, log);
  }
  return {
    port: await readyPort(cluster.data),
    adopted,
    async stop() {
      // Gone already is as good as stopped: someone ended it by hand, or the machine's own shutdown did.
      if (await isRunning()) await runOrFail('Stopping PostgreSQL', pgCtl('-m', 'fast', 'stop'));
    },
  };
}

/** pg_ctl hands its `-o` to a shell, so values that a shell could read otherwise are refused. */
function optionsOf(settings: Readonly<Record<string, string>>): string {
  return Object.entries(settings)
    .map(([name, value]) => {
      if (!/^\w+$/.test(name) || !/^[\w.]*$/.test(value)) {
        throw new Error(`The PostgreSQL setting ${name} must be a plain word or number: ${value}`);
      }
      return `-c ${name}=${value}`;
    })
    .join(' ');
}

/** The port of earlier starts, unless something else has taken it since. */
async function keptPort(directory: string): Promise<number> {
  const file = join(directory, 'port');
  const kept = Number(await readFile(file, 'utf8').catch(() => ''));
  if (kept > 0 && (await isFree(kept))) return kept;
  const port = await freePort();
  await writeFile(file, `${port}\n`);
  return port;
}

/**
 * Reads the port from the server's own lock file once it says ready there, as `pg_ctl -w` does. That covers the server
 * that is taken over in the middle of its recovery; one that was just started is ready already.
 */
async function readyPort(data: string): Promise<number> {
  for (let waitedMs = 0; waitedMs < READY_TIMEOUT_S * 1_000; waitedMs += READY_POLL_MS) {
    const lock = await readLock(data);
    if (lock?.ready === true) {
      if (!(await isFree(lock.port))) return lock.port;
      throw new Error(
        `${lock.file} names process ${lock.pid} as PostgreSQL, but nothing listens on its port ${lock.port}: the id ` +
          `now belongs to another program. Make sure that no postgres runs on ${data}, then remove the file.`,
      );
    }
    await delay(READY_POLL_MS);
  }
  throw new Error(`PostgreSQL on ${data} did not become ready within ${READY_TIMEOUT_S} s.`);
}

export interface Lock {
  readonly file: string;
  readonly pid: number;
  readonly port: number;
  /** Whether the server takes connections, when it last said. A killed one leaves its last word. */
  readonly ready: boolean;
}

/** What the server of a data directory says of itself; undefined when there is none, or we may not look. */
export async function readLock(data: string): Promise<Lock | undefined> {
  const file = join(data, 'postmaster.pid');
  const text = await readFile(file, 'utf8').catch(() => undefined);
  // Lines: process id, data directory, start time, port, socket directory, address, shared memory, state.
  const [pid, , , port, , , , state] = text?.split('\n') ?? [];
  if (pid === undefined) return undefined;
  return { file, pid: Number(pid), port: Number(port), ready: state?.trim() === 'ready' };
}

async function startFailure(output: string, log: string): Promise<Error> {
  const text = await readFile(log, 'utf8').catch(() => '');
  const tail = text.slice(-LOG_TAIL_CHARACTERS_MAX).trim();
  return new Error(`PostgreSQL did not start: ${output.trim()}\nThe end of ${log}:\n${tail}`);
}
