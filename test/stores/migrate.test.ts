import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { migrate, pendingMigrations } from '../../src/stores/migrate.ts';
import { emptyDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;
let sqlDirectory: string;

beforeEach(async () => {
  database = await emptyDatabase();
  sqlDirectory = await mkdtemp(join(tmpdir(), 'sentinelops-test-sql-'));
});
afterEach(async () => {
  await database.close();
  await rm(sqlDirectory, { recursive: true });
});

async function write(files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    const file = join(sqlDirectory, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
  }
}

const run = () => migrate(database.url, { sqlDirectory });

async function rowsOf(text: string): Promise<unknown[]> {
  const client = await database.superuser();
  return (await client.query({ text, rowMode: 'array' })).rows.flat();
}

/** Three files whose numbers and folders disagree about the order. */
const release = {
  'roles/0001_house.sql': 'create schema if not exists sentinelops;',
  'b/0010_first.sql': 'create schema b; create table b.one (n integer);',
  'a/0020_second.sql': 'create schema a; create view a.one as select n from b.one;',
  'b/0030_third.sql': 'create view b.two as select n from a.one;',
};
const inOrder = [
  'sql/roles/0001_house.sql',
  'sql/b/0010_first.sql',
  'sql/a/0020_second.sql',
  'sql/b/0030_third.sql',
];

describe('a release', () => {
  it('runs in the order of its numbers over all folders, once', async () => {
    await write(release);
    expect(await pendingMigrations(database.url, sqlDirectory)).toEqual(inOrder);
    expect(await run()).toEqual({ applied: inOrder });
    expect(await pendingMigrations(database.url, sqlDirectory)).toEqual([]);
    expect(await run()).toEqual({ applied: [] });
  });

  it('keeps the history of each schema in that schema, with the digest of what ran', async () => {
    await write(release);
    await run();
    const digest = expect.stringMatching(/^00\d0_\w+@[0-9a-f]{12}$/);
    expect(await rowsOf('select name from b.migration order by name')).toEqual([digest, digest]);
    expect(await rowsOf('select name from a.migration')).toEqual([digest]);
    expect(await rowsOf('select name from sentinelops.migration')).toHaveLength(1);
  });

  it('tells of each file as it is committed', async () => {
    await write(release);
    const told: string[] = [];
    await migrate(database.url, { sqlDirectory, log: (message) => told.push(message) });
    expect(told).toEqual(inOrder.map((path) => `applied ${path}`));
  });

  it('goes on where the last one stopped', async () => {
    await write(release);
    await run();
    await write({ 'a/0040_fourth.sql': 'create table a.more (n integer);' });
    expect(await run()).toEqual({ applied: ['sql/a/0040_fourth.sql'] });
  });

  it('lets a file work as the owner of its schema, which the history is closed to', async () => {
    await write({
      'mine/0001_mine.sql': `create schema mine; alter schema mine owner to pg_monitor;
        set local role pg_monitor; create table mine.one (n integer);`,
    });
    await run();
    expect(
      await rowsOf(`select relname::text || ' of ' || pg_get_userbyid(relowner) from pg_class
        where relnamespace = 'mine'::regnamespace and relkind = 'r' order by 1`),
    ).toEqual(['migration of postgres', 'migration_lock of postgres', 'one of pg_monitor']);
  });
});

describe('at once', () => {
  it('three migrators of an empty database do the work of one', async () => {
    await write(release);
    const outcomes = await Promise.all([run(), run(), run()]);
    expect(outcomes.map(({ applied }) => applied).sort((a, b) => a.length - b.length)).toEqual([
      [],
      [],
      inOrder,
    ]);
  });
});

describe('a file that fails', () => {
  it('is named with the line, leaves nothing behind, and runs once it is mended', async () => {
    await write({
      ...release,
      'a/0020_second.sql':
        'create schema a;\ncreate table a.half (n integer);\nselect wrong from b.one;',
    });
    await expect(run()).rejects.toThrow('sql/a/0020_second.sql:3: column "wrong" does not exist');
    expect(
      await rowsOf(`select nspname::text from pg_namespace where nspname in ('a', 'b')`),
    ).toEqual(['b']);
    expect(await pendingMigrations(database.url, sqlDirectory)).toEqual(inOrder.slice(2));
    await write(release);
    expect(await run()).toEqual({ applied: inOrder.slice(2) });
  });

  it('is taken back whole when it fails at the COMMIT', async () => {
    await write({
      'a/0001_deferred.sql': `create schema a; create table a.parent (id integer primary key);
        create table a.child (id integer references a.parent deferrable initially deferred);
        insert into a.child values (1);`,
    });
    await expect(run()).rejects.toThrow(/violates foreign key constraint/);
    expect(await rowsOf(`select nspname::text from pg_namespace where nspname = 'a'`)).toEqual([]);
  });
});

describe('refused, with nothing run', () => {
  beforeEach(async () => {
    await write(release);
    await run();
  });

  const refusals: readonly [string, () => Promise<void>, RegExp][] = [
    [
      'a file that was edited after it had run',
      () => write({ 'b/0010_first.sql': 'create schema b;' }),
      /^sql\/b\/0010_first\.sql was edited after this database had run it/,
    ],
    [
      'a database that has run more than this release knows',
      () => rm(join(sqlDirectory, 'b/0030_third.sql')),
      /has run the migration 0030_third, which this release does not have/,
    ],
    [
      'a new file below one that has run',
      () => write({ 'a/0025_late.sql': 'select 1;' }),
      /^sql\/a\/0025_late\.sql is new, but this database has already run 0030_third/,
    ],
    [
      'a number that is used twice',
      () => write({ 'a/0030_other.sql': 'select 1;' }),
      /sql\/a\/0030_other\.sql/,
    ],
    [
      'a name of another form',
      () => write({ 'a/40-Fourth.sql': 'select 1;' }),
      /^sql\/a\/40-Fourth\.sql must be named/,
    ],
  ];
  it.each(refusals)('%s', async (_, change, message) => {
    await change();
    await write({ 'a/0050_new.sql': 'create table a.forbidden (n integer);' });
    await expect(run()).rejects.toThrow(message);
    await expect(pendingMigrations(database.url, sqlDirectory)).rejects.toThrow(message);
    expect(await rowsOf(`select to_regclass('a.forbidden')::text`)).toEqual([null]);
  });
});

describe("the release's own files", () => {
  const originOf = async () => (await rowsOf('select ledger.origin_base()'))[0];

  it('make an empty database complete, and any role may ask for it', async () => {
    const { applied } = await migrate(database.url);
    expect(applied.length).toBeGreaterThan(10);
    const asRisk = `${database.url}?options=${encodeURIComponent('-c role=sentinelops_risk')}`;
    expect(await pendingMigrations(asRisk)).toEqual([]);
  });

  it('name the ledger after the setting, and never another way', async () => {
    await migrate(database.url, { ledgerOrigin: 'ledger.example.com/a' });
    await migrate(database.url);
    await migrate(database.url, { ledgerOrigin: 'ledger.example.com/a' });
    expect(await originOf()).toBe('ledger.example.com/a');
    await expect(migrate(database.url, { ledgerOrigin: 'ledger.example.com/b' })).rejects.toThrow();
    expect(await originOf()).toBe('ledger.example.com/a');
  });

  it('name it at random when nothing is set, and keep that name', async () => {
    await migrate(database.url);
    const origin = await originOf();
    expect(origin).toMatch(/^sentinelops\.invalid\/[0-9a-f-]{36}$/);
    await migrate(database.url);
    expect(await originOf()).toBe(origin);
  });
});
