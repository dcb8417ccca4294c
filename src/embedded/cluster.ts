/** The database cluster on disk: made once by initdb, complete or absent, and never touched again except by its server. */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chown, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Binaries } from './binaries.ts';
import { LOOPBACK } from './port.ts';
import { runOrFail } from './program.ts';
import { isRoot, type SystemUser } from './system-user.ts';

const SUPERUSER = 'postgres';
const DATABASE = 'sentinelops';

const PASSWORD_BYTES = 24;
/** For initdb. */
const OPTIONS = [
  '--auth=scram-sha-256',
  '--data-checksums',
  '--encoding=UTF8',
  // The builtin provider sorts the same on every machine and in every PostgreSQL from 17 on, whatever libc there is.
  '--locale=C',
  '--locale-provider=builtin',
  '--builtin-locale=C.UTF-8',
];

export interface Cluster {
  /** PostgreSQL's data directory. */
  readonly data: string;
  readonly password: string;
  /** As whom its server has to run: the owner of the data. Undefined: as ourselves. */
  readonly user: SystemUser | undefined;
}

/** PostgreSQL's data directory. */
export const clusterIn = (directory: string): string => join(directory, 'cluster');

export const passwordFileIn = (directory: string): string => join(directory, 'password');

export const urlOf = (password: string, port: number): string =>
  `postgres://${SUPERUSER}:${password}@${LOOPBACK}:${port}/${DATABASE}`;

/** The cluster in `directory`, made where there is none; `user` is whom a new one belongs to. */
export async function keepCluster(
  directory: string,
  binaries: Binaries,
  user: SystemUser | undefined,
): Promise<Cluster> {
  const data = clusterIn(directory);
  const passwordFile = passwordFileIn(directory);
  if (!existsSync(data)) await makeCluster({ directory, data, passwordFile, binaries, user });
  const owner = await ownerOf(data);
  await refuseOtherMajor(data, binaries, directory);
  return { data, password: await readPassword(passwordFile), user: owner };
}

interface NewCluster {
  readonly directory: string;
  readonly data: string;
  readonly passwordFile: string;
  readonly binaries: Binaries;
  readonly user: SystemUser | undefined;
}

/** Works under another name and renames at the end, so an interrupted start leaves nothing that looks like data. */
async function makeCluster(order: NewCluster): Promise<void> {
  const unfinished = `${order.data}.unfinished`;
  await rm(unfinished, { recursive: true, force: true });
  await makeOwned(unfinished, order.user);
  await initialise(order, unfinished);
  // Single-user mode needs no server, so the database is there before the first one starts.
  await runOrFail(`Creating the database "${DATABASE}"`, {
    program: order.binaries.postgres,
    args: ['--single', '-D', unfinished, '-c', 'exit_on_error=true', 'postgres'],
    directory: order.directory,
    environment: order.binaries.environment,
    user: order.user,
    stdin: `create database ${DATABASE}\n`,
  });
  await rename(unfinished, order.data);
}

/** initdb takes the password from a file that its own user can read; that copy is gone when this resolves. */
async function initialise(order: NewCluster, data: string): Promise<void> {
  const { directory, binaries, user } = order;
  const password = randomBytes(PASSWORD_BYTES).toString('base64url');
  await rm(order.passwordFile, { force: true });
  await writeFile(order.passwordFile, password, { mode: 0o600 });

  const temporary = join(directory, 'initialise');
  const passwordCopy = join(temporary, 'password');
  await rm(temporary, { recursive: true, force: true });
  await makeOwned(temporary, user);
  await writeFile(passwordCopy, password, { mode: 0o600 });
  if (user !== undefined) await chown(passwordCopy, user.uid, user.gid);
  await runOrFail('Making the embedded PostgreSQL cluster', {
    program: binaries.initdb,
    args: [`--pgdata=${data}`, `--username=${SUPERUSER}`, `--pwfile=${passwordCopy}`, ...OPTIONS],
    directory,
    environment: binaries.environment,
    user,
  });
  await rm(temporary, { recursive: true });
}

async function makeOwned(directory: string, user: SystemUser | undefined): Promise<void> {
  await mkdir(directory, { mode: 0o700 });
  if (user !== undefined) await chown(directory, user.uid, user.gid);
}

async function refuseOtherMajor(
  data: string,
  binaries: Binaries,
  directory: string,
): Promise<void> {
  const made = (await readFile(join(data, 'PG_VERSION'), 'utf8')).trim();
  const installed = await versionOf(binaries, directory);
  if (installed.split('.')[0] === made) return;
  throw new Error(
    `${data} was made by PostgreSQL ${made}; PostgreSQL ${installed} is installed and cannot read it. ` +
      'Install the SentinelOps release that made it, or set SENTINELOPS_DATA_DIR to a new directory.',
  );
}

/** The version of the installed server, `18.4`. */
export async function versionOf(binaries: Binaries, directory: string): Promise<string> {
  const printed = await runOrFail('Asking PostgreSQL for its version', {
    program: binaries.postgres,
    args: ['--version'],
    directory,
    environment: binaries.environment,
  });
  return printed.trim().split(' ').at(-1) ?? printed;
}

async function readPassword(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new Error(
      `${file} cannot be read, and without it nothing can log in to the database beside it. ` +
        'Restore the file, or set SENTINELOPS_DATA_DIR to a new directory.',
      { cause },
    );
  }
}

async function ownerOf(data: string): Promise<SystemUser | undefined> {
  const { uid, gid } = await stat(data);
  if (isRoot()) return { uid, gid };
  if (process.getuid === undefined || process.getuid() === uid) return undefined;
  throw new Error(
    `${data} belongs to the user with id ${uid}. Start SentinelOps as that user or as root, ` +
      'or set SENTINELOPS_DATA_DIR to another directory.',
  );
}
