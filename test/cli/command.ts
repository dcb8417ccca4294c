/** The command line as a person or a supervisor has it: a process with arguments, two streams, signals, an exit code. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';

export const PROJECT = join(import.meta.dirname, '..', '..');
const LAUNCHER = join(PROJECT, 'bin', 'sentinelops.js');

export type Environment = Readonly<Record<string, string>>;

export interface Ended {
  /** Null when a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** One line of the log of a daemon, or of its talk. */
export interface LogLine {
  readonly msg: string;
  readonly [member: string]: unknown;
}

export interface Daemon {
  readonly pid: number;
  /** The first line on standard error that begins so, also one from before. Rejects when the process ends without it. */
  says(beginning: string): Promise<LogLine>;
  signal(signal: NodeJS.Signals): void;
  readonly ended: Promise<Ended>;
}

/** Runs a command to its end. Nothing of the tests' own settings reaches it but what is given. */
export async function sentinelops(
  args: readonly string[],
  environment: Environment = {},
  stdin = '',
): Promise<Ended> {
  const child = launch(process.execPath, [LAUNCHER, ...args], environment);
  child.stdin!.on('error', () => undefined);
  child.stdin!.end(stdin);
  return endOf(child, text(child.stderr!));
}

/** Starts a command that stays. The caller waits for its end. */
export function startSentinelops(args: readonly string[], environment: Environment): Daemon {
  return daemonOf(launch(process.execPath, [LAUNCHER, ...args], environment));
}

/** Starts a line of a Procfile as its runner would: by the shell, in the folder of the project. */
export function startLine(line: string, environment: Environment): Daemon {
  return daemonOf(launch('/bin/sh', ['-c', line], environment, PROJECT));
}

/** Where no `.env` of a developer lies. */
const ELSEWHERE = import.meta.dirname;

function launch(
  program: string,
  args: readonly string[],
  environment: Environment,
  cwd: string = ELSEWHERE,
): ChildProcess {
  return spawn(program, args, {
    cwd,
    env: {
      PATH: [dirname(process.execPath), process.env['PATH']].join(delimiter),
      HOME: process.env['HOME'],
      // Stripping the types of all sources takes half of a short command's time; once is enough.
      NODE_COMPILE_CACHE: join(tmpdir(), 'sentinelops-test-compile-cache'),
      ...environment,
    },
    // In the tests' own process group: whoever ends that group ends it too, and no daemon is left.
    stdio: 'pipe',
  });
}

async function endOf(child: ChildProcess, stderr: Promise<string>): Promise<Ended> {
  const [[code], out, err] = await Promise.all([once(child, 'close'), text(child.stdout!), stderr]);
  return { code: code as number | null, stdout: out, stderr: err };
}

function daemonOf(child: ChildProcess): Daemon {
  const lines: string[] = [];
  const watchers = new Set<(line: LogLine) => void>();
  const reading = createInterface({ input: child.stderr! });
  reading.on('line', (line) => {
    lines.push(line);
    for (const watch of watchers) watch(parseLine(line));
  });
  const stderr = once(reading, 'close').then(() => lines.join('\n'));
  const ended = endOf(child, stderr);
  child.stdin!.end();
  return {
    pid: child.pid!,
    ended,
    signal: (signal) => child.kill(signal),
    says(beginning) {
      const found = Promise.withResolvers<LogLine>();
      const watch = (line: LogLine) => {
        if (line.msg.startsWith(beginning)) found.resolve(line);
      };
      watchers.add(watch);
      lines.map(parseLine).forEach(watch);
      ended.then(
        ({ code, stderr: said }) =>
          found.reject(new Error(`It ended with ${code} before it said "${beginning}":\n${said}`)),
        found.reject,
      );
      return found.promise;
    },
  };
}

function parseLine(line: string): LogLine {
  return line.startsWith('{') ? (JSON.parse(line) as LogLine) : { msg: line };
}
