/** One process of the product, started as its operators start it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Ending } from '../ending.ts';

export interface Daemon {
  readonly role: string;
  readonly pid: number;
  /** Where its HTTP server listens, when it has one. */
  readonly endpoint: string | undefined;
  /** Lets it drain, and resolves when it has ended. */
  stop(): Promise<void>;
}

export interface DaemonOptions {
  /** Of bin/sentinelops.js. */
  readonly args: readonly string[];
  /** Its working directory: one without a `.env`. */
  readonly directory: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly ending: Ending;
}

const PROGRAM = join(import.meta.dirname, '..', '..', 'bin', 'sentinelops.js');
const READY_TIMEOUT_MS = 60_000;
const LINES_KEPT = 20;
/** What a process says of itself last before it is ready, by the first word of its command. */
const LAST_WORD: Readonly<Record<string, string>> = {
  up: 'listening',
  admin: 'listening',
  work: 'working',
};

/** @throws Error with the end of its log when it does not become ready. */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const { args, directory, environment, ending } = options;
  const child = spawn(process.execPath, [PROGRAM, ...args], {
    cwd: directory,
    env: { PATH: process.env['PATH'] ?? '', ...environment },
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
  });
  const exited = once(child, 'exit');
  const stop = ending.add(async () => {
    child.kill('SIGTERM');
    await exited;
  });
  const log: string[] = [];
  const ready = Promise.withResolvers<string | undefined>();
  createInterface({ input: child.stderr }).on('line', (line) => {
    log.push(line);
    if (log.length > LINES_KEPT) log.shift();
    const { msg, url, level } = readLine(line);
    if (msg === LAST_WORD[args[0]!]) ready.resolve(url);
    // What goes wrong during a run explains its figures.
    if (level === 'error' || level === 'fatal') console.error(line);
  });
  const role = args.join(' ');
  const failed = (what: string) => new Error(`sentinelops ${role} ${what}:\n${log.join('\n')}`);
  const timeLimit = setTimeout(() => ready.reject(failed('is not ready')), READY_TIMEOUT_MS);
  exited.then(
    () => ready.reject(failed('ended')),
    (error: unknown) => ready.reject(error as Error),
  );
  try {
    const endpoint = await ready.promise;
    return { role, pid: child.pid!, endpoint, stop };
  } finally {
    clearTimeout(timeLimit);
  }
}

interface LogLine {
  readonly msg?: string;
  readonly url?: string;
  readonly level?: string;
}

function readLine(line: string): LogLine {
  try {
    return JSON.parse(line) as LogLine;
  } catch {
    return { msg: line };
  }
}
