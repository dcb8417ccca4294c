/** Finds the embedded PostgreSQL that a daemon keeps, for commands that work beside it. */
import { readFile } from 'node:fs/promises';
import { clusterIn, passwordFileIn, urlOf } from './cluster.ts';
import { findHome } from './home.ts';
import { isFree } from './port.ts';
import { readLock } from './server.ts';

/** The URL of the server that runs on `directory` now; undefined when none does. Starts and stops nothing. */
export async function findEmbeddedPostgres(directory: string): Promise<string | undefined> {
  const home = await findHome(directory);
  const lock = await readLock(clusterIn(home));
  if (lock?.ready !== true || (await isFree(lock.port))) return undefined;
  const password = await readFile(passwordFileIn(home), 'utf8').catch(() => undefined);
  return password === undefined ? undefined : urlOf(password, lock.port);
}
