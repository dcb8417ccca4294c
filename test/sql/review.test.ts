/** What ties a review and its rounds to the advisory. Who may decide, and how, is tested in decision.test.ts. */
import type pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { cloneDatabase, type TestDatabase } from '../support/database.ts';
import {
  approvalBy,
  approvedBy,
  finalised,
  hex,
  ids,
  insertOf,
  keepOpenReview,
  SUPERUSER,
  verdictOf,
} from '../support/sql.ts';

let database: TestDatabase;
let client: pg.Client;
beforeAll(async () => {
  database = await cloneDatabase();
  client = await database.superuser();
  await keepOpenReview(client);
  await client.query(SECOND_ADVISORY);
});
afterAll(() => database.close());

const tried = (statement: string) => verdictOf(client, 'sentinelops_decision', statement);

const second = {
  evaluation: '50000000-0000-4000-8000-000000000002',
  advisory: '60000000-0000-4000-8000-000000000002',
  review: '70000000-0000-4000-8000-000000000002',
};
const SECOND_ADVISORY = `
  insert into advisory.advisory (advisory_id, event_id, policy_id, policy_version, risk_level, recommendation_options,
    justification_text, evaluation_id, assessment_id, basis, conditions, conflict, salt, row_digest, advisory_version)
  select '${second.advisory}', event_id, policy_id, policy_version, risk_level, recommendation_options, justification_text,
    evaluation_id, assessment_id, basis, conditions, conflict, salt, row_digest, 2
  from advisory.advisory;`;

const review = (changed: Record<string, string> = {}) => {
  const row = {
    review_id: `'${second.review}'`,
    advisory_id: `'${second.advisory}'`,
    event_id: `'${ids.event}'`,
    evaluation_id: `'${ids.evaluation}'`,
    policy_id: `'${ids.policy}'`,
    policy_version: '1',
    risk_level: `'MEDIUM'`,
    priority_level: '1',
    conflict: 'false',
    ...changed,
  };
  return insertOf('decision.review', row);
};
const round = ({
  number = 1,
  level = 'MEDIUM',
  type = 'pending',
  event = ids.event as string,
} = {}) => `
  insert into decision.decision (decision_id, advisory_id, decision_type, review_id, event_id, round, risk_level,
    required_authority, valid_for_s, view_digest, salt)
  values (gen_random_uuid(), '${second.advisory}', '${type}', '${second.review}', '${event}', ${number}, '${level}',
    '{"seats": [["Administrator"]], "roles": 1}', 86400, '${hex('e')}', '${hex('b')}');`;

it('a review is opened as its advisory says', async () => {
  expect(await tried(review())).toBe('allowed');
  for (const changed of [
    { risk_level: `'LOW'` },
    { conflict: 'true' },
    { resolved_at: 'now()', opened_at: 'now()' },
  ]) {
    expect(await tried(review(changed))).toBe('23514 review_is_of_its_advisory');
  }
});

it('a round takes its level and event from its review, so nobody decides less than there is', async () => {
  expect(await tried(review() + round())).toBe('allowed');
  expect(await tried(review() + round({ level: 'LOW' }))).toBe('23514 decision_is_of_its_review');
  expect(await tried(review() + round({ event: second.advisory }))).toBe(
    '23514 decision_is_of_its_review',
  );
});

it('a round starts pending, the first without another, the next after an escalation', async () => {
  expect(await tried(review() + round({ type: 'rejected' }))).toMatch(/^(42501|23514)/);
  expect(await tried(review() + round({ number: 2 }))).toBe('42501');
  const escalated =
    approvalBy(ids.seniorAuthority, 'escalate') + finalised(ids.seniorAuthority, 'escalated');
  const next = round({ number: 2 })
    .replaceAll(second.advisory, ids.advisory)
    .replaceAll(second.review, ids.review);
  expect(await tried(escalated + next)).toBe('allowed');
  expect(await tried(escalated + next.replace(', 2,', ', 3,'))).toBe('42501');
  expect(await tried(approvedBy([ids.administrator, ids.seniorAuthority]) + next)).toBe('42501');
});

