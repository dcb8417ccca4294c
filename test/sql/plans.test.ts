/**
 * What the pipeline and its watchers read often is read through an index. With sequential scans made dear, one that is
 * left in a plan has no index to stand on, however few rows a test has.
 */
import type pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { domains } from '../../src/domain/domains.ts';
import { cloneDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;
let client: pg.Client;
beforeAll(async () => {
  database = await cloneDatabase();
  client = await database.superuser();
  await client.query('set enable_seqscan = off');
});
afterAll(() => database.close());

interface Plan {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Index Name'?: string;
  readonly Plans?: readonly Plan[];
}

/** With `only`, the plan has no other index to fall back on: on an empty table all of them look the same. */
async function nodesOf(role: string, query: string, only?: readonly string[]): Promise<Plan[]> {
  await client.query('begin');
  try {
    if (only !== undefined) {
      await client.query(
        `update pg_index set indisvalid = false from pg_class c
         where c.oid = indexrelid and c.relnamespace::regnamespace::text = any($1) and c.relname <> all($2)`,
        [domains, only],
      );
    }
    await client.query(`set local role ${role}`);
    const { rows } = await client.query<{ 'QUERY PLAN': readonly { Plan: Plan }[] }>(
      `explain (format json) ${query}`,
    );
    const flat = (plan: Plan): Plan[] => [plan, ...(plan.Plans ?? []).flatMap(flat)];
    return flat(rows[0]!['QUERY PLAN'][0]!.Plan);
  } finally {
    await client.query('rollback');
  }
}

const batch = `any(array['10000000-0000-4000-8000-000000000001', '10000000-0000-4000-8000-000000000002']::uuid[])`;

it.each([
  [
    'risk',
    `select event_id, payload_data from event.event_for_risk where event_id = ${batch}`,
    ['event_key', 'event_payload_key'],
  ],
  [
    'risk',
    `select assessment_id from risk.risk_assessment where event_id = ${batch}`,
    ['one_assessment_per_event_and_context'],
  ],
  [
    'advisory',
    `select event_id from event.event_for_advisory where event_id = ${batch}`,
    ['event_key', 'event_payload_key'],
  ],
  [
    'advisory',
    `select event_id from risk.assessment_for_advisory where assessment_id = ${batch}`,
    ['risk_assessment_key'],
  ],
  [
    'decision',
    `select advisory_id from advisory.advisory_for_decision where evaluation_id = ${batch}`,
    ['idx_advisory_evaluation'],
  ],
  [
    'decision',
    `select outcome from advisory.evaluation_for_decision where evaluation_id = ${batch}`,
    ['evaluation_key'],
  ],
  [
    'decision',
    `select definition from policy.policy_for_decision where policy_id = ${batch} and version = 1`,
    ['policy_key'],
  ],
  [
    'execution',
    `select row_digest from decision.decision_for_execution where decision_id = ${batch}`,
    ['decision_key'],
  ],
  [
    'execution',
    `select entry_digest from ledger.entry_for_execution where decision_id = ${batch}`,
    ['one_entry_per_fact'],
  ],
  [
    'execution',
    `select row_digest from advisory.advisory_for_execution where advisory_id = ${batch}`,
    ['advisory_key'],
  ],
  [
    'ledger',
    `select digest from event.event_for_ledger where linked_entity_id = ${batch}`,
    ['event_key'],
  ],
  [
    'ledger',
    `select digest from event.dead_letter_for_ledger where linked_entity_id = ${batch}`,
    ['dead_letter_key'],
  ],
  [
    'ledger',
    `select digest from risk.assessment_for_ledger where linked_entity_id = ${batch}`,
    ['risk_assessment_key'],
  ],
  [
    'ledger',
    `select digest from advisory.evaluation_for_ledger where linked_entity_id = ${batch}`,
    ['evaluation_key'],
  ],
  [
    'ledger',
    `select digest from advisory.advisory_for_ledger where linked_entity_id = ${batch}`,
    ['advisory_key'],
  ],
  [
    'ledger',
    `select digest, approvals from decision.decision_for_ledger where linked_entity_id = ${batch}`,
    ['decision_key', 'one_act_per_person_and_round'],
  ],
  [
    'ledger',
    `select digest from execution.execution_for_ledger where linked_entity_id = ${batch}`,
    ['execution_key'],
  ],
  [
    'ledger',
    `select digest from policy.policy_change_for_ledger where linked_entity_id = ${batch}`,
    ['policy_change_key'],
  ],
  [
    'ledger',
    `select digest from risk.model_change_for_ledger where linked_entity_id = ${batch}`,
    ['risk_model_change_key'],
  ],
  [
    'ledger',
    `select current_hash from ledger.ledger_entry where stream = 0 order by seq desc limit 1`,
    ['one_entry_per_sequence_number'],
  ],
])('%s reads a batch by its keys: %s', async (domain, query, indexes) => {
  const nodes = await nodesOf(`sentinelops_${domain}`, query, indexes);
  expect(nodes.filter((node) => node['Node Type'] === 'Seq Scan')).toEqual([]);
  const used = nodes.flatMap((node) => node['Index Name'] ?? []);
  expect(used.toSorted()).toEqual(indexes.toSorted());
});

it.each([
  [
    'open reviews',
    'decision',
    `select review_id from decision.review where resolved_at is null
    order by decision.urgency(risk_level), opened_at, review_id limit 50`,
  ],
  [
    'resolved reviews',
    'decision',
    'select review_id from decision.review order by opened_at desc, review_id desc limit 50',
  ],
  [
    'the rounds of a review',
    'decision',
    `select round from decision.decision where review_id = ${batch}`,
  ],
  [
    'dead letters',
    'audit',
    'select reason from audit.dead_letter order by created_at desc limit 50',
  ],
  [
    'the dead letter of a message',
    'audit',
    `select reason from audit.dead_letter
    where queue = 'risk' and message_id = 'x' and redriven_at is null`,
  ],
  [
    'executions that are due',
    'execution',
    `select execution_id from execution.execution
    where target_system = 'log' and completed_at is null and next_attempt_at <= now()
    order by next_attempt_at, execution_id limit 10`,
  ],
  [
    'executions whose approval has expired',
    'execution',
    `select execution_id from execution.execution
    where completed_at is null and expires_at <= now()`,
  ],
  [
    'attempts that nobody ended',
    'execution',
    `select attempt_no from execution.attempt
    where execution_id = ${batch} and finished_at is null`,
  ],
  [
    'all of one event',
    'audit',
    `select (select count(*) from audit.risk_assessment where event_id = e.event_id),
      (select count(*) from audit.evaluation where event_id = e.event_id), (select count(*) from audit.advisory where event_id = e.event_id),
      (select count(*) from audit.review where event_id = e.event_id), (select count(*) from audit.decision where event_id = e.event_id),
      (select count(*) from audit.execution where event_id = e.event_id)
    from audit.event e where source_system = 's' and external_id = 'e'`,
  ],
  [
    'the state of an event',
    'audit',
    `select state from audit.event_state where event_id = ${batch}`,
  ],
  [
    'facts of the last hour without an entry',
    'audit',
    `select entry_type, linked_entity_id from audit.fact f
    where recorded_at > now() - interval '1 hour' and recorded_at < now() - interval '30 seconds' and not exists (
      select from audit.ledger_entry e where e.linked_entity_id = f.linked_entity_id and e.entry_type = f.entry_type)
    order by recorded_at limit 1000`,
  ],
])('%s are found through an index', async (_what, domain, query) => {
  const nodes = await nodesOf(`sentinelops_${domain}`, query);
  expect(nodes.length).toBeGreaterThan(0);
  const scanned = nodes.filter((node) => node['Node Type'] === 'Seq Scan');
  expect(scanned.map((node) => node['Relation Name'])).toEqual([]);
});
