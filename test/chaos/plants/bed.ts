/** Where plants are made: the clean run's database without its guards, copied for each, and a copy of the evidence. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import pg from 'pg';
import { inject } from 'vitest';
import { copyDatabaseRights } from '../../support/database.ts';
import { asAdmin, urlOf } from '../../support/postgres.ts';
import type { Evidence } from '../checker/evidence.ts';
import type { Bed } from './plant.ts';

/** Takes away what would refuse a plant: triggers, checks, foreign keys and unique keys, and what watches over them. */
const DISARM = `
do $$
declare
  found record;
begin
  for found in select evtname from pg_event_trigger loop
    execute format('alter event trigger %I disable', found.evtname);
  end loop;
  for found in select c.oid::regclass as name from pg_class c
      where c.relkind = 'r' and c.relhastriggers and c.relnamespace::regnamespace::text not in ('pg_catalog', 'bullmq') loop
    execute format('alter table %s disable trigger all', found.name);
  end loop;
  for found in select conrelid::regclass as name, conname from pg_constraint
      where contype in ('f', 'c', 'u') and conrelid <> 0
        and connamespace::regnamespace::text not in ('pg_catalog', 'information_schema', 'bullmq')
      order by contype = 'u' loop
    execute format('alter table %s drop constraint if exists %I cascade', found.name, found.conname);
  end loop;
  for found in select i.indexrelid::regclass as name from pg_index i join pg_class c on c.oid = i.indrelid
      where i.indisunique and not i.indisprimary
        and c.relnamespace::regnamespace::text not in ('pg_catalog', 'pg_toast', 'bullmq') loop
    execute format('drop index %s', found.name);
  end loop;
end
$$`;

/** Copies a database that nobody is connected to, with the rights on it. */
export async function copyDatabase(from: string, to: string): Promise<void> {
  await asAdmin(inject('postgres').adminUrl, async (admin) => {
    await admin.query(`create database ${to} template ${from}`);
    await copyDatabaseRights(admin, from, to);
  });
}

/** The same, without guards. */
export async function disarmedCopy(from: string, to: string): Promise<void> {
  await copyDatabase(from, to);
  await asAdmin(urlOf(inject('postgres').adminUrl, to), (admin) => admin.query(DISARM));
}

export async function dropDatabase(name: string): Promise<void> {
  await asAdmin(inject('postgres').adminUrl, (admin) =>
    admin.query(`drop database if exists ${name} with (force)`),
  );
}

export interface BedOptions {
  readonly url: string;
  readonly redis: Redis;
  readonly evidence: Evidence;
  /** Where changed exports go. */
  readonly directory: string;
}

/** Resolves with the evidence as the plant has left it. */
export async function plantIn(
  { url, redis, evidence, directory }: BedOptions,
  make: (bed: Bed) => Promise<void> | void,
): Promise<Evidence> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  // Copied member by member: what a plant changes must not be seen by the next one.
  const own = structuredClone(evidence) as Bed['evidence'];
  try {
    await make({
      redis,
      evidence: own,
      async sql(statement) {
        const result = await client.query(statement);
        const results = Array.isArray(result) ? result : [result];
        if (results.every(({ rowCount, command }) => rowCount === 0 && command !== 'GRANT')) {
          throw new Error(`The plant changes nothing: ${statement}`);
        }
      },
      async copy(table, where, changes) {
        const { rows } = await client.query<{ name: string }>(
          `select quote_ident(attname) as name from pg_attribute
           where attrelid = $1::regclass and attnum > 0 and not attisdropped and attgenerated = ''`,
          [table],
        );
        const columns = rows.map(({ name }) => name);
        const values = columns.map((name) => changes[name] ?? name);
        const { rowCount } = await client.query(
          `insert into ${table} (${columns.join()}) select ${values.join()} from ${table} where ${where}`,
        );
        if (rowCount === 0) throw new Error(`Nothing to copy in ${table}: ${where}`);
      },
      async value(query) {
        const { rows } = await client.query<Record<string, string | null>>(query);
        const [value] = Object.values(rows[0] ?? {});
        if (value === null || value === undefined) throw new Error(`No such row: ${query}`);
        return value;
      },
      async exportFile(change) {
        const path = join(directory, 'planted.export');
        await writeFile(path, change(await readFile(evidence.exports[0]!)));
        return path;
      },
    });
  } finally {
    await client.end();
  }
  return own;
}
