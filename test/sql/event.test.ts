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

const tried = (statement: string) => verdictOf(client, 'sentinelops_event', statement);

it('one source sends one event under one id', async () => {
  const again = (externalId: string, source = 'github') => `
    insert into event.event (event_id, source_system, event_type, occurred_at, received_at, payload_reference, external_id,
      content_digest, salt, row_digest)
    values (gen_random_uuid(), '${source}', 't', now(), now(), 'sha256:${hex('a')}', '${externalId}', '${hex('f')}',
      '${hex('b')}', '${hex('d')}')`;
  expect(await tried(again('e1'))).toBe('23505 one_event_per_source_and_id');
  expect(await tried(again('e2'))).toBe('allowed');
  expect(await tried(again('e1', 'unknown'))).toBe('23503 event_of_a_source');
});

it('a payload is referred to by its digest and nothing else', async () => {
  const { rows } = await client.query<{ definition: string }>(
    `select pg_get_constraintdef(oid) as definition from pg_constraint where conname = 'payload_is_referenced_by_digest'`,
  );
  expect(rows).toHaveLength(1);
  const copy = (reference: string) => `
    insert into event.event (event_id, source_system, event_type, occurred_at, received_at, payload_reference, external_id,
      content_digest, salt, row_digest)
    select gen_random_uuid(), source_system, event_type, occurred_at, received_at, '${reference}', 'e3', content_digest, salt,
      row_digest
    from event.event`;
  expect(await tried(copy('https://example.com/1'))).toBe('23514 payload_is_referenced_by_digest');
  expect(await tried(copy(`sha256:${hex('a').slice(1)}`))).toBe(
    '23514 payload_is_referenced_by_digest',
  );
  expect(await tried(copy(`sha256:${hex('a')}`))).toBe('allowed');
});

const key = (algorithm = 'hmac-sha256', bytes = 32) => `
  insert into event.source_signing_key (source_key_id, source_system, algorithm, key_material)
  values (gen_random_uuid(), 'github', '${algorithm}', decode(repeat('01', ${bytes}), 'hex'));`;

it('a source has at most two valid keys of a kind, so that one can replace the other', async () => {
  expect(await tried(key())).toBe('allowed');
  expect(await tried(key() + key())).toBe('23514 at_most_two_valid_keys');
  expect(await tried(key() + key('ed25519'))).toBe('allowed');
  expect(
    await tried(
      `${key()} update event.source_signing_key set retired_at = now(); ${key()} ${key()}`,
    ),
  ).toBe('allowed');
});

it('a key has the length of its kind', async () => {
  expect(await tried(key('hmac-sha256', 15))).toBe('23514 key_has_its_length');
  expect(await tried(key('ed25519', 33))).toBe('23514 key_has_its_length');
});

it('a retired key is never valid again', async () => {
  const retire = 'update event.source_signing_key set retired_at = now();';
  expect(await tried(`${retire} update event.source_signing_key set retired_at = null`)).toBe(
    '42501',
  );
});

const letter = `
  select event.keep_dead_letters(array['10000000-0000-4000-8000-000000000009']::uuid[], array['ingest'], array[null],
    array['github'], array['e0'], array[null]::uuid[], array['bad_json'], array['not JSON'], array[null], array[2],
    array['x'::bytea], array[1], array['${hex('2')}'])`;

it('any actor adds dead letters, and reads and changes none', async () => {
  for (const domain of ['risk', 'advisory', 'decision', 'execution', 'ledger']) {
    const role = `sentinelops_${domain}`;
    expect(await verdictOf(client, role, letter)).toBe('allowed');
    expect(await verdictOf(client, role, 'select from event.dead_letter')).toBe('42501');
    expect(await verdictOf(client, role, 'update event.dead_letter set redriven_at = now()')).toBe(
      '42501',
    );
  }
  expect(await verdictOf(client, 'sentinelops_audit', letter)).toBe('42501');
});

