/**
 * Connections to Postgres: one pool per domain, each working under that domain's role. The only importer of the driver.
 *
 * Every session is READ COMMITTED in UTC with time limits below the queue's lock, so a transaction never outlives the
 * lock of the jobs that it serves, and reads instants as text with microseconds (see domain/time.ts).
 */
import { Kysely, PostgresDialect, type Transaction } from 'kysely';
import pg from 'pg';
import { type Domain, roleOf } from '../domain/domains.ts';
import type { Timestamp } from '../domain/time.ts';

/** One transaction of one batch. Stores receive it and write with the `sql` tag; no table type is known to it. */
export type Tx = Transaction<unknown>;

export interface DatabaseOptions {
  readonly url: string;
  readonly domain: Domain;
  /** True when `url` logs in as another role than the domain's own, which then is taken by SET ROLE. */
  readonly assumeRole: boolean;
  readonly connectionsMax: number;
  /** Called for errors of idle connections, which belong to no query. */
  readonly onConnectionError: (error: Error) => void;
}

/** Sessions of one domain. */
export interface Database {
  readonly domain: Domain;
  /** Runs `work` in one transaction: committed when it resolves, rolled back when it rejects. */
  transact<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
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
    transact: (work) => kysely.transaction().execute(work),
    close: () => kysely.destroy(),
  };
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
