import type pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { cloneDatabase, type TestDatabase } from '../support/database.ts';
import { hex, ids, keepOpenReview, SUPERUSER, verdictOf } from '../support/sql.ts';

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
const activatedBy = (person: string) => `, active_from = now(), activator = '${person}'`;
const activated = activatedBy(ids.complianceOfficer);
const replaced = become('deprecated', ', active_to = now()', 1);

it('the whole way: draft, approved by another Compliance Officer, active in place of the version before', async () => {
  const way = version() + approve() + become('approved') + replaced + become('active', activated);
  expect(await tried(way)).toBe('allowed');
});

it('a version starts as draft, and a repeat of one that has gone on is no new start', async () => {
  expect(await tried(replaced + version('active'))).toBe('42501');
  const repeat = version('draft', 1).replace(';', ' on conflict do nothing;');
  expect(await tried(repeat)).toBe('allowed');
});

it.each([
  ['draft', 'active', activated],
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
  expect(await tried(ready + become('active', activated))).toBe(
    '23505 one_active_version_per_policy',
  );
  const early = activated.replace('now()', `now() - interval '1 second'`);
  expect(await tried(ready + replaced + become('active', early))).toBe('42501');
});

it('the interval in force never changes afterwards', async () => {
  expect(
    await tried(`${become('deprecated', `, active_to = now(), active_from = '2001-01-01'`, 1)}`),
  ).toBe('42501');
  for (const changed of ['active_to', 'active_from', 'activator']) {
    const value = changed === 'activator' ? ids.administrator : '2100-01-01';
    expect(await tried(`${replaced} update policy.policy set ${changed} = '${value}'`)).toBe(
      '42501',
    );
  }
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

const third = '99999999-0000-4000-8000-000000000001';
/** As the migration's owner would: someone more in the role. */
const keepThird = `
  insert into identity.person (person_id, name) values ('${third}', 'third');
  insert into identity.role_grant (person_id, role) values ('${third}', 'Compliance Officer');`;
const triedByAll = (statement: string) => verdictOf(client, SUPERUSER, keepThird + statement);

it('a version is activated by a Compliance Officer who is not its author', async () => {
  const ready = version() + approve() + become('approved') + replaced;
  expect(await tried(ready + become('active', ', active_from = now()'))).toBe('42501');
  for (const person of [ids.author, ids.administrator]) {
    expect(await tried(ready + become('active', activatedBy(person)))).toBe('42501');
  }
});

it('a policy that asks for a third person is not activated by one who approved it', async () => {
  const demanding = version().replace("'{}'", `'{"activation": "third person"}'`);
  const ready = demanding + approve() + become('approved') + replaced;
  expect(await triedByAll(ready + become('active', activated))).toBe('42501');
  expect(await triedByAll(ready + become('active', activatedBy(third)))).toBe('allowed');
});

it('what was replaced comes back, from after its last end', async () => {
  const end = `, active_to = now() + interval '1 second'`;
  const left = become('deprecated', end, 1);
  const back = (from: string) =>
    become(
      'active',
      `, active_from = ${from}, active_to = null, activator = '${ids.complianceOfficer}'`,
      1,
    );
  expect(await tried(left + back(`now() + interval '2 seconds'`))).toBe('allowed');
  expect(await tried(left + back('now()'))).toBe('42501');
});
