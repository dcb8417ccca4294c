/**
 * The keeper of the embedded PostgreSQL: makes the cluster once, starts or adopts its server, stops it at the end.
 * For development, demonstrations and tests; production sets DATABASE_URL.
 *
 * The server is started by pg_ctl, which takes it out of this process's group: a Ctrl-C that reaches the daemon does
 * not reach it, so actors can drain. The price is that a killed daemon leaves the server running; the next start
 * adopts it, with the password and port that stand in the directory.
 *
 *     <directory>/cluster        PostgreSQL's data, settings and log, complete or absent
 *     <directory>/password       of the superuser, mode 0600
 *     <directory>/port           chosen once, so that a URL noted down stays right
 *     <directory>/owner-<pid>    the daemon that keeps it now (owner.ts)
 *     <directory>/lib, native-*  what the programs need to run here (binaries.ts)
 */
import { randomBytes } from 'node:crypto';
import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type Binaries, prepareBinaries } from './binaries.ts';
import { createCluster, DATABASE, SUPERUSER } from './cluster.ts';
import { claimDirectory } from './owner.ts';
import { freePort, isFree } from './port.ts';
import { type Finished, runProgram } from './program.ts';
import { firstUnreachable, type SystemUser, SYSTEM_USER, systemUser } from './system-user.ts';

export interface EmbeddedPostgresOptions {
  /** Made where it is missing. One daemon at a time. */
  readonly directory: string;
  /** More lines for the server's configuration, by name. They cannot open it to the network or turn durability off. */
  readonly settings?: Readonly<Record<string, string>>;
}

export interface EmbeddedPostgres {
  /** Logs in as the superuser, into the database `sentinelops`. Holds the password: never log it. */
  readonly url: string;
  /** As the program prints it, `18.4`. */
  readonly version: string;
  /** True when the server already ran: a daemon before this one was killed. */
  readonly adopted: boolean;
  /** Ends all sessions and stops the server, with everything committed on disk. May be called twice. */
  stop(): Promise<void>;
}

/**
 * Ready for connections when it resolves. The first start in a directory takes some seconds, later ones tenths.
 * Rejects with what to do: directory in use, unreachable for the system user, made by another major version.
 */
export async function startEmbeddedPostgres(
  options: EmbeddedPostgresOptions,
): Promise<EmbeddedPostgres> {
  const directory = resolve(options.directory);
  const user = await systemUser();
  await openDirectory(directory, user);
  const owner = await claimDirectory(directory);
  try {
    const binaries = await prepareBinaries(directory, user);
    const password = await keptPassword(directory);
    await createCluster({ directory, binaries, user, password });
    const server = await openServer(directory, binaries);
    const adopted = await server.isRunning();
    if (!adopted) await server.start(options.settings ?? {});
    let stopped: Promise<void> | undefined;
    return {
      url: `postgres://${SUPERUSER}:${password}@127.0.0.1:${await server.port()}/${DATABASE}`,
      version: await versionOf(binaries),
      adopted,
      stop: () => (stopped ??= server.stop().finally(owner.release)),
    };
  } catch (error) {
    await owner.release();
    throw error;
  }
}
