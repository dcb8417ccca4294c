/** A Redis of its own: what the daemon asks of production, and nothing else. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { Redis } from 'ioredis';
import { freePort, LOOPBACK } from '../../src/embedded/port.ts';

export interface SiteRedis {
  readonly url: string;
  readonly version: string;
  readonly pid: number;
  /** Forgets everything, and what was counted. */
  empty(): Promise<void>;
  /** `INFO commandstats` and the slow log since it was last emptied. */
  statistics(): Promise<string>;
  stop(): Promise<void>;
}

const PROGRAM = 'redis-server';
const START_TIMEOUT_MS = 10_000;
const DURABLE = [
  ...['--appendonly', 'yes', '--appendfsync', 'everysec', '--save', ''],
  ...['--maxmemory-policy', 'noeviction'],
];

export async function startRedis(directory: string): Promise<SiteRedis> {
  await mkdir(directory);
  const port = await freePort();
  const place = ['--port', `${port}`, '--bind', LOOPBACK, '--dir', directory];
  // A group of its own, so that Ctrl-C ends the benchmark first, which then ends the server.
  const server = spawn(PROGRAM, [...DURABLE, ...place], {
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  const exited = once(server, 'exit');
  const lines = createInterface({
    input: server.stdout,
    signal: AbortSignal.timeout(START_TIMEOUT_MS),
  });
  for await (const line of lines) if (line.includes('Ready to accept connections')) break;
  // Nobody reads the log from here on; a full pipe would block the server.
  server.stdout.resume();
  const url = `redis://${LOOPBACK}:${port}`;
  const client = new Redis(url);
  return {
    url,
    version: versionOf(execFileSync(PROGRAM, ['--version'], { encoding: 'utf8' })),
    pid: server.pid!,
    async empty() {
      await client.flushall();
      await client.config('RESETSTAT');
      await client.slowlog('RESET');
    },
    async statistics() {
      const slow = (await client.slowlog('GET', 20)) as unknown;
      return `${await client.info('commandstats')}\nslowlog ${JSON.stringify(slow, undefined, 1)}`;
    },
    async stop() {
      client.disconnect();
      server.kill('SIGTERM');
      await exited;
    },
  };
}

function versionOf(printed: string): string {
  return /v=(\S+)/.exec(printed)?.[1] ?? printed.trim();
}