it('a redelivery is no error, even when the review has been decided', async () => {
  const open = `
    insert into decision.decision (decision_id, advisory_id, decision_type, review_id, event_id, round, risk_level,
      required_authority, valid_for_s, view_digest, salt)
    select decision_id, advisory_id, 'pending', review_id, event_id, round, risk_level, required_authority, valid_for_s,
      view_digest, salt
    from decision.decision on conflict do nothing;
    insert into decision.review (review_id, advisory_id, event_id, evaluation_id, policy_id, policy_version, risk_level,
      priority_level, conflict)
    select review_id, advisory_id, event_id, evaluation_id, policy_id, policy_version, risk_level, priority_level, conflict
    from decision.review on conflict do nothing;`;
  expect(await tried(open)).toBe('allowed');
  expect(await tried(approvedBy([ids.administrator, ids.seniorAuthority]) + open)).toBe('allowed');
});

it('who makes a decision has said so in its round', async () => {
  const approvals = approvalBy(ids.administrator) + approvalBy(ids.seniorAuthority);
  expect(await tried(approvals + finalised(ids.seniorAuthority))).toBe('allowed');
  expect(await tried(approvals + finalised(ids.complianceOfficer))).toBe('42501');
});

it('an act that stands is not said twice, and a repeat of it is no error', async () => {
  const again = approvalBy(ids.administrator);
  expect(await tried(again + again)).toBe('23505 one_act_per_person_and_round');
  const repeat = again.replace(/;\s*$/, ' on conflict do nothing;');
  expect(await tried(`${approvedBy([ids.administrator, ids.seniorAuthority])} ${repeat}`)).toBe(
    'allowed',
  );
});

it('nothing is said or decided before its round, ahead of time, or for longer than was shown', async () => {
  const approve = approvalBy(ids.administrator);
  for (const instant of [`now() - interval '1 day'`, `now() + interval '1 day'`]) {
    expect(await tried(approve.replace('now()', instant))).toBe('42501');
  }
  const decided = approvedBy([ids.administrator, ids.seniorAuthority]);
  const ahead = decided.replace(
    'finalized_at = now()',
    `finalized_at = now() + interval '1 minute'`,
  );
  expect(await tried(ahead)).toBe('42501');
  expect(await tried(decided.replace(`interval '1 second'`, `interval '2 seconds'`))).toBe(
    '23514 approval_expires_in_time',
  );
});

it('nothing is finalised while the ledger does not answer', async () => {
  const decided = approvedBy([ids.administrator, ids.seniorAuthority]);
  const silence = `update ledger.heartbeat set beaten_at = now() - interval '6 seconds';`;
  await client.query('begin');
  await client.query(silence);
  const escalated =
    approvalBy(ids.seniorAuthority, 'escalate') + finalised(ids.seniorAuthority, 'escalated');
  const verdicts = [await tried(decided), await tried(escalated)];
  await client.query('rollback');
  expect(verdicts).toEqual(['57P03', 'allowed']);
});

it('a review is resolved by a finalised decision, once', async () => {
  const resolve = 'update decision.review set resolved_at = now();';
  expect(await tried(resolve)).toBe('42501');
  const resolved = approvedBy([ids.administrator, ids.seniorAuthority]);
  expect(await tried(resolved)).toBe('allowed');
  expect(await tried(`${resolved} update decision.review set resolved_at = null`)).toBe('42501');
});

it('the guards hold as superuser too', async () => {
  expect(await verdictOf(client, SUPERUSER, review({ risk_level: `'LOW'` }))).toBe(
    '23514 review_is_of_its_advisory',
  );
  expect(await verdictOf(client, SUPERUSER, finalised(ids.administrator))).toBe('42501');
});
