/**
 * PostgreSQL refuses to run as root. When the daemon is root, the server runs as the system user `postgres` instead;
 * otherwise it runs as the daemon's own user and nothing here applies.
 */
import { execFile } from 'node:child_process';
import { realpath, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export const SYSTEM_USER = 'postgres';

/** Whom a child process runs as. */
export interface SystemUser {
  readonly uid: number;
  readonly gid: number;
}

export const isRoot = (): boolean => process.getuid?.() === 0;

/** The user for PostgreSQL when the daemon is root, made where it is missing; undefined when it is not root. */
export async function systemUser(): Promise<SystemUser | undefined> {
  if (!isRoot()) return undefined;
  return (await lookUp()) ?? (await create());
}

async function lookUp(): Promise<SystemUser | undefined> {
  try {
    const [uid, gid] = await Promise.all([
      run('id', ['-u', SYSTEM_USER]),
      run('id', ['-g', SYSTEM_USER]),
    ]);
    return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
  } catch {
    return undefined;
  }
}

async function create(): Promise<SystemUser> {
  try {
    await run('useradd', [
      '--system',
      '--user-group',
      '--no-create-home',
      '--shell',
      '/usr/sbin/nologin',
      SYSTEM_USER,
    ]);
  } catch (cause) {
    // Two daemons may have come here at once; then the user stands.
    const standing = await lookUp();
    if (standing !== undefined) return standing;
    throw new Error(
      `PostgreSQL cannot run as root, and the system user "${SYSTEM_USER}" could not be made. ` +
        `Make it by hand, start as another user than root, or set DATABASE_URL.`,
      { cause },
    );
  }
  const made = await lookUp();
  if (made === undefined) throw new Error(`useradd made no user "${SYSTEM_USER}".`);
  return made;
}

/**
 * The topmost directory on the way to `directory` that `user` may not pass through, by its mode; undefined when all
 * may be passed, and for no user. `directory` itself counts, and exists.
 */
export async function firstUnreachable(
  directory: string,
  user: SystemUser | undefined,
): Promise<string | undefined> {
  if (user === undefined) return undefined;
  const path = await realpath(directory);
  const ancestors = [path];
  for (let parent = dirname(path); parent !== ancestors[0]; parent = dirname(parent)) {
    ancestors.unshift(parent);
  }
  for (const ancestor of ancestors) {
    if (!(await maySearch(ancestor, user))) return ancestor;
  }
  return undefined;
}

async function maySearch(directory: string, user: SystemUser): Promise<boolean> {
  const { mode, uid, gid } = await stat(directory);
  if (uid === user.uid) return (mode & 0o100) !== 0;
  if (gid === user.gid) return (mode & 0o010) !== 0;
  return (mode & 0o001) !== 0;
}
