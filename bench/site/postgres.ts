/** The embedded PostgreSQL of the benchmark, durable as in production, and databases in it. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { startEmbeddedPostgres } from '../../src/embedded/postgres.ts';

export interface SitePostgres {
  readonly version: string;
  /** Of the server's first process, the parent of all others. */
  readonly pid: number;
  /** A login as superuser to the database of that name. */
  urlOf(database: string): string;
  /** A new database: a copy of `template`, or an empty one. */
  create(database: string, template?: string): Promise<void>;
  drop(database: string): Promise<void>;
  /** Forgets which statements have run. */
  resetStatistics(): Promise<void>;
  /** The costliest statements since then, the costliest first. */
  statistics(): Promise<string>;
  stop(): Promise<void>;
}

/** Durability is not among them: the embedded server refuses to be without it. The rest is what a production server has. */
const SETTINGS = {
  max_connections: '300',
  shared_buffers: '1GB',
  max_wal_size: '4GB',
  shared_preload_libraries: 'pg_stat_statements',
};
const STATEMENTS_SHOWN = 60;

export async function startPostgres(directory: string): Promise<SitePostgres> {
  const server = await startEmbeddedPostgres({ directory, settings: SETTINGS });
  const urlOf = (database: string) =>
    Object.assign(new URL(server.url), { pathname: database }).href;
  const run = <T extends pg.QueryResultRow>(text: string) => query<T>(urlOf('postgres'), text);
  await run('create extension if not exists pg_stat_statements');
  return {
    version: server.version,
    pid: await pidOf(server.directory),
    urlOf,
    async create(database, template = 'template0') {
      await run(`create database ${database} template ${template}`);
    },
    async drop(database) {
      await run(`drop database if exists ${database} with (force)`);
    },
    async resetStatistics() {
      await run('select pg_stat_statements_reset()');
    },
    async statistics() {
      return (await run<StatementCost>(COSTLIEST)).map(lineOf).join('\n');
    },
    stop: () => server.stop(),
  };
}

/** One statement on a session of its own. */
export async function query<T extends pg.QueryResultRow>(
  url: string,
  text: string,
  values: readonly unknown[] = [],
): Promise<T[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<T>(text, [...values])).rows;
  } finally {
    await client.end();
  }
}

async function pidOf(directory: string): Promise<number> {
  const lock = await readFile(join(directory, 'cluster', 'postmaster.pid'), 'utf8');
  return Number(lock.split('\n')[0]);
}

interface StatementCost extends pg.QueryResultRow {
  readonly role: string;
  readonly calls: string;
  readonly total_ms: number;
  readonly mean_ms: number;
  readonly rows: string;
  readonly wal_bytes: string;
  readonly query: string;
}

const COSTLIEST = `
  select r.rolname as role, s.calls, s.total_exec_time as total_ms, s.mean_exec_time as mean_ms, s.rows, s.wal_bytes,
    regexp_replace(s.query, '\\s+', ' ', 'g') as query
  from pg_stat_statements s join pg_roles r on r.oid = s.userid
  order by s.total_exec_time desc limit ${STATEMENTS_SHOWN}`;

function lineOf({
  role,
  calls,
  total_ms,
  mean_ms,
  rows,
  wal_bytes,
  query: text,
}: StatementCost): string {
  return [
    `${total_ms.toFixed(0).padStart(8)} ms`,
    `${calls.padStart(8)} ×`,
    `${mean_ms.toFixed(3).padStart(9)} ms`,
    `${rows.padStart(9)} rows`,
    `${wal_bytes.padStart(11)} B wal`,
    role.padEnd(22),
    text,
  ].join('  ');
}
