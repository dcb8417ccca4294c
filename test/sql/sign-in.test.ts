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
const SHA = hex('5');
const session = `insert into identity.session (session_sha256, person_id) values ('${SHA}', '${ids.operator}');`;
const password = (hash: string) =>
  `insert into identity.password (person_id, password_hash) values ('${ids.operator}', '${hash}')`;

it('a password is kept as an Argon2id hash and in no other form', async () => {
  const hash = `$argon2id$v=19$m=19456,t=2,p=1$${'a'.repeat(22)}$${'b'.repeat(43)}`;
  expect(await tried(password(hash))).toBe('allowed');
  for (const other of ['plain text', hash.replace('argon2id', 'argon2i'), `${hash}b`, hex('1')]) {
    expect(await tried(password(other))).toBe('23514 password_is_hashed');
  }
});

it('a password is changed and taken away, its row stays', async () => {
  const hash = `$argon2id$v=19$m=19456,t=2,p=1$${'a'.repeat(22)}$${'b'.repeat(43)}`;
  const set = `${password(hash)};`;
  expect(await tried(`${set} update identity.password set password_hash = null`)).toBe('allowed');
  expect(await tried(`${set} delete from identity.password`)).toBe('42501');
  expect(await tried(`${set} update identity.password set person_id = '${ids.operator}'`)).toBe(
    '42501',
  );
});

it('a session is kept as a hash', async () => {
  expect(await tried(session)).toBe('allowed');
  expect(await tried(session.replace(SHA, 'the id itself'))).toBe('23514 session_id_is_hashed');
});

it('a session that has ended stays so, and every sign-in stays on record', async () => {
  const end = `${session} update identity.session set ended_at = now();`;
  expect(await tried(end)).toBe('allowed');
  expect(await tried(`${end} update identity.session set ended_at = null`)).toBe('42501');
  expect(await tried(`${session} update identity.session set person_id = gen_random_uuid()`)).toBe(
    '42501',
  );
  expect(await tried(`${session} delete from identity.session`)).toBe('42501');
});

it.each(['password', 'session'])('no other domain sees a %s', async (table) => {
  for (const role of ['sentinelops_decision', 'sentinelops_audit', 'sentinelops_event']) {
    expect(await verdictOf(client, role, `select * from identity.${table}`)).toBe('42501');
  }
});
