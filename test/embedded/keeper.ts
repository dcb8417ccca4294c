/**
 * A program for the tests: a daemon that does nothing but keep the embedded PostgreSQL of the directory in its first
 * argument. Prints one line, the server or the refusal; ends on SIGTERM and, like a daemon that drains, not on SIGINT.
 */
import { once } from 'node:events';
import { startEmbeddedPostgres } from '../../src/embedded/postgres.ts';

const [, , directory = ''] = process.argv;
const say = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`);

process.on('SIGINT', () => say({ interrupted: true }));
try {
  const server = await startEmbeddedPostgres({ directory });
  // A pending signal listener alone does not keep a process alive.
  const alive = setInterval(() => {}, 60_000);
  say({ url: server.url, adopted: server.adopted });
  await once(process, 'SIGTERM');
  clearInterval(alive);
  await server.stop();
} catch (error) {
  say({ refused: (error as Error).message });
  process.exitCode = 1;
}
