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
  await client.query(SECOND_EVENT);
});
afterAll(() => database.close());

const tried = (statement: string) => verdictOf(client, 'sentinelops_advisory', statement);

const second = {
  event: '10000000-0000-4000-8000-000000000002',
  assessment: '40000000-0000-4000-8000-000000000002',
  evaluation: '50000000-0000-4000-8000-000000000002',
};
const SECOND_EVENT = `
  insert into event.event (event_id, source_system, event_type, occurred_at, received_at, payload_reference, external_id,
    content_digest, salt, row_digest)
  select '${second.event}', source_system, event_type, occurred_at, received_at, payload_reference, 'e2', content_digest, salt,
    row_digest
  from event.event;
  insert into risk.risk_assessment (assessment_id, event_id, risk_model_id, risk_model_version, risk_score, risk_level,
    evaluated_at, context, contributions, salt, row_digest)
  select '${second.assessment}', '${second.event}', risk_model_id, risk_model_version, risk_score, risk_level, evaluated_at,
    context, contributions, salt, row_digest
  from risk.risk_assessment;`;

const evaluation = (event = second.event, outcome = 'MATCH') => `
  insert into advisory.evaluation (evaluation_id, event_id, assessment_id, outcome, policies, evaluated_at, row_digest)
  values ('${second.evaluation}', '${event}', '${second.assessment}', '${outcome}', '[]', now(), '${hex('d')}');`;
const advisory = ({
  event = second.event,
  assessment = second.assessment,
  level = 'MEDIUM',
  basis = 'matched',
} = {}) => `
  insert into advisory.advisory (advisory_id, event_id, policy_id, policy_version, risk_level, recommendation_options,
    justification_text, evaluation_id, assessment_id, basis, conditions, conflict, salt, row_digest)
  values (gen_random_uuid(), '${event}', '${ids.policy}', 1, '${level}', '[]', 'because', '${second.evaluation}',
    '${assessment}', '${basis}', '[]', false, '${hex('b')}', '${hex('d')}');`;

it('an evaluation is of the event that was assessed', async () => {
  expect(await tried(evaluation())).toBe('allowed');
  expect(await tried(evaluation(ids.event))).toBe('23514 evaluation_is_of_its_assessment');
});

it('an advisory follows from its evaluation, about the same event, assessment and level', async () => {
  const stray = '23514 advisory_is_of_its_evaluation';
  expect(await tried(evaluation() + advisory())).toBe('allowed');
  expect(await tried(evaluation() + advisory({ event: ids.event }))).toMatch(/^23/);
  expect(await tried(evaluation() + advisory({ assessment: ids.assessment }))).toBe(stray);
  expect(await tried(evaluation() + advisory({ level: 'LOW' }))).toBe(stray);
  expect(await tried(advisory())).toMatch(/^23/);
});

it('an evaluation that nothing matched has no advisory', async () => {
  expect(await tried(evaluation(second.event, 'NO_MATCH') + advisory())).toBe(
    '23514 advisory_is_of_its_evaluation',
  );
});

it('a policy that could not be evaluated makes the risk unknown, whatever the score says', async () => {
  expect(await tried(evaluation() + advisory({ basis: 'unknown', level: 'UNKNOWN' }))).toBe(
    'allowed',
  );
  expect(await tried(evaluation() + advisory({ basis: 'unknown' }))).toBe(
    '23514 unknown_basis_is_unknown_risk',
  );
});

it('a policy speaks once on an event, in versions', async () => {
  expect(await tried(evaluation() + advisory() + advisory())).toBe(
    '23505 one_advisory_per_event_policy_and_version',
  );
});

it('a redelivery, which changes nothing, is no error', async () => {
  const repeat = (statement: string) => statement.replace(/;\s*$/, ' on conflict do nothing;');
  expect(await tried(evaluation() + repeat(evaluation()) + advisory() + repeat(advisory()))).toBe(
    'allowed',
  );
});
