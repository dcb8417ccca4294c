/** For tests of the SQL itself: attempts that leave nothing behind, and one row of every kind to try them on. */
import type pg from 'pg';

/** What one attempt came to: `allowed`, or the SQLSTATE with which it was refused. */
export type Verdict = string;

export interface Attempt {
  /** The login that tries: a role of the house, or the superuser of the test. */
  readonly role: string;
  readonly statement: string;
  /** With `session_replication_role = replica`, which skips every trigger that is not ENABLE ALWAYS. */
  readonly asReplica?: boolean;
}

export const SUPERUSER = 'superuser';

/**
 * Tries each attempt as if its role had logged in, in a transaction of its own that is rolled back, and returns the
 * verdicts in order. All in one round trip: a matrix has thousands.
 */
export async function verdictsOf(
  client: pg.Client,
  attempts: readonly Attempt[],
): Promise<Verdict[]> {
  await client.query(TRY);
  const { rows } = await client.query<{ verdict: Verdict }>(
    `select pg_temp.try(role, statement, as_replica) as verdict
     from unnest($1::text[], $2::text[], $3::boolean[]) with ordinality as attempt (role, statement, as_replica, n)
     order by n`,
    [
      attempts.map(({ role }) => role),
      attempts.map(({ statement }) => statement),
      attempts.map(({ asReplica }) => asReplica ?? false),
    ],
  );
  return rows.map(({ verdict }) => verdict);
}

/** One attempt: `allowed`, or the SQLSTATE, and the name of the constraint where there is one. */
export async function verdictOf(
  client: pg.Client,
  role: string,
  statement: string,
): Promise<Verdict> {
  const [verdict = ''] = await verdictsOf(client, [{ role, statement }]);
  return verdict;
}

// SESSION AUTHORIZATION and not ROLE: what a session may become depends on who logged in. The exception block is a
// subtransaction: its end undoes the attempt, the login and the setting alike.
const TRY = `
create or replace function pg_temp.try(role text, statement text, as_replica boolean) returns text
language plpgsql as $$
declare
  constraint_hit text;
begin
  if as_replica then perform set_config('session_replication_role', 'replica', true); end if;
  if role <> '${SUPERUSER}' then perform set_config('session_authorization', role, true); end if;
  execute statement;
  set constraints all immediate;
  raise exception 'undone' using errcode = 'UNDO0';
exception when others then
  get stacked diagnostics constraint_hit = constraint_name;
  return case sqlstate when 'UNDO0' then 'allowed' else concat_ws(' ', sqlstate, nullif(constraint_hit, '')) end;
end
$$`;

const uuid = (kind: number, n = 1) =>
  `${kind}0000000-0000-4000-8000-${String(n).padStart(12, '0')}`;

/** An INSERT of one row, its values as SQL. */
export function insertOf(table: string, row: Readonly<Record<string, string>>): string {
  return `insert into ${table} (${Object.keys(row).join()}) values (${Object.values(row).join()});`;
}

/** The rows of `keepChain`. */
export const ids = {
  author: uuid(0, 1),
  complianceOfficer: uuid(0, 2),
  administrator: uuid(0, 3),
  seniorAuthority: uuid(0, 4),
  auditor: uuid(0, 5),
  operator: uuid(0, 6),
  event: uuid(1),
  policy: uuid(2),
  model: uuid(3),
  assessment: uuid(4),
  evaluation: uuid(5),
  advisory: uuid(6),
  review: uuid(7),
  decision: uuid(8),
  execution: uuid(9),
} as const;

export const hex = (digit: string) => digit.repeat(64);

/**
 * One row in every table, as the superuser: an event of medium risk, its advisory under an active policy, approved by two
 * people, in the ledger, executed and acknowledged.
 */
export async function keepChain(client: pg.Client): Promise<void> {
  await client.query(UP_TO_THE_REVIEW);
  await client.query(WARNING);
  await client.query(approvedBy([ids.administrator, ids.seniorAuthority]));
  await appendEntry(client, 'DECISION', ids.decision);
  await client.query(EXECUTION);
}

