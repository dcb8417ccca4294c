/** What the advisory actor reads and keeps, within the transaction of one batch, under the role of the advisory domain. */
import { sql } from 'kysely';
import { activationLocks } from '../domain/activation.ts';
import {
  type Advisory,
  advisoryDigest,
  type EvaluationOutcome,
  evaluationDigest,
  type KeptEvaluation,
} from '../domain/advisory.ts';
import type { AdvisoryId, AssessmentId, EvaluationId, EventId } from '../domain/ids.ts';
import type { JsonValue } from '../domain/json.ts';
import type { StoredPolicy } from '../domain/policy.ts';
import type { Contribution } from '../domain/risk.ts';
import type { RiskLevel } from '../domain/risk-level.ts';
import type { Timestamp } from '../domain/time.ts';
import type { Tx } from './database.ts';

export interface AdvisoryStore {
  /** The evaluations that stand, with their advisories. */
  standing(
    assessments: readonly AssessmentId[],
  ): Promise<ReadonlyMap<AssessmentId, StandingEvaluation>>;
  assessedEvents(assessments: readonly AssessmentId[]): Promise<readonly EventToEvaluate[]>;
  /** Which policy versions are in force, and since this answer until the end of the transaction. */
  policiesInForce(): Promise<PoliciesInForce>;
  /** The definitions of the versions in force. */
  loadPolicies(): Promise<readonly StoredPolicy[]>;
  /**
   * Keeps the first evaluation of each assessment, and the advisories of those that were new: advisories of another
   * evaluation of the same event would stand beside an evaluation that does not name their policies. Durable at the COMMIT
   * of the transaction.
   */
  keepEvaluations(
    evaluations: readonly KeptEvaluation[],
    advisories: readonly Advisory[],
  ): Promise<void>;
}

export interface StandingEvaluation {
  readonly evaluationId: EvaluationId;
  readonly outcome: EvaluationOutcome;
  readonly advisoryIds: readonly AdvisoryId[];
}

export interface EventToEvaluate {
  readonly assessmentId: AssessmentId;
  readonly score: string | null;
  readonly level: RiskLevel;
  readonly contributions: readonly Contribution[];
  readonly eventId: EventId;
  readonly source: string;
  readonly externalId: string;
  readonly type: string;
  readonly subject: string | null;
  readonly occurredAt: Timestamp;
  readonly data: JsonValue;
}

export interface PoliciesInForce {
  /** Tells one set of versions from another. */
  readonly stamp: string;
  /** The database's clock: an instant at which that is so. */
  readonly at: Timestamp;
}

export function openAdvisoryStore(tx: Tx): AdvisoryStore {
  return {
    standing: (assessments) => standing(tx, assessments),
    assessedEvents: (assessments) => assessedEvents(tx, assessments),
    policiesInForce: () => policiesInForce(tx),
    loadPolicies: () => loadPolicies(tx),
    keepEvaluations: (evaluations, advisories) => keepEvaluations(tx, evaluations, advisories),
  };
}

async function standing(
  tx: Tx,
  assessments: readonly AssessmentId[],
): Promise<ReadonlyMap<AssessmentId, StandingEvaluation>> {
  if (assessments.length === 0) return new Map();
  const { rows } = await sql<StandingEvaluation & { assessmentId: AssessmentId }>`
    select v.assessment_id as "assessmentId", v.evaluation_id as "evaluationId", v.outcome,
      coalesce(array_agg(a.advisory_id::text order by a.advisory_id) filter (where a.advisory_id is not null), '{}')
        as "advisoryIds"
    from advisory.evaluation v
    left join advisory.advisory a on a.evaluation_id = v.evaluation_id
    where v.assessment_id = any(${assessments}::uuid[])
    group by v.evaluation_id`.execute(tx);
  return new Map(rows.map(({ assessmentId, ...evaluation }) => [assessmentId, evaluation]));
}

async function assessedEvents(
  tx: Tx,
  assessments: readonly AssessmentId[],
): Promise<readonly EventToEvaluate[]> {
  if (assessments.length === 0) return [];
  const { rows } = await sql<EventToEvaluate>`
    select a.assessment_id as "assessmentId", a.risk_score as "score", a.risk_level as "level", a.contributions,
      e.event_id as "eventId", e.source_system as "source", e.external_id as "externalId", e.event_type as "type",
      e.subject, e.occurred_at as "occurredAt", e.payload_data as "data"
    from risk.assessment_for_advisory a
    join event.event_for_advisory e on e.event_id = a.event_id
    where a.assessment_id = any(${assessments}::uuid[])`.execute(tx);
  return rows;
}

