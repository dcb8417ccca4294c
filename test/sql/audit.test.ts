import type pg from 'pg';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { factTypes } from '../../src/domain/fact.ts';
import { cloneDatabase, type TestDatabase } from '../support/database.ts';
import {
  appendEntry,
  approvalBy,
  approvedBy,
  ATTEMPT_ROW,
  EXECUTION_ROW,
  finalised,
  hex,
  ids,
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
});
afterAll(() => database.close());

// Each test goes on from the same open review and leaves nothing behind.
beforeEach(async () => {
  await client.query('begin');
  return () => client.query('rollback');
});

async function stateOf(eventId: string): Promise<string | undefined> {
  const { rows } = await client.query<{ state: string }>(
    'select state from audit.event_state where event_id = $1',
    [eventId],
  );
  expect(rows).toHaveLength(1);
  return rows[0]?.state;
}

async function factsWithoutEntry(): Promise<string[]> {
  const { rows } = await client.query<{ entry_type: string }>(
    `select f.entry_type from audit.fact f where not exists (
       select from audit.ledger_entry e
       where e.linked_entity_id = f.linked_entity_id and e.entry_type = f.entry_type and e.entry_digest = f.digest)
     order by 1`,
  );
  return rows.map((row) => row.entry_type);
}

const discard = `
  update event.dead_letter set discarded_at = now(), discarded_by = '${ids.operator}', discard_reason = 'noise',
    salt = '${hex('b')}', row_digest = '${hex('d')}';`;
const secondEvent = '10000000-0000-4000-8000-000000000002';
const SECOND_EVENT = `
  insert into event.event (event_id, source_system, event_type, occurred_at, received_at, payload_reference, external_id,
    content_digest, salt, row_digest)
  select '${secondEvent}', source_system, event_type, occurred_at, received_at, payload_reference, 'e2', content_digest, salt,
    row_digest
  from event.event;`;
const SECOND_ASSESSMENT = `
  insert into risk.risk_assessment (assessment_id, event_id, risk_model_id, risk_model_version, risk_score, risk_level,
    evaluated_at, context, contributions, salt, row_digest)
  select '${secondEvent}', '${secondEvent}', risk_model_id, risk_model_version, risk_score, risk_level, evaluated_at, context,
    contributions, salt, row_digest
  from risk.risk_assessment;`;
const secondEvaluation = (outcome: string) => `
  insert into advisory.evaluation (evaluation_id, event_id, assessment_id, outcome, policies, evaluated_at, row_digest)
  values ('${secondEvent}', '${secondEvent}', '${secondEvent}', '${outcome}', '[]', now(), '${hex('d')}');`;
const given = (queue: string) => `
  select event.keep_dead_letters(array[gen_random_uuid()], array['${queue}'], array['${secondEvent}'], array[null], array[null],
    array[null]::uuid[], array['fails_every_time'], array['failed'], array[null], array[5], array[null]::bytea[], array[0],
    array[null]);`;

it('a fact is whatever a stage has recorded, and only what is final', async () => {
  expect(await factsWithoutEntry()).toEqual([
    'ADVISORY',
    'EVENT',
    'POLICY',
    'RISK_ASSESSMENT',
    'RISK_MODEL',
  ]);
  await client.query(
    `${discard} ${SECOND_EVENT} ${SECOND_ASSESSMENT} ${secondEvaluation('NO_MATCH')}`,
  );
  await client.query(approvedBy([ids.administrator, ids.seniorAuthority]));
  await appendEntry(client, 'DECISION', ids.decision);
  await client.query(EXECUTION_ROW + ATTEMPT_ROW);
  await client.query(
    `update execution.execution set execution_status = 'acknowledged', completed_at = now(), next_attempt_at = null,
       row_digest = '${hex('d')}'`,
  );
  const kinds = new Set([...(await factsWithoutEntry()), 'DECISION']);
  // An erasure has no row but its entry.
  expect(factTypes.filter((type) => !kinds.has(type))).toEqual(['ERASURE']);
});

