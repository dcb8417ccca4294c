/**
 * Brings a database to the schema of this release: runs the files of `sql/` that it has not seen, in order.
 *
 * Each file is one transaction with its own line of history, so a file that fails leaves nothing behind, and the files
 * before it stay. A line carries the digest of the text that ran: an applied file that was edited afterwards is refused,
 * since databases made before and after the edit would differ under one name. Forward only; a repair is a new file.
 */
import { randomUUID } from 'node:crypto';
import { type Kysely, sql, type Transaction } from 'kysely';
import { Migrator } from 'kysely/migration';
import { openMigratorDatabase } from './database.ts';
import {
  type MigrationFile,
  pendingOf,
  readMigrationFiles,
  SQL_DIRECTORY,
} from './migration-files.ts';

export interface MigrateOptions {
  /** Folders of SQL files; the release's own by default. */
  readonly sqlDirectory?: string;
  /** Names this installation's ledger, once and for good; a random name under `sentinelops.invalid` when not given. */
  readonly ledgerOrigin?: string | undefined;
  /** Told of each file as it is committed. */
  readonly log?: (message: string) => void;
}

export interface Migrated {
  /** The paths of the files that ran now, in order; empty when there was nothing to do. */
  readonly applied: readonly string[];
}

/** A statement gives up rather than queue for a table, with every later reader of that table behind it. */
const LOCK_TIMEOUT_MS = 10_000;
/** RFC 2606 keeps `.invalid` out of the DNS, so such a name can never be somebody's. */
const UNNAMED_LEDGER = 'sentinelops.invalid';

/**
 * Runs what is missing, as the login of `url`, which must be allowed to create roles and schemas. Two at once are safe:
 * the second waits, then finds nothing to do. Rejects with the file and line of the statement that failed.
 */
export async function migrate(url: string, options: MigrateOptions = {}): Promise<Migrated> {
  const files = await readMigrationFiles(options.sqlDirectory ?? SQL_DIRECTORY);
  return withSession(url, async (db) => {
    // For the whole run: kysely's own lock covers one schema's history, and files of several depend on each other.
    // It goes with the session.
    await sql`select pg_advisory_lock(hashtext('sentinelops migrate'))`.execute(db);
    const pending = pendingOf(files, await history(db));
    for (const file of pending) {
      await apply(db, file, files);
      options.log?.(`applied ${file.path}`);
    }
    await nameLedger(db, options.ledgerOrigin);
    return { applied: pending.map((file) => file.path) };
  });
}

/**
 * The files that `url`'s database still lacks, by path. Rejects when it has run one that was edited since or that this
 * release does not have. Needs no rights but to connect; a daemon asks before it starts.
 */
export async function pendingMigrations(
  url: string,
  sqlDirectory: string = SQL_DIRECTORY,
): Promise<readonly string[]> {
  const files = await readMigrationFiles(sqlDirectory);
  return withSession(url, async (db) =>
    pendingOf(files, await history(db)).map((file) => file.path),
  );
}

/** One session for all of `work`: with the session its lock is lost, and then the rest must not go on in another. */
async function withSession<T>(url: string, work: (db: Kysely<unknown>) => Promise<T>): Promise<T> {
  const db = openMigratorDatabase(url);
  try {
    return await db.connection().execute(work);
  } finally {
    await db.destroy();
  }
}

/**
 * One file and its line of history: committed together or not at all. The file comes first, so that it makes its own
 * schema, with its own owner, and so that its failure is not hidden by that of kysely's unlock after it.
 */
async function apply(
  db: Kysely<unknown>,
  file: MigrationFile,
  files: readonly MigrationFile[],
): Promise<void> {
  await db.transaction().execute(async (tx) => {
    await sql`select set_config('lock_timeout', ${String(LOCK_TIMEOUT_MS)}, true)`.execute(tx);
    try {
      await sql.raw(file.text).execute(tx);
    } catch (cause) {
      throw new Error(`${placeOf(file, cause)}: ${messageOf(cause)}`, { cause });
    }
    // The file may have taken an owner's role; the history belongs to the login.
    await sql`set local role none`.execute(tx);
    await record(tx, file, files);
    await publishHistory(tx, files);
  });
}

/** Kysely makes the history where it is missing, compares what stands in it with `files`, and adds the line. */
async function record(
  tx: Transaction<unknown>,
  file: MigrationFile,
  files: readonly MigrationFile[],
): Promise<void> {
  const ofSchema = files.filter((other) => other.schema === file.schema);
  const alreadyRun = { up: async () => {} };
  const migrator = new Migrator({
    db: tx,
    provider: {
      getMigrations: async () => Object.fromEntries(ofSchema.map(({ name }) => [name, alreadyRun])),
    },
    migrationTableSchema: file.schema,
    migrationTableName: 'migration',
    migrationLockTableName: 'migration_lock',
  });
  const { error } = await migrator.migrateTo(file.name);
  if (error !== undefined) throw error;
}

/** Once and for good: the name is part of every entry's hash. The database refuses another one later. */
async function nameLedger(db: Kysely<unknown>, origin: string | undefined): Promise<void> {
  const { rows: functions } = await sql<{ exists: boolean }>`
    select to_regprocedure('ledger.set_origin_base(text)') is not null as exists`.execute(db);
  if (functions[0]?.exists !== true) return;
  const { rows: standing } = await sql<{ named: boolean }>`
    select ledger.origin_base() is not null as named`.execute(db);
  if (origin === undefined && standing[0]?.named === true) return;
  const name = origin ?? `${UNNAMED_LEDGER}/${randomUUID()}`;
  await sql`select ledger.set_origin_base(${name})`.execute(db);
}

/**
 * A view over the history of all schemas, readable by every login: the schemas themselves are closed to all but their
 * own roles, and every daemon has to know whether its database is the one that it was built for.
 */
async function publishHistory(tx: Kysely<unknown>, files: readonly MigrationFile[]): Promise<void> {
  const schemas = [...new Set(files.map((file) => file.schema))];
  const { rows } = await sql<{ schema: string }>`
    select schema from unnest(${schemas}::text[]) as schema
    where to_regclass(quote_ident(schema) || '.migration') is not null order by schema`.execute(tx);
  const parts = rows.map(({ schema }) => sql`select name from ${sql.table(`${schema}.migration`)}`);
  const all = sql.join(parts, sql` union all `);
  await sql`create schema if not exists sentinelops`.execute(tx);
  await sql`create or replace view sentinelops.migration_history as ${all}`.execute(tx);
  await sql`grant usage on schema sentinelops to public`.execute(tx);
  await sql`grant select on sentinelops.migration_history to public`.execute(tx);
}

/** The names that have run; none in an empty database. */
async function history(db: Kysely<unknown>): Promise<readonly string[]> {
  const { rows: published } = await sql<{ exists: boolean }>`
    select to_regclass('sentinelops.migration_history') is not null as exists`.execute(db);
  if (published[0]?.exists !== true) return [];
  const { rows } = await sql<{ name: string }>`
    select name from sentinelops.migration_history order by name`.execute(db);
  return rows.map((row) => row.name);
}

/** `sql/event/0020_event.sql:17` where the server says at which character it stopped. */
function placeOf(file: MigrationFile, cause: unknown): string {
  const position = Number((cause as { readonly position?: string }).position);
  if (!(position > 0)) return file.path;
  return `${file.path}:${file.text.slice(0, position - 1).split('\n').length}`;
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
