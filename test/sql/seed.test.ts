/**
 * Every table, column and index of the logical schema from which this database was built (phase 8 of the architecture
 * series) exists under its name. Where it could not, the line says under which name it does, and why.
 */
import type pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { cloneDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;
let client: pg.Client;
beforeAll(async () => {
  database = await cloneDatabase();
  client = await database.superuser();
});
afterAll(() => database.close());

const tables: Readonly<Record<string, readonly string[]>> = {
  'event.event': [
    'event_id',
    'source_system',
    'event_type',
    'occurred_at',
    'received_at',
    'payload_reference',
    'correlation_id',
    'integrity_signature',
    'created_at',
  ],
  'event.event_payload': ['event_id', 'payload_data', 'created_at'],
  'policy.policy': [
    'policy_id',
    'version',
    'status',
    'description',
    'regulatory_reference',
    'priority_level',
    'created_at',
    'updated_at',
  ],
  // Gains policy_version: a condition belongs to one version, and policy_id alone is no key.
  'policy.policy_condition': [
    'condition_id',
    'policy_id',
    'policy_version',
    'condition_type',
    'condition_expression',
    'created_at',
  ],
  'risk.risk_model': [
    'model_id',
    'version',
    'threshold_definition',
    'classification_rules',
    'status',
    'created_at',
    'updated_at',
  ],
  'risk.risk_assessment': [
    'assessment_id',
    'event_id',
    'risk_model_id',
    'risk_model_version',
    'risk_score',
    'risk_level',
    'evaluated_at',
  ],
  // updated_at appears in one of its checks and in no table: an advisory never changes.
  'advisory.advisory': [
    'advisory_id',
    'event_id',
    'policy_id',
    'policy_version',
    'risk_level',
    'recommendation_options',
    'justification_text',
    'created_at',
    'advisory_version',
  ],
  'decision.decision': [
    'decision_id',
    'advisory_id',
    'decision_type',
    'decision_maker_id',
    'decision_maker_role',
    'justification',
    'created_at',
    'finalized_at',
  ],
  'execution.execution': [
    'execution_id',
    'decision_id',
    'target_system',
    'execution_command',
    'execution_status',
    'requested_at',
    'completed_at',
  ],
  'ledger.ledger_entry': [
    'entry_id',
    'entry_type',
    'linked_entity_id',
    'previous_hash',
    'current_hash',
    'entry_data',
    'timestamp',
    'sealed_at',
  ],
};

/** Index or unique key: its columns, in order. */
const indexes: Readonly<Record<string, string>> = {
  idx_event_source: 'event.event (source_system)',
  idx_event_type: 'event.event (event_type)',
  idx_event_occurred: 'event.event (occurred_at)',
  idx_policy_status: 'policy.policy (status)',
  idx_policy_priority: 'policy.policy (priority_level)',
  idx_policy_condition: 'policy.policy_condition (policy_id)',
  // uk_policy_version: two versions of one policy have to exist, so (policy_id, version) is the primary key.
  policy_key: 'policy.policy (policy_id, version)',
  idx_risk_model_status: 'risk.risk_model (status)',
  // uk_model_version, for the same reason.
  risk_model_key: 'risk.risk_model (model_id, version)',
  idx_risk_assessment_event: 'risk.risk_assessment (event_id)',
  idx_risk_assessment_level: 'risk.risk_assessment (risk_level)',
  idx_advisory_event: 'advisory.advisory (event_id)',
  idx_advisory_policy: 'advisory.advisory (policy_id)',
  idx_advisory_risk_level: 'advisory.advisory (risk_level)',
  idx_decision_advisory: 'decision.decision (advisory_id)',
  idx_decision_type: 'decision.decision (decision_type)',
  idx_decision_maker: 'decision.decision (decision_maker_id)',
  idx_decision_status: 'decision.decision (created_at, finalized_at)',
  idx_execution_decision: 'execution.execution (decision_id)',
  idx_execution_target: 'execution.execution (target_system)',
  idx_execution_status: 'execution.execution (execution_status)',
  idx_ledger_entry_type: 'ledger.ledger_entry (entry_type)',
  // idx_ledger_linked_entity: the unique key that makes an entry single starts with the same column.
  one_entry_per_fact: 'ledger.ledger_entry (linked_entity_id, entry_type)',
  idx_ledger_timestamp: 'ledger.ledger_entry ("timestamp")',
  idx_ledger_hash: 'ledger.ledger_entry (previous_hash, current_hash)',
};

/** Child to parent, both with the columns that make the reference exact. */
const references: Readonly<Record<string, string>> = {
  payload_of_an_event: 'event.event_payload (event_id) → event.event (event_id)',
  condition_of_a_policy_version:
    'policy.policy_condition (policy_id, policy_version) → policy.policy (policy_id, version)',
  assessment_of_an_event: 'risk.risk_assessment (event_id) → event.event (event_id)',
  // The seed names risk_model(version) and risk_model(risk_model_id): neither is unique, the second does not exist.
  assessment_under_a_model_version:
    'risk.risk_assessment (risk_model_id, risk_model_version) → risk.risk_model (model_id, version)',
  advisory_on_an_event: 'advisory.advisory (event_id) → event.event (event_id)',
  advisory_under_a_policy_version:
    'advisory.advisory (policy_id, policy_version) → policy.policy (policy_id, version)',
  decision_on_an_advisory: 'decision.decision (advisory_id) → advisory.advisory (advisory_id)',
  execution_of_a_decision: 'execution.execution (decision_id) → decision.decision (decision_id)',
  // Two keys on linked_entity_id would make every entry both: a generated column for each kind carries its own.
  entry_of_a_decision: 'ledger.ledger_entry (decision_id) → decision.decision (decision_id)',
  entry_of_an_execution: 'ledger.ledger_entry (execution_id) → execution.execution (execution_id)',
};

it.each(Object.entries(tables))('%s has the columns of the seed', async (table, columns) => {
  const { rows } = await client.query<{ name: string }>(
    `select attname as name from pg_attribute where attrelid = $1::regclass and attnum > 0 and not attisdropped`,
    [table],
  );
  const present = rows.map(({ name }) => name);
  expect(columns.filter((column) => !present.includes(column))).toEqual([]);
});

it('every index of the seed exists', async () => {
  const { rows } = await client.query<{ name: string; index: string }>(
    `select i.indexrelid::regclass::text as full, c.relname as name, format('%s (%s)', i.indrelid::regclass, (
       select string_agg(pg_get_indexdef(i.indexrelid, n, false), ', ' order by n) from generate_series(1, i.indnkeyatts) as n)
     ) as index
     from pg_index i join pg_class c on c.oid = i.indexrelid
     where c.relname = any($1) and i.indpred is null`,
    [Object.keys(indexes)],
  );
  expect(Object.fromEntries(rows.map(({ name, index }) => [name, index]))).toEqual(indexes);
});

it('every reference of the seed is a foreign key', async () => {
  const { rows } = await client.query<{ name: string; reference: string }>(
    `select conname as name, format('%s (%s) → %s', conrelid::regclass,
       substring(pg_get_constraintdef(oid) from 'FOREIGN KEY \\(([^)]*)\\)'),
       format('%s (%s)', confrelid::regclass, substring(pg_get_constraintdef(oid) from 'REFERENCES [^(]*\\(([^)]*)\\)'))
     ) as reference
     from pg_constraint where conname = any($1) and contype = 'f'`,
    [Object.keys(references)],
  );
  expect(Object.fromEntries(rows.map(({ name, reference }) => [name, reference]))).toEqual(
    references,
  );
});