it('a fact with its entry is no gap, with an entry of another digest it is', async () => {
  await appendEntry(client, 'EVENT', ids.event, { digest: hex('d') });
  await appendEntry(client, 'ADVISORY', ids.advisory, { digest: hex('9') });
  expect(await factsWithoutEntry()).toEqual([
    'ADVISORY',
    'POLICY',
    'RISK_ASSESSMENT',
    'RISK_MODEL',
  ]);
});

it('an event is normalized, then evaluated, then closed by its execution', async () => {
  await client.query(SECOND_EVENT);
  expect(await stateOf(secondEvent)).toBe('normalized');
  await client.query(SECOND_ASSESSMENT);
  expect(await stateOf(secondEvent)).toBe('normalized');
  expect(await stateOf(ids.event)).toBe('evaluated');
  await client.query(approvedBy([ids.administrator, ids.seniorAuthority]));
  expect(await stateOf(ids.event)).toBe('evaluated');
  await appendEntry(client, 'DECISION', ids.decision);
  await client.query(EXECUTION_ROW + ATTEMPT_ROW);
  expect(await stateOf(ids.event)).toBe('evaluated');
  await client.query(
    `update execution.execution set execution_status = 'failed', failure_reason = 'rejected', completed_at = now(),
       next_attempt_at = null, row_digest = '${hex('d')}'`,
  );
  expect(await stateOf(ids.event)).toBe('closed');
});

it('a rejection closes an event, and so does an evaluation that nothing matched', async () => {
  await client.query(
    approvalBy(ids.administrator, 'reject') + finalised(ids.administrator, 'rejected'),
  );
  expect(await stateOf(ids.event)).toBe('closed');
  await client.query(SECOND_EVENT + SECOND_ASSESSMENT + secondEvaluation('NO_MATCH'));
  expect(await stateOf(secondEvent)).toBe('closed');
});

it.each([
  ['risk', '', SECOND_ASSESSMENT, 'normalized'],
  ['advisory', SECOND_ASSESSMENT, secondEvaluation('NO_MATCH'), 'closed'],
])(
  'an event that %s gave up is dead-lettered until it goes on',
  async (queue, before, after, state) => {
    await client.query(SECOND_EVENT + before + given(queue));
    expect(await stateOf(secondEvent)).toBe('dead-lettered');
    await client.query(after);
    expect(await stateOf(secondEvent)).toBe(state);
  },
);

it('an event whose evaluation was given up is dead-lettered, and no longer once it is sent again', async () => {
  await client.query(
    SECOND_EVENT + SECOND_ASSESSMENT + secondEvaluation('MATCH') + given('awaiting-decision'),
  );
  expect(await stateOf(secondEvent)).toBe('dead-lettered');
  await client.query('update event.dead_letter set redriven_at = now()');
  expect(await stateOf(secondEvent)).toBe('closed');
});

it('the query layer shows no secret: no key, no token', async () => {
  const { rows } = await client.query<{ column: string }>(
    `select format('%s.%s', attrelid::regclass, attname) as column from pg_attribute a join pg_class c on c.oid = a.attrelid
     where c.relnamespace = 'audit'::regnamespace and attnum > 0 and attname ~ '(key_material|token|signature$)'
       -- What a source has signed with its key is evidence, and shows nothing of the key.
       and attname <> 'integrity_signature'`,
  );
  expect(rows).toEqual([]);
});

it('the query layer is written to by nobody', async () => {
  for (const statement of [
    `update audit.event set event_type = 'x'`,
    'delete from audit.decision',
    `insert into audit.person (person_id, name) values (gen_random_uuid(), 'x')`,
  ]) {
    expect(await verdictOf(client, 'sentinelops_audit', statement)).toBe('42501');
    expect(await verdictOf(client, SUPERUSER, statement)).toMatch(/^42501/);
  }
});
