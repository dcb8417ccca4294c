/**
 * Connections to Postgres: one pool per domain, each working under that domain's role. The only importer of the driver.
 *
 * Every session is READ COMMITTED in UTC with time limits below the queue's lock, so a transaction never outlives the
 * lock of the jobs that it serves, and reads instants as text with microseconds (see domain/time.ts).
 */
import { Kysely, PostgresDialect, type Transaction } from 'kysely';
import pg from 'pg';
import { type Principal, roleOf } from '../domain/domains.ts';
import type { Timestamp } from '../domain/time.ts';

/** One transaction of one batch. Stores receive it and write with the `sql` tag; no table type is known to it. */
export type Tx = Transaction<unknown>;

export interface DatabaseOptions {
  readonly url: string;
  readonly domain: Principal;
  /** True when `url` logs in as another role than the domain's own, which then is taken by SET ROLE. */
  readonly assumeRole: boolean;
  readonly connectionsMax: number;
  /** Called for errors of idle connections, which belong to no query. */
  readonly onConnectionError: (error: Error) => void;
}

export interface Session {
  /** Runs `work` in one transaction: committed when it resolves, rolled back when it rejects. */
  transact<T>(work: (tx: Tx) => Promise<T>, watch?: TransactionWatch): Promise<T>;
}

export interface TransactionWatch {
  /** Waited for when COMMIT has left and before its reply is looked at; when it rejects, so does the transaction. */
  readonly commitSent?: (() => Promise<void>) | undefined;
}

/** Sessions of one domain; each transaction takes any of them. */
export interface Database extends Session {
  readonly domain: Principal;
  /** Keeps one session for `work` alone. What a session holds, such as a lock, lasts until then, or until it is lost. */
  hold<T>(work: (session: Session) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

export const STATEMENT_TIMEOUT_MS = 5_000;
export const LOCK_TIMEOUT_MS = 2_000;
export const IDLE_IN_TRANSACTION_TIMEOUT_MS = 10_000;
const CONNECT_TIMEOUT_MS = 2_000;

export function openDatabase(options: DatabaseOptions): Database {
  const settings = [
    'timezone=UTC',
    'datestyle=ISO',
    `statement_timeout=${STATEMENT_TIMEOUT_MS}`,
    `lock_timeout=${LOCK_TIMEOUT_MS}`,
    `idle_in_transaction_session_timeout=${IDLE_IN_TRANSACTION_TIMEOUT_MS}`,
    'default_transaction_isolation=read\\ committed',
    // Our statements are short: to compile a plan would take longer than to run it.
    'jit=off',
    ...(options.assumeRole ? [`role=${roleOf(options.domain)}`] : []),
  ];
  const pool = new pg.Pool({
    connectionString: options.url,
    max: options.connectionsMax,
    keepAlive: true,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    options: settings.map((setting) => `-c ${setting}`).join(' '),
    application_name: `sentinelops ${options.domain}`,
    types: { getTypeParser },
  });
  pool.on('error', options.onConnectionError);
  // A checked-out client that loses its server emits too; without a listener that would end the process.
  pool.on('connect', (client) => client.on('error', options.onConnectionError));
  const kysely = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) });
  return {
    domain: options.domain,
    transact: (work, watch) => transact(kysely, work, watch),
    hold: (work) =>
      kysely
        .connection()
        .execute((connection) =>
          work({ transact: (inner, watch) => transact(connection, inner, watch) }),
        ),
    close: () => kysely.destroy(),
  };
}

function transact<T>(
  kysely: Kysely<unknown>,
  work: (tx: Tx) => Promise<T>,
  { commitSent }: TransactionWatch = {},
): Promise<T> {
  return commitSent === undefined
    ? kysely.transaction().execute(work)
    : transactWatched(kysely, work, commitSent);
}

async function transactWatched<T>(
  kysely: Kysely<unknown>,
  work: (tx: Tx) => Promise<T>,
  commitSent: () => Promise<void>,
): Promise<T> {
  const tx = await kysely.startTransaction().execute();
  let result: T;
  try {
    result = await work(tx);
  } catch (error) {
    await tx
      .rollback()
      .execute()
      .catch(() => undefined);
    throw error;
  }
  const committing = tx.commit().execute();
  committing.catch(() => undefined);
  // The driver writes within this turn of the event loop; the next one finds the bytes gone.
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
  try {
    await commitSent();
  } finally {
    await committing;
  }
  return result;
}

/**
 * One session for changing the schema, as the login of `url`. No time limits: an index over millions of rows takes as
 * long as it takes, and a second migrator waits for the first. The caller destroys it.
 */
export function openMigratorDatabase(url: string): Kysely<unknown> {
  const pool = new pg.Pool({
    connectionString: url,
    max: 1,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    application_name: 'sentinelops migrate',
  });
  // Every fault of the one session also fails the statement that ran into it.
  pool.on('error', () => {});
  pool.on('connect', (client) => client.on('error', () => {}));
  return new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) });
}

/** Owns nothing and sees no domain: it may only use the tables of the queue store's Postgres backend. */
export const QUEUE_ROLE = 'sentinelops_queue';

export interface QueuePoolOptions {
  readonly url: string;
  /** True when `url` logs in as another role than `QUEUE_ROLE`, which then is taken by SET ROLE. */
  readonly assumeRole: boolean;
  /** The schema of the queue store's tables; its functions name each other without one. */
  readonly schema: string;
  /** Each worker keeps one for its wake-ups: count the workers, and ten more for what they do. */
  readonly connectionsMax: number;
  readonly onConnectionError: (error: Error) => void;
}

/** Sessions for the queue store's Postgres backend, which brings its own statements. The caller ends the pool. */
export function openQueuePool(options: QueuePoolOptions): pg.Pool {
  const settings = [
    `search_path=${options.schema}`,
    `statement_timeout=${STATEMENT_TIMEOUT_MS}`,
    ...(options.assumeRole ? [`role=${QUEUE_ROLE}`] : []),
  ];
  const pool = new pg.Pool({
    connectionString: options.url,
    max: options.connectionsMax,
    keepAlive: true,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    options: settings.map((setting) => `-c ${setting}`).join(' '),
    application_name: 'sentinelops queue',
  });
  // Every queue and worker adds a listener of its own.
  pool.setMaxListeners(0);
  pool.on('error', options.onConnectionError);
  pool.on('connect', (client) => client.on('error', options.onConnectionError));
  return pool;
}

/** One session for changing the schema with statements of the bare driver; see `openMigratorDatabase`. */
export async function withMigratorClient<T>(
  url: string,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    application_name: 'sentinelops migrate',
  });
  client.on('error', () => {});
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

const TIMESTAMPTZ_OID = 1184;

function getTypeParser(oid: number, format?: 'text' | 'binary'): (value: string) => unknown {
  if (oid === TIMESTAMPTZ_OID) return timestampFromPostgres;
  return pg.types.getTypeParser(oid, format as 'text');
}

/** `2026-01-02 03:04:05.678+00`, as a session in UTC prints it, in the form of domain/time.ts. */
function timestampFromPostgres(text: string): Timestamp {
  const [date, time = ''] = text.split(' ');
  const [seconds, fraction = ''] = time.replace('+00', '').split('.');
  return `${date}T${seconds}.${fraction.padEnd(6, '0')}Z` as Timestamp;
}