/** The same up to a pending decision on which nobody has acted. */
export async function keepOpenReview(client: pg.Client): Promise<void> {
  await client.query(UP_TO_THE_REVIEW);
}

/** The entry of a fact, with the hash that the database itself computes. */
export async function appendEntry(
  client: pg.Client,
  entryType: string,
  linkedEntityId: string,
  entryData: object = { digest: hex('d') },
): Promise<void> {
  await client.query(
    `with entry as (
       select h.size, h.head_hash, gen_random_uuid() as id, $1::text as type, $2::uuid as linked, $3::text as data,
         h.now::timestamptz as at
       from ledger.head(0::smallint) as h)
     select ledger.append(0::smallint, size, array[id], array[type], array[linked], array[data], array[at], at,
       array[encode(sha256('\\x00'::bytea || convert_to(
         ledger.leaf(0::smallint, size, id, type, linked, head_hash, data::json, at, at), 'UTF8')), 'hex')])
     from entry`,
    [entryType, linkedEntityId, JSON.stringify(entryData)],
  );
}

const ROLE_OF = {
  [ids.administrator]: 'Administrator',
  [ids.seniorAuthority]: 'Senior Authority',
  [ids.complianceOfficer]: 'Compliance Officer',
  [ids.author]: 'Compliance Officer',
  [ids.auditor]: 'Auditor',
  [ids.operator]: 'Operator',
} as const;

/** An approval of the open decision, by a person in their role. */
export function approvalBy(person: keyof typeof ROLE_OF, act = 'approve'): string {
  const option = act === 'approve' || act === 'override' ? `'restore'` : 'null';
  return `
    insert into decision.approval (approval_id, decision_id, person_id, role, act, option_id, justification, view_digest, approved_at)
    values (gen_random_uuid(), '${ids.decision}', '${person}', '${ROLE_OF[person]}', '${act}', ${option}, 'because', '${hex('e')}', now());`;
}

/** Finalises the open decision as approved. */
export function finalised(by: keyof typeof ROLE_OF, type = 'approved'): string {
  const approving = type === 'approved' || type === 'override';
  return `
    update decision.decision set decision_type = '${type}', decision_maker_id = '${by}', decision_maker_role = '${ROLE_OF[by]}',
      justification = 'because', row_digest = '${hex('d')}', finalized_at = ${type === 'escalated' ? 'null' : 'now()'},
      escalated_at = ${type === 'escalated' ? 'now()' : 'null'},
      option_id = ${approving ? `'restore'` : 'null'},
      proof = ${approving ? 'decision.seating_of(decision_id, required_authority)' : 'null'},
      expires_at = ${approving ? `now() + valid_for_s * interval '1 second'` : 'null'}
    where decision_id = '${ids.decision}';`;
}

export function approvedBy(people: readonly (keyof typeof ROLE_OF)[]): string {
  return `
    ${people.map((person) => approvalBy(person)).join('')}
    ${finalised(people.at(-1)!)}
    update decision.review set resolved_at = now() where review_id = '${ids.review}';
    -- Before PostgreSQL 18 a deferred trigger runs as whoever ends the transaction, which here is somebody else.
    set constraints decision.contradictions_are_decided_together immediate;
    set constraints decision.contradictions_are_decided_together deferred;`;
}

export const EXECUTION_ROW = `
  insert into execution.execution (execution_id, decision_id, target_system, execution_command, execution_status, event_id,
    action_no, request_body, command_sha256, expires_at, next_attempt_at)
  select '${ids.execution}', decision_id, 'log', '{"restore": "main"}', 'requested', event_id,
    1, 'body', '${hex('c')}', expires_at, now()
  from decision.decision where decision_id = '${ids.decision}';`;

