import type pg from 'pg';
import { afterAll, expect, it } from 'vitest';
import { migrate } from '../../src/stores/migrate.ts';
import { emptyDatabase, type TestDatabase } from '../support/database.ts';

const databases: TestDatabase[] = [];
afterAll(() => Promise.all(databases.map((database) => database.close())));

/** Every object with its definition, owner, rights and comment, a line each, without the numbers of one database. */
const CATALOG = `
  with schema as (
    select oid, nspname, nspowner, nspacl from pg_namespace where nspname !~ '^(pg_|information_schema)'
  ), relation as (
    select c.* from pg_class c join schema on schema.oid = c.relnamespace where c.relkind in ('r', 'v', 'i', 'S')
  )
  select format('schema %s %s %s', nspname, nspowner::regrole, nspacl) from schema
  union all
  select format('relation %s %s %s %s %s %s', oid::regclass, relkind, relowner::regrole, relacl, reloptions,
    obj_description(oid, 'pg_class')) from relation
  union all
  select format('column %s.%s %s %s %s %s %s', a.attrelid::regclass, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
    pg_get_expr(d.adbin, d.adrelid), a.attacl, col_description(a.attrelid, a.attnum))
  from relation join pg_attribute a on a.attrelid = relation.oid and a.attnum > 0 and not a.attisdropped
  left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
  where relation.relkind in ('r', 'v')
  union all
  select format('constraint %s %s %s', k.conrelid::regclass, k.conname, pg_get_constraintdef(k.oid))
  from pg_constraint k join schema on schema.oid = k.connamespace
  union all
  select format('index %s', pg_get_indexdef(oid)) from relation where relkind = 'i'
  union all
  select format('view %s %s', oid::regclass, pg_get_viewdef(oid)) from relation where relkind = 'v'
  union all
  select format('trigger %s %s', t.tgenabled, pg_get_triggerdef(t.oid))
  from pg_trigger t join relation on relation.oid = t.tgrelid where not t.tgisinternal
  union all
  select format('function %s %s %s', f.proowner::regrole, f.proacl, pg_get_functiondef(f.oid))
  from pg_proc f join schema on schema.oid = f.pronamespace where f.proname <> 'origin_base'
  union all
  select format('defaults %s %s', d.defaclrole::regrole, d.defaclacl) from pg_default_acl d
  union all
  select format('event trigger %s %s %s', evtname, evtevent, evtenabled) from pg_event_trigger`;

async function catalogOf(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ format: string }>(CATALOG);
  return rows.map(({ format }) => format).toSorted();
}

/** Several migrations from nothing, on a machine that may be busy. */
const MIGRATIONS_MS = 180_000;

it(
  'two databases migrated from nothing have the same catalogs, down to the last right',
  async () => {
    const catalogs: string[][] = [];
    for (let n = 0; n < 2; n += 1) {
      const database = await emptyDatabase();
      databases.push(database);
      await migrate(database.url, { ledgerOrigin: `test.example/ledger-${n}` });
      catalogs.push(await catalogOf(await database.superuser()));
    }
    const [first, second] = catalogs;
    expect(first!.length).toBeGreaterThan(500);
    expect(second).toEqual(first);
  },
  MIGRATIONS_MS,
);

it(
  'two databases of one server are migrated at the same time',
  async () => {
    const pair = [await emptyDatabase(), await emptyDatabase()];
    databases.push(...pair);
    const applied = await Promise.all(pair.map(({ url }) => migrate(url)));
    expect(applied[0]!.applied.length).toBeGreaterThan(0);
    expect(applied[1]!.applied).toEqual(applied[0]!.applied);
  },
  MIGRATIONS_MS,
);
