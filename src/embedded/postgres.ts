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
import { prepareBinaries } from './binaries.ts';
import { keepCluster, urlOf, versionOf } from './cluster.ts';
import { openHome } from './home.ts';
import { claimDirectory } from './owner.ts';
import { openServer } from './server.ts';
import { systemUser } from './system-user.ts';

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
  /** Where its files are: the directory that was given, or what stands for it (home.ts). Worth a line in the log. */
  readonly directory: string;
  /** True when the server already ran: a daemon before this one was killed. */
  readonly adopted: boolean;
  /** Ends all sessions, then the server, then the claim on the directory. May be called twice. */
  stop(): Promise<void>;
}

/**
 * Ready for connections when it resolves: after seconds the first time in a directory, tenths of a second later.
 * Rejects with what to do when the directory is in use, out of reach, or of another major version.
 */
export async function startEmbeddedPostgres(
  options: EmbeddedPostgresOptions,
): Promise<EmbeddedPostgres> {
  const user = await systemUser();
  const directory = await openHome(options.directory, user);
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
      url: urlOf(cluster.password, server.port),
      version: await versionOf(binaries, directory),
      directory,
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
