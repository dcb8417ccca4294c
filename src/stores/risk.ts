/** What the risk actor reads and keeps, within the transaction of one batch, under the role of the risk domain. */
import { sql } from 'kysely';
import { activationLocks } from '../domain/activation.ts';
import type { AssessmentId, EventId } from '../domain/ids.ts';
import type { JsonValue } from '../domain/json.ts';
import { type Assessment, assessmentDigest, type StoredRiskModel } from '../domain/risk.ts';
import type { Timestamp } from '../domain/time.ts';
import type { Tx } from './database.ts';

export interface RiskStore {
  /** The assessments that stand in this context. */
  standing(
    events: readonly EventId[],
    context: string,
  ): Promise<ReadonlyMap<EventId, AssessmentId>>;
  eventsById(events: readonly EventId[]): Promise<readonly EventToWeigh[]>;
  /** Which version is in force, and since this answer until the end of the transaction. */
  modelInForce(context: string): Promise<ModelInForce>;
  /** The definition of the version in force; undefined when there is none. */
  loadModel(context: string): Promise<StoredRiskModel | undefined>;
  /** Keeps the first assessment of each event. Durable at the COMMIT of the transaction. */
  keepAssessments(assessments: readonly Assessment[]): Promise<void>;
}

export interface EventToWeigh {
  readonly eventId: EventId;
  readonly source: string;
  readonly externalId: string;
  readonly type: string;
  readonly subject: string | null;
  readonly occurredAt: Timestamp;
  readonly data: JsonValue;
}

export interface ModelInForce {
  /** Tells one version from another; null when none is in force. */
  readonly stamp: string | null;
  /** The database's clock: an instant at which that is so. */
  readonly at: Timestamp;
}

export function openRiskStore(tx: Tx): RiskStore {
  return {
    standing: (events, context) => standing(tx, events, context),
    eventsById: (events) => eventsById(tx, events),
    modelInForce: (context) => modelInForce(tx, context),
    loadModel: (context) => loadModel(tx, context),
    keepAssessments: (assessments) => keepAssessments(tx, assessments),
  };
}

async function standing(
  tx: Tx,
  events: readonly EventId[],
  context: string,
): Promise<ReadonlyMap<EventId, AssessmentId>> {
  if (events.length === 0) return new Map();
  const { rows } = await sql<{ eventId: EventId; assessmentId: AssessmentId }>`
    select event_id as "eventId", assessment_id as "assessmentId"
    from risk.risk_assessment
    where event_id = any(${events}::uuid[]) and context = ${context}`.execute(tx);
  return new Map(rows.map(({ eventId, assessmentId }) => [eventId, assessmentId]));
}

async function eventsById(tx: Tx, events: readonly EventId[]): Promise<readonly EventToWeigh[]> {
  if (events.length === 0) return [];
  const { rows } = await sql<EventToWeigh>`
    select event_id as "eventId", source_system as "source", external_id as "externalId", event_type as "type",
      subject, occurred_at as "occurredAt", payload_data as "data"
    from event.event_for_risk where event_id = any(${events}::uuid[])`.execute(tx);
  return rows;
}

async function modelInForce(tx: Tx, context: string): Promise<ModelInForce> {
  // Shared with other batches, not with a change of versions. A statement of its own: the next one must look at the
  // tables after the wait, not before it.
  await sql`select pg_advisory_xact_lock_shared(hashtext(${activationLocks.risk_model}))`.execute(
    tx,
  );
  const { rows } = await sql<ModelInForce>`
    select clock_timestamp() as "at", (
      select model_id || '@' || version || ' ' || definition_sha256
      from risk.risk_model where context = ${context} and status = 'active') as "stamp"`.execute(
    tx,
  );
  return rows[0]!;
}

async function loadModel(tx: Tx, context: string): Promise<StoredRiskModel | undefined> {
  const { rows } = await sql<StoredRiskModel>`
    select model_id as "modelId", version, definition_sha256 as "definitionSha256",
      jsonb_build_object('risk_model', name, 'version', version, 'context', context,
        'factors', classification_rules, 'thresholds', threshold_definition) as "definition"
    from risk.risk_model where context = ${context} and status = 'active'`.execute(tx);
  return rows[0];
}

async function keepAssessments(tx: Tx, assessments: readonly Assessment[]): Promise<void> {
  if (assessments.length === 0) return;
  await sql`
    insert into risk.risk_assessment (assessment_id, event_id, context, risk_model_id, risk_model_version, risk_score,
      risk_level, evaluated_at, contributions, salt, row_digest)
    select a.assessment_id, a.event_id, a.context, a.model_id, a.model_version, a.score, a.level, a.evaluated_at,
      a.contributions::jsonb, a.salt, a.row_digest
    from unnest(
      ${assessments.map(({ assessmentId }) => assessmentId)}::uuid[],
      ${assessments.map(({ eventId }) => eventId)}::uuid[],
      ${assessments.map(({ context }) => context)}::text[],
      ${assessments.map(({ modelId }) => modelId)}::uuid[],
      ${assessments.map(({ modelVersion }) => modelVersion)}::integer[],
      ${assessments.map(({ score }) => score)}::numeric[],
      ${assessments.map(({ level }) => level)}::text[],
      ${assessments.map(({ evaluatedAt }) => evaluatedAt)}::timestamptz[],
      ${assessments.map(({ contributions }) => JSON.stringify(contributions))}::text[],
      ${assessments.map(({ salt }) => salt)}::text[],
      ${assessments.map((assessment) => assessmentDigest(assessment))}::text[]
    ) as a(assessment_id, event_id, context, model_id, model_version, score, level, evaluated_at, contributions, salt, row_digest)
    order by 1 on conflict do nothing`.execute(tx);
}
