/** The PostgreSQL of one test run: an embedded server of its own, or the one that TEST_DATABASE_URL names. */
import { existsSync } from 'node:fs';
import { mkdtemp, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { startEmbeddedPostgres } from '../../src/embedded/postgres.ts';
import { firstUnreachable, systemUser } from '../../src/embedded/system-user.ts';
import { migrateQueueStore } from '../../src/queues/broker.ts';
import { QUEUE_ROLE, withMigratorClient } from '../../src/stores/database.ts';
import { migrate } from '../../src/stores/migrate.ts';

/** What test processes are told. */
export interface TestPostgres {
  /** Logs in as a superuser, into a database that no test uses. */
  readonly adminUrl: string;
  /** The migrated database that cloneDatabase copies. */
  readonly template: string;
  /** Why the template could not be migrated. Fails the tests that need it and leaves the others alone. */
  readonly fault?: string;
}

const SETTINGS = {
  // Two workers, each with some pools for every domain.
  max_connections: '300',
  // The disk may be memory.
  max_wal_size: '256MB',
};
const MEMORY_DISK = '/dev/shm';
const MEMORY_DISK_FREE_BYTES_MIN = 2 * 2 ** 30;

export async function startTestPostgres(): Promise<{
  readonly told: TestPostgres;
  stop(): Promise<void>;
}> {
  const server = await openServer();
  const template = `sentinelops_template_${process.pid}`;
  await asAdmin(server.adminUrl, (admin) => admin.query(`create database ${template}`));
  const fault = await migrateTemplate(server.adminUrl, template).catch(String);
  return {
    told: { adminUrl: server.adminUrl, template, ...(fault === undefined ? {} : { fault }) },
    async stop() {
      await asAdmin(server.adminUrl, async (admin) => {
        await admin.query(`alter database ${template} with is_template false`);
        await admin.query(`drop database ${template} with (force)`);
      });
      await server.stop();
    },
  };
}

async function openServer(): Promise<{ adminUrl: string; stop(): Promise<void> }> {
  const given = process.env['TEST_DATABASE_URL'];
  if (given !== undefined) return { adminUrl: given, stop: async () => {} };
  const directory = await mkdtemp(join(await fastestDisk(), 'sentinelops-test-postgres-'));
  const remove = () => rm(directory, { recursive: true });
  try {
    const server = await startEmbeddedPostgres({ directory, settings: SETTINGS });
    return { adminUrl: server.url, stop: () => server.stop().then(remove) };
  } catch (error) {
    await remove();
    throw error;
  }
}

/**
 * Durability stays on in the tests too, since the daemon refuses a server without it; on a disk in memory it costs
 * nothing, and a clone takes a tenth of the time. Such a disk is often closed to programs, so it will not do where the
 * keeper has to copy PostgreSQL's beside the data.
 */
async function fastestDisk(): Promise<string> {
  const copiesPrograms = (await firstUnreachable(process.cwd(), await systemUser())) !== undefined;
  if (copiesPrograms || !existsSync(MEMORY_DISK)) return tmpdir();
  const { bavail, bsize } = await statfs(MEMORY_DISK);
  return bavail * bsize >= MEMORY_DISK_FREE_BYTES_MIN ? MEMORY_DISK : tmpdir();
}

/** Migrated once, then closed to connections: CREATE DATABASE refuses a template that someone is connected to. */
async function migrateTemplate(adminUrl: string, template: string): Promise<undefined> {
  await migrate(urlOf(adminUrl, template));
  await withMigratorClient(urlOf(adminUrl, template), (client) =>
    migrateQueueStore(client, QUEUE_ROLE),
  );
  await asAdmin(adminUrl, (admin) =>
    admin.query(`alter database ${template} with is_template true allow_connections false`),
  );
}

export async function asAdmin<T>(
  adminUrl: string,
  work: (admin: pg.Client) => Promise<T>,
): Promise<T> {
  const admin = new pg.Client({ connectionString: adminUrl });
  await admin.connect();
  try {
    return await work(admin);
  } finally {
    await admin.end();
  }
}

/** The same server and login, another database. */
export function urlOf(adminUrl: string, database: string): string {
  const url = new URL(adminUrl);
  url.pathname = `/${database}`;
  return url.href;
}
