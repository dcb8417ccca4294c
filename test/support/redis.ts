/** The Redis of one test run: a server of its own, or the one that TEST_REDIS_URL names. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { freePort, LOOPBACK } from '../../src/embedded/port.ts';
import { findProgram } from './system-program.ts';

export interface TestRedis {
  /** Without a database number: queue-stores.ts adds one for each use. */
  readonly url: string;
}

const REDIS = {
  names: ['redis-server', 'valkey-server'],
  package: 'redis-server',
  remedy: 'Install redis-server, or set TEST_REDIS_URL to a Redis whose databases may be emptied.',
};
/** Each use of a queue store takes one; see queue-stores.ts. */
const DATABASES = 256;
const START_TIMEOUT_MS = 10_000;

export interface OwnRedis extends TestRedis {
  /** Ends the server and removes its files. */
  stop(): Promise<void>;
}

export async function startTestRedis(): Promise<OwnRedis> {
  const given = process.env['TEST_REDIS_URL'];
  if (given !== undefined) return { url: given, stop: async () => {} };
  return startRedis();
}

/** What the daemon asks of a production Redis: append-only file on, nothing ever evicted. */
const SOUND_SETTINGS = ['--save', '', '--appendonly', 'yes', '--maxmemory-policy', 'noeviction'];

/** A server of its own on a free port. `settings` come later on its command line, so they win over the sound ones. */
export async function startRedis(settings: readonly string[] = []): Promise<OwnRedis> {
  const program = findProgram(REDIS);
  const directory = await mkdtemp(join(tmpdir(), 'sentinelops-test-redis-'));
  const port = await freePort();
  const place = ['--port', `${port}`, '--bind', LOOPBACK, '--dir', directory];
  const args = [...SOUND_SETTINGS, '--databases', `${DATABASES}`, ...settings, ...place];
  // A group of its own: Ctrl-C ends the tests first, and they end the server.
  const server = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'], detached: true });
  const exited = once(server, 'exit');
  const stop = async () => {
    server.kill('SIGTERM');
    await exited;
    await rm(directory, { recursive: true });
  };
  try {
    await ready(server.stdout);
  } catch (error) {
    await stop();
    throw error;
  }
  return { url: `redis://${LOOPBACK}:${port}`, stop };
}

/** Resolves at the server's own word; rejects with what it printed when it ends or stays silent before that. */
async function ready(stdout: Readable): Promise<void> {
  const printed: string[] = [];
  const lines = createInterface({ input: stdout, signal: AbortSignal.timeout(START_TIMEOUT_MS) });
  for await (const line of lines) {
    printed.push(line);
    if (line.includes('Ready to accept connections')) {
      // Nobody reads the log from here on; a full pipe would block the server.
      stdout.resume();
      return;
    }
  }
  throw new Error(`Redis did not become ready:\n${printed.join('\n')}`);
}
