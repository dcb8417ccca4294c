import { sql } from 'kysely';
import pg from 'pg';
import { expect, it } from 'vitest';
import { cloneDatabase, emptyDatabase } from './database.ts';
import { queueStores } from './queue-stores.ts';

it('clones side by side, each apart from the others', async () => {
  const [one, other] = await Promise.all([cloneDatabase(), cloneDatabase(), cloneDatabase()]).then(
    async ([a, b, c]) => {
      await c.close();
      return [a, b] as const;
    },
  );
  const client = await one.superuser();
  await client.query('create table public.mine (n integer)');
  const { rows } = await (await other.superuser()).query(
    `select to_regclass('public.mine') as mine`,
  );
  expect(rows).toEqual([{ mine: null }]);
  await Promise.all([one.close(), other.close()]);
});

it("opens a domain's sessions under its role, and lets only the product's roles connect", async () => {
  const database = await cloneDatabase();
  const events = database.open('event');
  const { rows } = await events.transact((tx) =>
    sql`select current_user::text as role,
      has_database_privilege('sentinelops_event', current_database(), 'connect') as connect,
      has_database_privilege('sentinelops_event', current_database(), 'temporary') as temporary`.execute(
      tx,
    ),
  );
  expect(rows).toEqual([{ role: 'sentinelops_event', connect: true, temporary: false }]);
  await events.close();
  await database.close();
});

it('fails at the close when a session is left, says which, and drops the database all the same', async () => {
  const database = await emptyDatabase();
  const forgotten = new pg.Client({
    connectionString: database.url,
    application_name: 'forgotten',
  });
  forgotten.on('error', () => {});
  await forgotten.connect();
  await forgotten.query('select 42');
  await expect(database.close()).rejects.toThrow(/forgotten, idle, last: select 42/);
  await expect(forgotten.query('select 1')).rejects.toThrow();
});

it.each(queueStores)('gives an empty $name store at each connect', async (store) => {
  const first = await store.connect();
  await first.sender('risk')([]);
  await first.publish('elsewhere', 'job', {});
  const second = await store.connect();
  expect(second.store).toBe(store.name);
  expect(await second.counts('elsewhere' as 'risk')).toMatchObject({ waiting: 0 });
  expect(await first.counts('elsewhere' as 'risk')).toMatchObject({ waiting: 1 });
  await Promise.all([first.close(), second.close()]);
});