it('the same refusal is the same letter, and opens it again once it was sent again', async () => {
  const kept = async (before: string) => {
    await client.query('begin');
    await client.query(before);
    const { rows } = await client.query<{ keep_dead_letters: string }>(letter);
    const { rows: letters } = await client.query(
      'select claims, redriven_at is null as open from event.dead_letter',
    );
    await client.query('rollback');
    return { kept: rows[0]?.keep_dead_letters, letters };
  };
  const [standing] = [{ claims: 1, open: true }];
  expect(await kept('select')).toEqual({ kept: '0', letters: [standing] });
  expect(await kept('update event.dead_letter set redriven_at = now()')).toEqual({
    kept: '1',
    letters: [standing],
  });
});

it('a letter twice in one batch is one letter', async () => {
  const twice = `
    select event.keep_dead_letters(array[n, n], array['risk', 'risk'], array['m', 'm'], array[null, null], array[null, null],
      array[null, null]::uuid[], array['r', 'r'], array['d', 'd'], array[null, null], array[1, 1], array[null, null]::bytea[],
      array[0, 0], array[null, null])
    from (select '${ids.event}'::uuid as n) as id`;
  expect(await verdictOf(client, 'sentinelops_risk', twice)).toBe('allowed');
});

it('what is discarded, with person, reason and digest, is discarded for good', async () => {
  const discard = `
    update event.dead_letter set discarded_at = now(), discarded_by = '${ids.operator}', discard_reason = 'noise',
      salt = '${hex('b')}', row_digest = '${hex('d')}';`;
  expect(await tried('update event.dead_letter set discarded_at = now()')).toBe(
    '23514 discarded_with_reason_and_digest',
  );
  expect(await tried(discard)).toBe('allowed');
  expect(await tried(`${discard} update event.dead_letter set redriven_at = now()`)).toBe(
    '23514 redriven_or_discarded',
  );
  for (const column of ['discarded_at', 'discarded_by', 'discard_reason', 'row_digest']) {
    expect(await tried(`${discard} update event.dead_letter set ${column} = null`)).toBe('42501');
  }
});

it('what is discarded is discarded by a person who is an Operator at that moment', async () => {
  const discardBy = (person: string) => `
    update event.dead_letter set discarded_at = now(), discarded_by = '${person}', discard_reason = 'noise',
      salt = '${hex('b')}', row_digest = '${hex('d')}';`;
  for (const person of [ids.auditor, ids.administrator, ids.complianceOfficer]) {
    expect(await tried(discardBy(person))).toBe('42501');
    expect(await verdictOf(client, 'superuser', discardBy(person))).toBe('42501');
  }
  const revoked = `update identity.role_grant set revoked_at = now() where person_id = '${ids.operator}';`;
  expect(await verdictOf(client, 'superuser', revoked + discardBy(ids.operator))).toBe('42501');
});

it('each time that a letter is sent again is kept for good', async () => {
  const redrive = `
    insert into event.redrive (dead_letter_id, redriven_at)
    select dead_letter_id, now() from event.dead_letter;`;
  expect(await tried(redrive)).toBe('allowed');
  expect(await tried(`${redrive} delete from event.redrive`)).toBe('42501');
  expect(await tried(`${redrive} update event.redrive set redriven_by = null`)).toBe('42501');
});

it('the headers of a letter are an object, and stay as they came', async () => {
  const kept = (headers: string) => `
    select event.keep_dead_letters(array['10000000-0000-4000-8000-000000000008']::uuid[], array['ingest'], array[null],
      array['github'], array['e0'], array[null]::uuid[], array['not_json'], array['not JSON'], array[null], array[2],
      array['x'::bytea], array[1], array[null], array['github'], array['${headers}']::jsonb[]);`;
  expect(await tried(kept('{"a": "b"}'))).toBe('allowed');
  expect(await tried(kept('[]'))).toBe('23514 headers_are_an_object');
  const change = `update event.dead_letter set headers = '{}'`;
  expect(await verdictOf(client, 'superuser', kept('{"a": "b"}') + change)).toBe('42501');
});
