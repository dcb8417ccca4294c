import type pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { cloneDatabase, type TestDatabase } from '../support/database.ts';
import { hex, ids, keepOpenReview, verdictOf } from '../support/sql.ts';

let database: TestDatabase;
let client: pg.Client;
beforeAll(async () => {
  database = await cloneDatabase();
  client = await database.superuser();
  await keepOpenReview(client);
});
afterAll(() => database.close());

const tried = (statement: string) => verdictOf(client, 'sentinelops_identity', statement);
const person = (name: string) =>
  `insert into identity.person (person_id, name) values (gen_random_uuid(), '${name}')`;
const token = (values: string) =>
  `insert into identity.api_token (token_id, person_id, token_sha256, expires_at) values ('t2', '${ids.auditor}', ${values})`;

it.each(['Auditor', 'auditor ', 'audit\u043er', '', 'auditor\u202e'])(
  'a name that looks like another one is refused: %j',
  async (name) => {
    expect(await tried(person(name))).toBe('23514 name_is_plain');
  },
);

it('two people do not share a name', async () => {
  expect(await tried(person('auditor'))).toBe('23505 one_person_per_name');
  expect(await tried(person('another.auditor@example'))).toBe('allowed');
});

it('a person holds a role once at a time, and only roles that exist', async () => {
  const grant = (role: string) =>
    `insert into identity.role_grant (person_id, role) values ('${ids.auditor}', '${role}')`;
  expect(await tried(grant('Auditor'))).toBe('23505 one_running_grant_per_role');
  expect(await tried(grant('Source'))).toBe('23514 role_is_known');
  expect(await tried(grant('Operator'))).toBe('allowed');
});

it('a token is kept as a hash and ends within 90 days', async () => {
  expect(await tried(token(`'so_t2_secret', now()`))).toBe('23514 token_is_hashed');
  expect(await tried(token(`'${hex('0')}', now()`))).toBe('23505 one_row_per_token');
  expect(await tried(token(`'${hex('9')}', now() + interval '91 days'`))).toBe(
    '23514 token_lives_at_most_90_days',
  );
  expect(await tried(token(`'${hex('9')}', now() + interval '90 days'`))).toBe('allowed');
});

it.each(['identity.role_grant', 'identity.api_token'])(
  'what was revoked in %s stays revoked',
  async (table) => {
    const revoke = `update ${table} set revoked_at = now();`;
    expect(await tried(revoke)).toBe('allowed');
    expect(await tried(`${revoke} update ${table} set revoked_at = null`)).toBe('42501');
    expect(await tried(`${revoke} update ${table} set revoked_at = now() + interval '1 day'`)).toBe(
      '42501',
    );
  },
);

it('a person who was disabled stays so, since all of their roles and tokens would come back with them', async () => {
  const disable = 'update identity.person set disabled_at = now();';
  expect(await tried(disable)).toBe('allowed');
  expect(await tried(`${disable} update identity.person set disabled_at = null`)).toBe('42501');
});

it('a disabled person and a revoked grant give no role', async () => {
  const holders = async (change: string) => {
    await client.query('begin');
    await client.query(change);
    const { rows } = await client.query<{ name: string }>(
      'select name from identity.person_role_for_decision order by name',
    );
    await client.query('rollback');
    return rows.map(({ name }) => name);
  };
  expect(await holders('select')).toEqual([
    'administrator',
    'auditor',
    'author',
    'officer',
    'operator',
    'senior',
  ]);
  expect(
    await holders(`update identity.person set disabled_at = now() where name = 'officer';
      update identity.role_grant set revoked_at = now() where role = 'Auditor'`),
  ).toEqual(['administrator', 'author', 'operator', 'senior']);
});
