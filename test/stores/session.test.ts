import type pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { hashPassword } from '../../src/domain/password.ts';
import { mintSessionId, sessionDigest } from '../../src/domain/session.ts';
import type { Database } from '../../src/stores/database.ts';
import { openIdentityStore } from '../../src/stores/identity.ts';
import { openSessionStore } from '../../src/stores/session.ts';
import { cloneDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;
let identity: Database;
let client: pg.Client;
beforeAll(async () => {
  database = await cloneDatabase();
  identity = database.open('identity');
  client = await database.superuser();
});
afterAll(() => database.close());

async function person(name: string) {
  return identity.transact(async (tx) => {
    const store = openIdentityStore(tx);
    const { personId } = await store.keepPerson(name);
    await store.grantRoles(personId, ['Administrator']);
    return personId;
  });
}

async function session(name: string) {
  const personId = await person(name);
  const sessionSha256 = sessionDigest(mintSessionId());
  await identity.transact((tx) =>
    openSessionStore(tx).keepSession({ sessionSha256, personId, tokenId: null }),
  );
  return { personId, sessionSha256 };
}

const personIn = (sessionSha256: ReturnType<typeof sessionDigest>, isUse = true) =>
  identity.transact(
    async (tx) => (await openSessionStore(tx).personIn(sessionSha256, isUse))?.person,
  );

it('an account has the password that was set last, until it is taken away', async () => {
  const personId = await person('ada');
  const account = () => identity.transact((tx) => openSessionStore(tx).accountOf('ada'));
  expect(await account()).toEqual({ personId, passwordHash: null });
  for (const password of ['one that is old', 'one that is new']) {
    const hash = await hashPassword(password);
    await identity.transact((tx) => openSessionStore(tx).keepPassword(personId, hash));
    expect(await account()).toEqual({ personId, passwordHash: hash });
  }
  const end = () => identity.transact((tx) => openSessionStore(tx).endPassword(personId));
  expect([await end(), await end()]).toEqual([true, false]);
  expect(await account()).toEqual({ personId, passwordHash: null });
  expect(await identity.transact((tx) => openSessionStore(tx).accountOf('nobody'))).toBeUndefined();
});

it('a session is of its person, with the roles of the moment, until it ends', async () => {
  const { personId, sessionSha256 } = await session('bea');
  expect(await personIn(sessionSha256)).toEqual({
    personId,
    name: 'bea',
    roles: ['Administrator'],
  });
  await identity.transact((tx) => openIdentityStore(tx).endRoles(personId));
  expect(await personIn(sessionSha256)).toEqual({ personId, name: 'bea', roles: [] });
  await identity.transact((tx) => openSessionStore(tx).endSession(sessionSha256));
  expect(await personIn(sessionSha256)).toBeUndefined();
  expect(await personIn(sessionDigest(mintSessionId()))).toBeUndefined();
});

it('all sessions of a person end together, those of others go on', async () => {
  const one = await session('cat');
  const two = await session('cat');
  const other = await session('dan');
  const end = () => identity.transact((tx) => openSessionStore(tx).endSessions(one.personId));
  expect([await end(), await end()]).toEqual([2, 0]);
  expect(await personIn(two.sessionSha256)).toBeUndefined();
  expect(await personIn(other.sessionSha256)).toMatchObject({ name: 'dan' });
});

it('use is written down, but not more often than every half minute', async () => {
  const { sessionSha256 } = await session('eve');
  const seenAgo = async (): Promise<number> => {
    const { rows } = await client.query<{ s: number }>(
      'select extract(epoch from now() - seen_at)::float as s from identity.session where session_sha256 = $1',
      [sessionSha256],
    );
    return rows[0]!.s;
  };
  const setBack = async (by: string) => {
    await client.query('alter table identity.session disable trigger user');
    await client.query(
      `update identity.session set opened_at = now() - $1::interval, seen_at = now() - $1::interval where session_sha256 = $2`,
      [by, sessionSha256],
    );
    await client.query('alter table identity.session enable trigger user');
  };
  await setBack('20 seconds');
  await personIn(sessionSha256);
  expect(await seenAgo()).toBeGreaterThan(19);
  await setBack('40 seconds');
  await personIn(sessionSha256, false);
  expect(await seenAgo()).toBeGreaterThan(39);
  await personIn(sessionSha256);
  expect(await seenAgo()).toBeLessThan(30);
});
