/**
 * The keeper of the embedded PostgreSQL: makes the cluster once, starts or adopts its server, stops it at the end.
 * For development, demonstrations and tests; production sets DATABASE_URL.
 *
 * The server is started by pg_ctl, which takes it out of this process's group: a Ctrl-C that reaches the daemon does
 * not reach it, so actors can drain. The price is that a killed daemon leaves the server running; the next start
 * adopts it, with the password that stands in the directory.
 *
 *     <directory>/cluster        PostgreSQL's data and log, complete or absent (cluster.ts)
 *     <directory>/password       of the superuser, mode 0600
 *     <directory>/port           chosen once, so that a URL noted down stays right (server.ts)
 *     <directory>/owner-<pid>    the daemon that keeps it now (owner.ts)
 *     <directory>/lib, native-*  what the programs need to run here (binaries.ts)
 */
import { chmod, mkdir } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { prepareBinaries } from './binaries.ts';
import { DATABASE, keepCluster, SUPERUSER, versionOf } from './cluster.ts';
import { claimDirectory } from './owner.ts';
import { openServer } from './server.ts';
import { firstUnreachable, SYSTEM_USER, type SystemUser, systemUser } from './system-user.ts';

export interface EmbeddedPostgresOptions {
  /** Made where it is missing. One daemon at a time. */
  readonly directory: string;
  /** More server settings, by name. None of them can open it to the network or turn durability off. */
  readonly settings?: Readonly<Record<string, string>>;
}

export interface EmbeddedPostgres {
  /** Logs in as the superuser, into the database `sentinelops`. Holds the password: never log it. */
  readonly url: string;
  /** As the program prints it, `18.4`. */
  readonly version: string;
  /** True when the server already ran: a daemon before this one was killed. */
  readonly adopted: boolean;
  /** Ends all sessions, then the server, then the claim on the directory. May be called twice. */
  stop(): Promise<void>;
}

/**
 * Ready for connections when it resolves: after seconds the first time in a directory, tenths of a second later.
 * Rejects with what to do when the directory is in use, out of reach for the system user, or of another major version.
 */
export async function startEmbeddedPostgres(
  options: EmbeddedPostgresOptions,
): Promise<EmbeddedPostgres> {
  const directory = resolve(options.directory);
  const user = await systemUser();
  await makeDirectory(directory, user);
  const owner = await claimDirectory(directory);
  try {
    const binaries = await prepareBinaries(directory, user);
    const cluster = await keepCluster(directory, binaries, user);
    const server = await openServer(directory, cluster, binaries, options.settings ?? {});
    const stop = async () => {
      await server.stop();
      await owner.release();
    };
    let stopped: Promise<void> | undefined;
    return {
      url: `postgres://${SUPERUSER}:${cluster.password}@127.0.0.1:${server.port}/${DATABASE}`,
      version: await versionOf(binaries, directory),
      adopted: server.adopted,
      stop() {
        stopped ??= stop();
        return stopped;
      },
    };
  } catch (error) {
    await owner.release();
    throw error;
  }
}

/** Closed to everyone else; when a system user runs the server, that user may pass through but not list. */
async function makeDirectory(directory: string, user: SystemUser | undefined): Promise<void> {
  const mode = user === undefined ? 0o700 : 0o711;
  const topmostMade = await mkdir(directory, { recursive: true });
  await chmod(directory, mode);
  if (topmostMade !== undefined) {
    // A strict umask would close the parents that were made along the way.
    for (let made = directory; made.length > topmostMade.length; ) {
      made = dirname(made);
      await chmod(made, mode);
    }
  }
  const closed = await firstUnreachable(directory, user);
  if (closed === undefined) return;
  throw new Error(
    `SentinelOps was started by root, so its embedded PostgreSQL runs as the system user "${SYSTEM_USER}", ` +
      `and that user may not pass through ${closed} on the way to ${directory}. Start SentinelOps as another user, ` +
      'or set SENTINELOPS_DATA_DIR to a directory below one that is open to all (/var/lib/sentinelops), ' +
      'or set DATABASE_URL to a PostgreSQL server.',
  );
}
