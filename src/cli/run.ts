/** How commands reach the stores: a short one opens what it needs and closes it again, a daemon lives until it is told. */
import {
  type Foundation,
  migrateAll,
  openBroker,
  openSessions,
  refuseOldSchema,
  type Sessions,
} from '../foundation.ts';
import { type Config, readConfig } from '../config.ts';
import { armFailpoints } from '../actors/failpoint.ts';
import type { Log } from '../domain/log.ts';
import { isRefusal, problems, type Refusal } from '../domain/problem.ts';
import { createLog } from '../telemetry/log.ts';
import { CommandError, exitCodes, talk } from './terminal.ts';

/** The settings. A fault in them ends the command with exit code 78. */
export function configOrExit(): Config {
  try {
    const config = readConfig();
    armFailpoints(config.failpoints);
    return config;
  } catch (error) {
    throw new CommandError((error as Error).message, exitCodes.configuration);
  }
}

/** Runs a short command on a database of this release, beside a daemon or without one. */
export function withSessions<T>(
  role: string,
  work: (sessions: Sessions, config: Config, log: Log) => Promise<T>,
): Promise<T> {
  return withAnySchema(role, async (sessions, config, log) => {
    await readySchema(config, sessions, log);
    return work(sessions, config, log);
  });
}

/** The same on a database of any release, or of none: for the command that brings it to this one. */
export async function withAnySchema<T>(
  role: string,
  work: (sessions: Sessions, config: Config, log: Log) => Promise<T>,
): Promise<T> {
  const config = configOrExit();
  const log = createLog({ level: config.logLevel === 'info' ? 'warn' : config.logLevel, role });
  const sessions = await openSessions(config, log, { beside: true });
  try {
    return await work(sessions, config, log);
  } finally {
    await sessions.close();
  }
}

/** The same, with the queue store. */
export function withFoundation<T>(
  role: string,
  work: (foundation: Foundation) => Promise<T>,
): Promise<T> {
  return withSessions(role, async (sessions, config, log) => {
    const broker = await openBroker(config, sessions, log);
    try {
      return await work({ config, sessions, broker, log });
    } finally {
      await broker.close();
    }
  });
}

/** The answer of a command, unless it is a refusal: that ends the command with what is wrong and what to do. */
export function deny<T>(answer: T | Refusal): T {
  if (typeof answer !== 'object' || answer === null || !isRefusal(answer)) return answer as T;
  const { title, remedy, status } = problems[answer.reason];
  throw new CommandError(`${title}: ${answer.detail}. ${remedy}`, exitCodeOf(status));
}

/** What is not there, and what was said wrongly, as for every command; every other refusal is a failure. */
function exitCodeOf(status: number): number {
  if (status === 404) return exitCodes.notFound;
  return status === 422 ? exitCodes.usage : exitCodes.failed;
}

/** A part of a daemon that is running. */
export interface Part {
  /** Finishes what is under way and resolves. */
  stop(): Promise<void>;
}

/** Starts a part. `fail` ends the daemon as if it had been told to, with a failing exit code. */
export type StartPart = (foundation: Foundation, fail: (error: Error) => void) => Promise<Part>;

/** Ctrl-C under npm arrives twice within milliseconds, from the terminal and from npm; a person takes longer. */
const REPEAT_IGNORED_MS = 1_000;

/**
 * Runs parts until SIGTERM or SIGINT, then stops them in reverse order and resolves; exit code 0. A second signal, or
 * the drain time running out, ends the process at once: what was under way is then redelivered. When a part does not
 * start, those before it are stopped as well.
 */
export async function runDaemon(role: string, starts: readonly StartPart[]): Promise<void> {
  const config = configOrExit();
  const log = createLog({ level: config.logLevel, role });
  const ended = Promise.withResolvers<string>();
  const stopListening = onSignals(ended.resolve);
  const sessions = await openSessions(config, log, { beside: false });
  const fail = (error: Error) => {
    process.exitCode = exitCodes.failed;
    ended.resolve(error.message);
  };
  let broker: Foundation['broker'] | undefined;
  const parts: Part[] = [];
  if (config.failpoints !== undefined) {
    log.warn({ failpoints: config.failpoints }, 'failpoints are armed: this process is a test');
  }
  try {
    await readySchema(config, sessions, log);
    broker = await openBroker(config, sessions, log);
    for (const start of starts) parts.push(await start({ config, sessions, broker, log }, fail));
    log.info({ reason: await ended.promise }, 'draining');
  } finally {
    const forced = setTimeout(() => {
      talk('The drain time ran out; what was under way will be delivered again.');
      process.exit(exitCodes.failed);
    }, config.drainTimeoutMs);
    for (const part of parts.toReversed()) await part.stop();
    await broker?.close();
    await sessions.close();
    clearTimeout(forced);
    stopListening();
  }
  log.info({}, 'stopped');
}

/** A database that this process has started it may migrate; any other is migrated by the release step. */
async function readySchema(config: Config, sessions: Sessions, log: Log): Promise<void> {
  if (!sessions.isStartedHere) return refuseOldSchema(sessions);
  await migrateAll(config, sessions, (message) => log.info({}, message));
}

/** Resolves at SIGTERM or SIGINT. */
export async function untilSignal(): Promise<void> {
  const told = Promise.withResolvers<string>();
  const stopListening = onSignals(told.resolve);
  // Nothing else may be waiting; without a timer the process would end here by itself.
  const alive = setInterval(() => undefined, 60_000);
  await told.promise;
  clearInterval(alive);
  stopListening();
}

/**
 * Calls `end` at SIGTERM and SIGINT, which then no longer end the process; a repeat after a second does, at once. Before
 * anything is started: what is started outside of this process, as PostgreSQL is, would go on without it. Returns what
 * stops listening.
 */
export function onSignals(end: (signal: string) => void): () => void {
  let firstMs: number | undefined;
  const listen = (signal: NodeJS.Signals) => {
    if (firstMs !== undefined && performance.now() - firstMs > REPEAT_IGNORED_MS) {
      process.exit(exitCodes.failed);
    }
    firstMs ??= performance.now();
    end(signal);
  };
  const signals: NodeJS.Signals[] = ['SIGTERM', 'SIGINT'];
  for (const signal of signals) process.on(signal, listen);
  return () => {
    for (const signal of signals) process.off(signal, listen);
  };
}
