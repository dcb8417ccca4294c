/**
 * A database of its own for a test file: copied from the template that the run migrated once, in a small part of the
 * time that the migrations take.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { inject } from 'vitest';
import type { Principal } from '../../src/domain/domains.ts';
import { type Database, openDatabase } from '../../src/stores/database.ts';
import { asAdmin, urlOf } from './postgres.ts';

export interface TestDatabase {
  /** Logs in as a superuser. */
  readonly url: string;
  /** Sessions of one domain's role, as the daemon opens them; ended by `close`. */
  open(domain: Principal): Database;
  /** A connected client of the bare driver, for tests of the SQL itself; ended by `close`. */
  superuser(): Promise<pg.Client>;
  /** Drops the database. Rejects, naming them, when sessions are left that somebody else opened and did not close. */
  close(): Promise<void>;
}

const CONNECTIONS_PER_DOMAIN_MAX = 4;
/** A server process outlives its client's goodbye by some milliseconds. */
const GOODBYE_MS_MAX = 5_000;
const GOODBYE_POLL_MS = 20;

/** A copy of the migrated template, with no rows but those that the migrations wrote. */
export async function cloneDatabase(): Promise<TestDatabase> {
  const { template, fault } = inject('postgres');
  if (fault !== undefined) throw new Error(`The template database is not usable: ${fault}`);
  return createDatabase(template);
}

/** A database in which no migration has run. */
export function emptyDatabase(): Promise<TestDatabase> {
  return createDatabase('template0');
}

async function createDatabase(template: string): Promise<TestDatabase> {
  const { adminUrl } = inject('postgres');
  const name = `test_${process.pid}_${randomBytes(4).toString('hex')}`;
  await asAdmin(adminUrl, async (admin) => {
    await admin.query(`create database ${name} template ${template}`);
    await copyDatabaseRights(admin, template, name);
  });
  const url = urlOf(adminUrl, name);
  const closers: (() => Promise<void>)[] = [];
  return {
    url,
    open(domain) {
      const database = openDatabase({
        url,
        domain,
        assumeRole: true,
        connectionsMax: CONNECTIONS_PER_DOMAIN_MAX,
        onConnectionError: () => {},
      });
      let closed: Promise<void> | undefined;
      const close = () => (closed ??= database.close());
      closers.push(close);
      return { ...database, close };
    },
    async superuser() {
      const client = new pg.Client({ connectionString: url });
      // A test may end this session from outside; the query that runs into it reports that.
      client.on('error', () => {});
      await client.connect();
      closers.push(() => client.end());
      return client;
    },
    async close() {
      await Promise.all(closers.map((close) => close()));
      await asAdmin(adminUrl, async (admin) => {
        const left = await sessionsLeft(admin, name);
        await admin.query(`drop database ${name} with (force)`);
        if (left.length > 0)
          throw new Error(`Sessions were left open on ${name}:\n${left.join('\n')}`);
      });
    },
  };
}

/** A copy has everything but the rights on the database itself: who may connect, who may make temporary tables. */
export async function copyDatabaseRights(
  admin: pg.Client,
  from: string,
  to: string,
): Promise<void> {
  const { rows } = await admin.query<{ statement: string }>(
    `select format('grant %s on database %I to %I', privilege_type, $2::text, rolname) as statement
     from pg_database, aclexplode(datacl) join pg_roles on pg_roles.oid = grantee
     where datname = $1 and grantee <> datdba`,
    [from, to],
  );
  const revoke = `revoke temporary, connect on database ${to} from public`;
  await admin.query([revoke, ...rows.map((row) => row.statement)].join(';'));
}

async function sessionsLeft(admin: pg.Client, database: string): Promise<readonly string[]> {
  for (let waitedMs = 0; ; waitedMs += GOODBYE_POLL_MS) {
    const { rows } = await admin.query<{ session: string }>(
      `select format('%s, %s, last: %s', application_name, state, query) as session
       from pg_stat_activity where datname = $1 and backend_type = 'client backend'`,
      [database],
    );
    if (rows.length === 0 || waitedMs >= GOODBYE_MS_MAX) return rows.map((row) => row.session);
    await delay(GOODBYE_POLL_MS);
  }
}