async function policiesInForce(tx: Tx): Promise<PoliciesInForce> {
  // Shared with other batches, not with a change of versions. A statement of its own: the next one must look at the
  // tables after the wait, not before it.
  await sql`select pg_advisory_xact_lock_shared(hashtext(${activationLocks.policy}))`.execute(tx);
  const { rows } = await sql<PoliciesInForce>`
    select clock_timestamp() as "at",
      coalesce(md5(string_agg(policy_id || '@' || version || ' ' || definition_sha256, ',' order by policy_id)), '')
        as "stamp"
    from policy.policy_for_advisory`.execute(tx);
  return rows[0]!;
}

async function loadPolicies(tx: Tx): Promise<readonly StoredPolicy[]> {
  const { rows } = await sql<StoredPolicy>`
    select policy_id as "policyId", version, name, title, description,
      regulatory_reference as "regulatoryReference", priority_level as "priorityLevel", definition,
      definition_sha256 as "definitionSha256"
    from policy.policy_for_advisory`.execute(tx);
  return rows;
}

async function keepEvaluations(
  tx: Tx,
  evaluations: readonly KeptEvaluation[],
  advisories: readonly Advisory[],
): Promise<void> {
  if (evaluations.length === 0) return;
  const kept = await insertEvaluations(tx, evaluations);
  await insertAdvisories(
    tx,
    advisories.filter(({ evaluationId }) => kept.has(evaluationId)),
  );
}

/** Returns the ids of the rows that were not there. */
async function insertEvaluations(
  tx: Tx,
  evaluations: readonly KeptEvaluation[],
): Promise<ReadonlySet<EvaluationId>> {
  const { rows } = await sql<{ evaluationId: EvaluationId }>`
    insert into advisory.evaluation (evaluation_id, event_id, assessment_id, outcome, policies, evaluated_at, row_digest)
    select v.evaluation_id, v.event_id, v.assessment_id, v.outcome, v.policies::jsonb, v.evaluated_at, v.row_digest
    from unnest(
      ${evaluations.map(({ evaluationId }) => evaluationId)}::uuid[],
      ${evaluations.map(({ eventId }) => eventId)}::uuid[],
      ${evaluations.map(({ assessmentId }) => assessmentId)}::uuid[],
      ${evaluations.map(({ outcome }) => outcome)}::text[],
      ${evaluations.map(({ asked }) => JSON.stringify(asked))}::text[],
      ${evaluations.map(({ evaluatedAt }) => evaluatedAt)}::timestamptz[],
      ${evaluations.map((evaluation) => evaluationDigest(evaluation))}::text[]
    ) as v(evaluation_id, event_id, assessment_id, outcome, policies, evaluated_at, row_digest)
    order by 1 on conflict do nothing
    returning evaluation_id as "evaluationId"`.execute(tx);
  return new Set(rows.map(({ evaluationId }) => evaluationId));
}

async function insertAdvisories(tx: Tx, advisories: readonly Advisory[]): Promise<void> {
  if (advisories.length === 0) return;
  await sql`
    insert into advisory.advisory (advisory_id, event_id, policy_id, policy_version, risk_level, basis, conflict,
      recommendation_options, justification_text, conditions, evaluation_id, assessment_id, advisory_version,
      created_at, salt, row_digest)
    select a.advisory_id, a.event_id, a.policy_id, a.policy_version, a.risk_level, a.basis, a.conflict,
      a.options::jsonb, a.justification, a.conditions::jsonb, a.evaluation_id, a.assessment_id, a.advisory_version,
      a.created_at, a.salt, a.row_digest
    from unnest(
      ${advisories.map(({ advisoryId }) => advisoryId)}::uuid[],
      ${advisories.map(({ eventId }) => eventId)}::uuid[],
      ${advisories.map(({ policyId }) => policyId)}::uuid[],
      ${advisories.map(({ policyVersion }) => policyVersion)}::integer[],
      ${advisories.map(({ riskLevel }) => riskLevel)}::text[],
      ${advisories.map(({ basis }) => basis)}::text[],
      ${advisories.map(({ conflict }) => conflict)}::boolean[],
      ${advisories.map(({ options }) => JSON.stringify(options))}::text[],
      ${advisories.map(({ justification }) => justification)}::text[],
      ${advisories.map(({ conditions }) => JSON.stringify(conditions))}::text[],
      ${advisories.map(({ evaluationId }) => evaluationId)}::uuid[],
      ${advisories.map(({ assessmentId }) => assessmentId)}::uuid[],
      ${advisories.map(({ advisoryVersion }) => advisoryVersion)}::integer[],
      ${advisories.map(({ createdAt }) => createdAt)}::timestamptz[],
      ${advisories.map(({ salt }) => salt)}::text[],
      ${advisories.map((advisory) => advisoryDigest(advisory))}::text[]
    ) as a(advisory_id, event_id, policy_id, policy_version, risk_level, basis, conflict, options, justification,
      conditions, evaluation_id, assessment_id, advisory_version, created_at, salt, row_digest)
    order by 1 on conflict do nothing`.execute(tx);
}
