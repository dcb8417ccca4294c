import type pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { mintToken } from '../../src/domain/identity.ts';
import type { Database } from '../../src/stores/database.ts';
import { type IdentityStore, openIdentityStore } from '../../src/stores/identity.ts';
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

const within = <T>(work: (store: IdentityStore) => Promise<T>) =>
  identity.transact((tx) => work(openIdentityStore(tx)));

async function tokenFor(name: string) {
  const { token: _, ...proof } = mintToken();
  const personId = await within(async (store) => {
    const person = await store.keepPerson(name);
    await store.grantRoles(person.personId, ['Administrator', 'Auditor']);
    await store.keepToken(person.personId, proof, 1);
    return person.personId;
  });
  return { proof, personId };
}

it('a token is found with its holder and the roles that they hold now', async () => {
  const { proof, personId } = await tokenFor('ada');
  const found = await within((store) => store.tokenOf(proof.tokenId));
  expect(found).toMatchObject({ ...proof, isValid: true, holder: { personId, name: 'ada' } });
  expect(found?.holder.roles.toSorted()).toEqual(['Administrator', 'Auditor']);
  expect(await within((store) => store.endRoles(personId, ['Auditor']))).toEqual(['Auditor']);
  expect(await within((store) => store.tokenOf(proof.tokenId))).toMatchObject({
    holder: { roles: ['Administrator'] },
  });
  expect(await within((store) => store.tokenOf('0'.repeat(16)))).toBeUndefined();
});

it('a token that was revoked, or whose person is disabled, is not valid', async () => {
  const revoked = await tokenFor('bob');
  await within((store) => store.endTokens(revoked.personId));
  const disabled = await tokenFor('cora');
  await client.query('update identity.person set disabled_at = now() where person_id = $1', [
    disabled.personId,
  ]);
  for (const { proof } of [revoked, disabled]) {
    expect(await within((store) => store.tokenOf(proof.tokenId))).toMatchObject({ isValid: false });
  }
});

it('what is granted twice is held once', async () => {
  const { personId } = await tokenFor('dan');
  await within((store) => store.grantRoles(personId, ['Administrator', 'Operator']));
  const { rows } = await client.query<{ role: string }>(
    'select role from identity.role_grant where person_id = $1 order by role',
    [personId],
  );
  expect(rows.map(({ role }) => role)).toEqual(['Administrator', 'Auditor', 'Operator']);
});

it('lists people by name, with their valid tokens, the last to expire first', async () => {
  const { personId } = await tokenFor('eve');
  const { token: _, ...longer } = mintToken();
  await within((store) => store.keepToken(personId, longer, 30));
  const people = await within((store) => store.people());
  expect(people.map(({ name }) => name)).toEqual(people.map(({ name }) => name).toSorted());
  const eve = people.find(({ name }) => name === 'eve');
  expect(eve?.tokens).toHaveLength(2);
  expect(eve?.tokens[0]).toMatchObject({ tokenId: longer.tokenId });
});
