/**
 * Where the embedded PostgreSQL lives. Normally in the directory that it was given; but the system user, who runs it for
 * root, cannot pass through a closed parent (root's home, a directory of mktemp). Then its files go below /var/lib, and
 * the given directory keeps a note of where, which every later start follows.
 */
import { chmod, mkdir, mkdtemp, readFile, rmdir, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { firstUnreachable, SYSTEM_USER, type SystemUser } from './system-user.ts';

const ELSEWHERE = '/var/lib/sentinelops-';
const NOTE = 'moved-to';

/** The place that stands for `directory`: itself, unless there is a note. */
export async function findHome(directory: string): Promise<string> {
  return (await noted(directory)) ?? resolve(directory);
}

/** The same, made where it is missing, closed to others, and open to `user`. */
export async function openHome(directory: string, user: SystemUser | undefined): Promise<string> {
  await makeDirectory(resolve(directory), user);
  const home = await findHome(directory);
  await makeDirectory(home, user);
  const closed = await firstUnreachable(home, user);
  if (closed === undefined) return home;
  try {
    const elsewhere = await moveElsewhere(directory);
    await makeDirectory(elsewhere, user);
    return elsewhere;
  } catch (cause) {
    throw new Error(
      `SentinelOps was started by root, so its embedded PostgreSQL runs as the system user "${SYSTEM_USER}". ` +
        `That user may not pass through ${closed}, and ${ELSEWHERE}… cannot be used instead. Start SentinelOps as ` +
        'another user, or set SENTINELOPS_DATA_DIR to a directory below one that is open to all, or set DATABASE_URL.',
      { cause },
    );
  }
}

async function makeDirectory(directory: string, user: SystemUser | undefined): Promise<void> {
  // The system user may pass through, but not list.
  const mode = user === undefined ? 0o700 : 0o711;
  const topmostMade = await mkdir(directory, { recursive: true });
  await chmod(directory, mode);
  if (topmostMade === undefined) return;
  // A strict umask would close the parents that were made along the way.
  for (let made = directory; made.length > topmostMade.length; ) {
    made = dirname(made);
    await chmod(made, mode);
  }
}

async function noted(directory: string): Promise<string | undefined> {
  try {
    return (await readFile(join(directory, NOTE), 'utf8')).trim();
  } catch {
    return undefined;
  }
}

/** Of two that start at once, the one that leaves the note first decides. */
async function moveElsewhere(directory: string): Promise<string> {
  const elsewhere = await mkdtemp(ELSEWHERE);
  try {
    await writeFile(join(directory, NOTE), `${elsewhere}\n`, { flag: 'wx' });
    return elsewhere;
  } catch (error) {
    await rmdir(elsewhere);
    const other = await noted(directory);
    if (other === undefined) throw error;
    return other;
  }
}