export const ATTEMPT_ROW = `
  update execution.execution set execution_status = 'dispatched', claim_epoch = 1;
  insert into execution.attempt (execution_id, attempt_no, claim_epoch, idempotency_key, body_sha256, started_at)
  values ('${ids.execution}', 1, 1, '${ids.execution}', encode(sha256('body'), 'hex'), now());`;

const EXECUTION = `
  ${EXECUTION_ROW}
  ${ATTEMPT_ROW}
  update execution.attempt set finished_at = now(), outcome = 'acknowledged';
  update execution.execution set execution_status = 'acknowledged', completed_at = now(), next_attempt_at = null,
    row_digest = '${hex('d')}';`;

const UP_TO_THE_REVIEW = `
  insert into ledger.heartbeat (beaten_at) values (now() + interval '1 hour');
  insert into ledger.halt (stream, halted_at, code, detail, lifted_at) values (0, now(), 'STATE_MISMATCH', 'restored', now());
  insert into identity.person (person_id, name) values
    ('${ids.author}', 'author'), ('${ids.complianceOfficer}', 'officer'), ('${ids.administrator}', 'administrator'),
    ('${ids.seniorAuthority}', 'senior'), ('${ids.auditor}', 'auditor'), ('${ids.operator}', 'operator');
  insert into identity.role_grant (person_id, role) values
    ${Object.entries(ROLE_OF)
      .map(([person, role]) => `('${person}', '${role}')`)
      .join(', ')};
  insert into identity.api_token (token_id, token_sha256, person_id, expires_at)
  values ('t1', '${hex('0')}', '${ids.auditor}', now() + interval '1 day');
  insert into identity.password (person_id, password_hash)
  values ('${ids.auditor}', '$argon2id$v=19$m=19456,t=2,p=1$${'A'.repeat(22)}$${'A'.repeat(43)}');
  insert into identity.oidc_account (issuer, subject, person_id)
  values ('https://login.example.org', 's1', '${ids.auditor}');
  insert into identity.session (session_sha256, person_id) values ('${hex('3')}', '${ids.auditor}');
  insert into identity.delegation (delegation_id, delegator, delegate, role, up_to_level, reason, ends_at)
  values (gen_random_uuid(), '${ids.administrator}', '${ids.operator}', 'Administrator', 'LOW', 'away', now() + interval '1 day');

  insert into event.source (source_system, kind, signature_required) values ('github', 'github', true);
  insert into event.source_signing_key (source_key_id, source_system, algorithm, key_material)
  values (gen_random_uuid(), 'github', 'hmac-sha256', decode('${hex('1')}', 'hex'));
  insert into event.event (event_id, source_system, event_type, occurred_at, received_at, payload_reference, external_id,
    content_digest, salt, row_digest)
  values ('${ids.event}', 'github', 'branch_protection_rule.deleted', now(), now(), 'sha256:${hex('a')}', 'e1',
    '${hex('a')}', '${hex('b')}', '${hex('d')}');
  insert into event.event_payload (event_id, payload_data) values ('${ids.event}', '{"branch": "main"}');
  select event.keep_dead_letters(array['${uuid(1, 9)}']::uuid[], array['ingest'], array[null], array['github'], array['e0'],
    array[null]::uuid[], array['bad_json'], array['not JSON'], array[null], array[1], array['x'::bytea], array[1], array['${hex('2')}']);
  insert into event.redrive (dead_letter_id, redriven_at) values ('${uuid(1, 9)}', now());

  insert into policy.policy (policy_id, version, status, description, regulatory_reference, priority_level, name, title,
    definition, definition_sha256, author)
  values ('${ids.policy}', 1, 'draft', 'Protect main', 'SOC 2 CC8.1', 1, 'branch-protection', 'Branch protection', '{}',
    '${hex('3')}', '${ids.author}');
  insert into policy.policy_condition (condition_id, policy_id, policy_version, condition_type, condition_expression, position)
  values (gen_random_uuid(), '${ids.policy}', 1, 'equal', '{}', 'all.0');
  insert into policy.policy_change (change_id, policy_id, version, to_status, definition_sha256, actor, row_digest)
  values (gen_random_uuid(), '${ids.policy}', 1, 'draft', '${hex('3')}', '${ids.author}', '${hex('d')}');
  insert into policy.policy_approval (policy_id, version, person_id) values ('${ids.policy}', 1, '${ids.complianceOfficer}');
  update policy.policy set status = 'approved';
  update policy.policy set status = 'active', active_from = now(), activator = '${ids.complianceOfficer}';

  insert into risk.risk_model (model_id, version, threshold_definition, classification_rules, status, name, context,
    definition_sha256, author)
  values ('${ids.model}', 1, '{}', '[]', 'defined', 'baseline', 'default', '${hex('4')}', '${ids.author}');
  insert into risk.risk_model_change (change_id, model_id, version, to_status, definition_sha256, actor, row_digest)
  values (gen_random_uuid(), '${ids.model}', 1, 'defined', '${hex('4')}', '${ids.author}', '${hex('d')}');
  update risk.risk_model set status = 'active', active_from = now(), approver = '${ids.complianceOfficer}';
  insert into risk.risk_assessment (assessment_id, event_id, risk_model_id, risk_model_version, risk_score, risk_level,
    evaluated_at, context, contributions, salt, row_digest)
  values ('${ids.assessment}', '${ids.event}', '${ids.model}', 1, 40, 'MEDIUM', now(), 'default', '[]', '${hex('b')}', '${hex('d')}');

  insert into advisory.evaluation (evaluation_id, event_id, assessment_id, outcome, policies, evaluated_at, row_digest)
  values ('${ids.evaluation}', '${ids.event}', '${ids.assessment}', 'MATCH', '[]', now(), '${hex('d')}');
  insert into advisory.advisory (advisory_id, event_id, policy_id, policy_version, risk_level, recommendation_options,
    justification_text, evaluation_id, assessment_id, basis, conditions, conflict, salt, row_digest)
  values ('${ids.advisory}', '${ids.event}', '${ids.policy}', 1, 'MEDIUM',
    '[{"option": "restore", "title": "Restore", "target": "log", "command": {"restore": "main"}}]', 'main is unprotected',
    '${ids.evaluation}', '${ids.assessment}', 'matched', '[]', false, '${hex('b')}', '${hex('d')}');

  insert into decision.review (review_id, advisory_id, event_id, evaluation_id, policy_id, policy_version, risk_level,
    priority_level, conflict)
  values ('${ids.review}', '${ids.advisory}', '${ids.event}', '${ids.evaluation}', '${ids.policy}', 1, 'MEDIUM', 1, false);
  insert into decision.decision (decision_id, advisory_id, decision_type, review_id, event_id, round, risk_level,
    required_authority, valid_for_s, view_digest, salt)
  values ('${ids.decision}', '${ids.advisory}', 'pending', '${ids.review}', '${ids.event}', 1, 'MEDIUM',
    '{"seats": [["Administrator"], ["Senior Authority"]], "roles": 2}', 86400, '${hex('e')}', '${hex('b')}');
  insert into decision.notification_route (route) values ('officers');
  insert into decision.notification_message (message_id, route, subject, content, body)
  values ('${uuid(8, 9)}', 'officers', 'MEDIUM', 'A review waits', '{}');
  insert into decision.notification (route, kind, decision_id, message_id)
  values ('officers', 'new', '${ids.decision}', '${uuid(8, 9)}');
  insert into identity.access_record (person_id, act, thing, thing_id, way)
  values ('${ids.auditor}', 'look', 'review', '${ids.review}', 'console');
  insert into identity.saved_view (person_id, name, query) values ('${ids.auditor}', 'mine', 'level=HIGH');`;

/** A warning needs a round that is old enough, which only a superuser past the guards can make. */
const WARNING = `
  alter table decision.round_warning disable trigger warning_is_due;
  insert into decision.round_warning (decision_id) values ('${ids.decision}');
  alter table decision.round_warning enable always trigger warning_is_due;`;
