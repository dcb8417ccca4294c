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

const tried = (statement: string) => verdictOf(client, 'sentinelops_risk', statement);

const version = (columns = `'defined', null, null`) => `
  insert into risk.risk_model (model_id, version, threshold_definition, classification_rules, name, context, definition_sha256,
    author, status, approver, active_from)
  values ('${ids.model}', 2, '{}', '[]', 'baseline', 'default', '${hex('4')}', '${ids.author}', ${columns});`;
const become = (status: string, also: string, number = 2) =>
  `update risk.risk_model set status = '${status}', ${also} where version = ${number};`;
const replaced = become('superseded', 'active_to = now()', 1);
const activated = (approver: string, from = 'now()') =>
  become('active', `approver = '${approver}', active_from = ${from}`);

it('a version is activated by someone other than its author, in place of the one before', async () => {
  expect(await tried(version() + replaced + activated(ids.complianceOfficer))).toBe('allowed');
  expect(await tried(version() + replaced + activated(ids.author))).toBe(
    '23514 activated_by_someone_else',
  );
});

it('a version starts as defined, and one model is active in a context', async () => {
  expect(await tried(replaced + version(`'active', '${ids.complianceOfficer}', now()`))).toBe(
    '42501',
  );
  expect(await tried(version() + activated(ids.complianceOfficer))).toBe(
    '23505 one_active_model_per_context',
  );
  expect(
    await tried(
      version() + replaced + activated(ids.complianceOfficer, `now() - interval '1 second'`),
    ),
  ).toBe('42501');
});

it('a model never goes back, and its activation never changes', async () => {
  expect(await tried(become('defined', 'active_from = null', 1))).toBe('42501');
  expect(await tried(`${replaced} ${become('active', 'active_to = null', 1)}`)).toBe('42501');
  expect(
    await tried(become('superseded', `active_to = now(), approver = '${ids.auditor}'`, 1)),
  ).toBe('42501');
});

const assessment = (level: string, score: string, model: string, context = 'other') => `
  insert into risk.risk_assessment (assessment_id, event_id, risk_model_id, risk_model_version, risk_score, risk_level,
    evaluated_at, context, contributions, salt, row_digest)
  values (gen_random_uuid(), '${ids.event}', ${model}, ${score}, '${level}', now(), '${context}', '[]', '${hex('b')}',
    '${hex('d')}');`;
const active = `'${ids.model}', 1`;

it('unknown is never a number, and a number never without its model', async () => {
  expect(await tried(assessment('UNKNOWN', 'null', 'null, null'))).toBe('allowed');
  expect(await tried(assessment('UNKNOWN', 'null', active))).toBe('allowed');
  expect(await tried(assessment('UNKNOWN', '0', active))).toBe('23514 unknown_is_never_a_number');
  expect(await tried(assessment('LOW', 'null', active))).toBe('23514 unknown_is_never_a_number');
  expect(await tried(assessment('LOW', '0', 'null, null'))).toBe('23514 known_level_needs_a_model');
  expect(await tried(assessment('LOW', '0', `'${ids.model}', null`))).toBe(
    '23503 assessment_under_a_model_version',
  );
  expect(await tried(assessment('LOW', '0', `'${ids.model}', 7`))).toBe(
    '23503 assessment_under_a_model_version',
  );
});

it('an event is assessed once in a context', async () => {
  expect(await tried(assessment('LOW', '0', active, 'default'))).toBe(
    '23505 one_assessment_per_event_and_context',
  );
});
