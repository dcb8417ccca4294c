/**
 * The processes of the Procfile under a supervisor, as a machine would run them: each is started again when it ends, a
 * little later each time that it ends at once. Everything that was started is ended by its own id.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RunFolder } from '../journal.ts';

export interface Program {
  /** Of the process, unique: `risk`, `risk-2`. */
  readonly name: string;
  /** The arguments of the command line. */
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

export interface Supervised {
  readonly name: string;
  /** Of the process that runs now. */
  pid(): number | undefined;
  /** How often it has been started. */
  starts(): number;
  /** How often it was killed by a signal that the harness did not send: by itself, at a failpoint. */
  crashes(): number;
  /** Sends a signal on the harness's account; the process is started again when it ends by it. False when none runs. */
  signal(signal: NodeJS.Signals): boolean;
  /** Settings that the next start gets beside its own, once. */
  arm(environment: Readonly<Record<string, string>>): void;
  /** Resolves when the process that runs now has ended. */
  ended(): Promise<void>;
  /** Ends it and starts it no more: SIGTERM, and SIGKILL when that takes too long. */
  stop(): Promise<void>;
}

export interface SupervisorOptions {
  readonly folder: RunFolder;
  /** The working directory, without an .env of somebody. */
  readonly directory: string;
  /** Told of each process that has ended. */
  readonly onExit?: (pid: number) => Promise<void>;
}

const COMMAND = join(import.meta.dirname, '../../../bin/sentinelops.js');
const BACKOFF_FIRST_MS = 100;
const BACKOFF_MAX_MS = 2_000;
/** A process that lived so long did not fail to start. */
const SOUND_LIFE_MS = 5_000;
const STOP_MS_MAX = 30_000;

export function supervise(
  program: Program,
  { folder, directory, onExit }: SupervisorOptions,
): Supervised {
  const log = join(folder.logs, `${program.name}.log`);
  let child: ChildProcess | undefined;
  let gone: Promise<void> = Promise.resolve();
  let stopping = false;
  let starts = 0;
  let crashes = 0;
  let armed: Readonly<Record<string, string>> = {};
  let intended = false;
  const wake = new AbortController();

  async function runOnce(): Promise<number> {
    const startedAt = Date.now();
    const started = start({ ...program.environment, ...armed }, program.args, log, directory);
    armed = {};
    intended = false;
    starts += 1;
    child = started;
    const { code, signal } = await exitOf(started);
    child = undefined;
    const endedAt = Date.now();
    if (signal === 'SIGKILL' && !intended) crashes += 1;
    if (started.pid !== undefined) await onExit?.(started.pid);
    await folder.note('processes', {
      ...{ name: program.name, pid: started.pid ?? 0, startedAt, endedAt, code, signal, intended },
    });
    return endedAt - startedAt;
  }

  async function run(): Promise<void> {
    for (let backoffMs = BACKOFF_FIRST_MS; !stopping; ) {
      const ended = Promise.withResolvers<void>();
      gone = ended.promise;
      const livedMs = await runOnce();
      ended.resolve();
      backoffMs =
        livedMs > SOUND_LIFE_MS || intended
          ? BACKOFF_FIRST_MS
          : Math.min(BACKOFF_MAX_MS, backoffMs * 2);
      if (!stopping) await sleep(backoffMs, undefined, { signal: wake.signal }).catch(() => {});
    }
  }

  const running = run();
  return {
    name: program.name,
    pid: () => child?.pid,
    starts: () => starts,
    crashes: () => crashes,
    signal(signal) {
      if (child === undefined) return false;
      if (signal !== 'SIGSTOP' && signal !== 'SIGCONT') intended = true;
      return child.kill(signal);
    },
    arm(environment) {
      armed = environment;
    },
    ended: () => gone,
    async stop() {
      stopping = true;
      intended = true;
      wake.abort();
      child?.kill('SIGCONT');
      child?.kill('SIGTERM');
      const limit = setTimeout(() => child?.kill('SIGKILL'), STOP_MS_MAX);
      await running;
      clearTimeout(limit);
    },
  };
}

function start(
  environment: Readonly<Record<string, string>>,
  args: readonly string[],
  log: string,
  directory: string,
): ChildProcess {
  const output = openSync(log, 'a');
  try {
    // A group of its own: a Ctrl-C ends the harness first, and that ends its processes.
    return spawn(process.execPath, [COMMAND, ...args], {
      cwd: directory,
      env: environment,
      stdio: ['ignore', output, output],
      detached: true,
    });
  } finally {
    closeSync(output);
  }
}

export interface Ended {
  readonly code: number | null;
  readonly signal: string | null;
  readonly output: string;
}

/** Runs a command to its end, whatever that is. */
export async function runCommand(
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
  directory: string,
): Promise<Ended> {
  const child = spawn(process.execPath, [COMMAND, ...args], {
    cwd: directory,
    env: environment,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const [output, exit] = await Promise.all([text(child.stderr), exitOf(child)]);
  return { ...exit, output };
}

function exitOf(
  child: ChildProcess,
): Promise<{ readonly code: number | null; readonly signal: string | null }> {
  return new Promise((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
    child.once('error', () => resolve({ code: null, signal: null }));
  });
}
