/** The database cluster on disk: made once by initdb, complete or absent, and never touched again except by its server. */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chown, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import type { Binaries } from './binaries.ts';
import type { ClusterOrder } from './initialise.ts';
import { runOrFail } from './program.ts';
import { isRoot, type SystemUser } from './system-user.ts';

export const SUPERUSER = 'postgres';
export const DATABASE = 'sentinelops';

const PASSWORD_BYTES = 24;

export interface Cluster {
  /** PostgreSQL's data directory. */
  readonly data: string;
  readonly password: string;
  /** As whom its server has to run: the owner of the data. Undefined: as ourselves. */
  readonly user: SystemUser | undefined;
}

/** The cluster in `directory`, made where there is none; `user` is whom a new one belongs to. */
export async function keepCluster(
  directory: string,
  binaries: Binaries,
  user: SystemUser | undefined,
): Promise<Cluster> {
  const data = join(directory, 'cluster');
  const passwordFile = join(directory, 'password');
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
async function makeCluster({
  directory,
  data,
  passwordFile,
  binaries,
  user,
}: NewCluster): Promise<void> {
  const unfinished = `${data}.unfinished`;
  const temporary = join(directory, 'initialise');
  for (const path of [unfinished, temporary]) await rm(path, { recursive: true, force: true });
  await mkdir(temporary, { mode: 0o700 });
  if (user !== undefined) await chown(temporary, user.uid, user.gid);

  const password = randomBytes(PASSWORD_BYTES).toString('base64url');
  await rm(passwordFile, { force: true });
  await writeFile(passwordFile, password, { mode: 0o600, flag: 'wx' });
  const order: ClusterOrder = {
    directory: unfinished,
    superuser: SUPERUSER,
    password,
    asSystemUser: user !== undefined,
  };
  await runOrFail('Making the embedded PostgreSQL cluster', {
    program: process.execPath,
    args: [join(import.meta.dirname, `initialise${extname(import.meta.filename)}`)],
    directory,
    environment: { ...binaries.environment, TMPDIR: temporary },
    stdin: JSON.stringify(order),
  });
  // Single-user mode needs no server, so the database is there before the first one starts.
  await runOrFail(`Creating the database "${DATABASE}"`, {
    program: binaries.postgres,
    args: ['--single', '-D', unfinished, '-c', 'exit_on_error=true', 'postgres'],
    directory,
    environment: binaries.environment,
    user,
    stdin: `create database ${DATABASE}\n`,
  });
  await rm(temporary, { recursive: true });
  await rename(unfinished, data);
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
