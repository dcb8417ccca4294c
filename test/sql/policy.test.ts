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

const tried = (statement: string) => verdictOf(client, 'sentinelops_policy', statement);

const version = (status = 'draft', number = 2) => `
  insert into policy.policy (policy_id, version, status, description, regulatory_reference, priority_level, name, title,
    definition, definition_sha256, author, active_from)
  values ('${ids.policy}', ${number}, '${status}', 'd', 'SOC 2 CC8.1', 1, 'branch-protection', 't', '{}', '${hex('3')}',
    '${ids.author}', ${status === 'active' ? 'now()' : 'null'});`;
const approve = (person: string = ids.complianceOfficer) => `
  insert into policy.policy_approval (policy_id, version, person_id) values ('${ids.policy}', 2, '${person}');`;
const become = (status: string, also = '', number = 2) =>
  `update policy.policy set status = '${status}' ${also} where version = ${number};`;
const replaced = become('deprecated', ', active_to = now()', 1);

it('the whole way: draft, approved by another Compliance Officer, active in place of the version before', async () => {
  const way =
    version() +
    approve() +
    become('approved') +
    replaced +
    become('active', ', active_from = now()');
  expect(await tried(way)).toBe('allowed');
});

it('a version starts as draft, and a repeat of one that has gone on is no new start', async () => {
  expect(await tried(replaced + version('active'))).toBe('42501');
  const repeat = version('draft', 1).replace(';', ' on conflict do nothing;');
  expect(await tried(repeat)).toBe('allowed');
});

it.each([
  ['draft', 'active', ', active_from = now()'],
  ['draft', 'deprecated', ', active_from = now(), active_to = now()'],
  ['active', 'approved', ', active_from = null'],
  ['active', 'draft', ', active_from = null'],
])('no step from %s to %s', async (from, to, also) => {
  const step = from === 'draft' ? replaced + version() + become(to, also) : become(to, also, 1);
  expect(await tried(step)).toBe('42501');
});

it('a draft is not approved by nobody, by its author, or by someone in another role', async () => {
  expect(await tried(version() + become('approved'))).toBe('42501');
  expect(await tried(version() + approve(ids.author))).toBe('42501');
  expect(await tried(version() + approve(ids.administrator))).toBe('42501');
});

it('one version is active, and none begins before the one before it ended', async () => {
  const ready = version() + approve() + become('approved');
  expect(await tried(ready + become('active', ', active_from = now()'))).toBe(
    '23505 one_active_version_per_policy',
  );
  const early = `, active_from = now() - interval '1 second'`;
  expect(await tried(ready + replaced + become('active', early))).toBe('42501');
});

it('the interval in force never changes afterwards', async () => {
  expect(
    await tried(`${become('deprecated', `, active_to = now(), active_from = '2001-01-01'`, 1)}`),
  ).toBe('42501');
  expect(await tried(`${replaced} update policy.policy set active_to = '2100-01-01'`)).toBe(
    '42501',
  );
});

it('conditions are written while their version is a draft', async () => {
  const condition = (number: number) => `
    insert into policy.policy_condition (condition_id, policy_id, policy_version, condition_type, condition_expression, position)
    values (gen_random_uuid(), '${ids.policy}', ${number}, 'equal', '{}', 'all.1');`;
  expect(await tried(version() + condition(2))).toBe('allowed');
  expect(await tried(condition(1))).toBe('42501');
  const repeat = condition(1).replace('all.1', 'all.0').replace(';', ' on conflict do nothing;');
  expect(await tried(repeat)).toBe('allowed');
});

it('each status is reached once', async () => {
  const change = `
    insert into policy.policy_change (change_id, policy_id, version, to_status, definition_sha256, actor, row_digest)
    values (gen_random_uuid(), '${ids.policy}', 1, 'draft', '${hex('3')}', '${ids.author}', '${hex('d')}')`;
  expect(await tried(change)).toBe('23505 each_status_reached_once');
});
