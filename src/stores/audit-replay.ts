/** What replay and backtests read: recorded runs a page at a time, and the versions and decisions that belong to them. */
import { sql } from 'kysely';
import type { PastDecision } from '../domain/backtest.ts';
import type { AdvisoryId, PolicyId } from '../domain/ids.ts';
import type { PolicyDefinition, StoredPolicy } from '../domain/policy.ts';
import type { PinnedVersions, RecordedRun } from '../domain/replay.ts';
import type { StoredRiskModel } from '../domain/risk.ts';
import type { Tx } from './database.ts';

/** Which events: one, or those taken in from `from` to just before `to`. */
export type ReplayRange =
  | { readonly eventId: string }
  | { readonly from: string; readonly to: string };

export interface ReplayedRow extends RecordedRun {
  readonly eventId: string;
  readonly receivedAt: string;
}

/** Where the next page begins: after the last row of the one before. */
export type ReplayPlace = Pick<ReplayedRow, 'eventId' | 'receivedAt'>;

/** In the order in which the events were taken in. Those that have no assessment yet are left out. */
export async function recordedRuns(
  tx: Tx,
  range: ReplayRange,
  page: { readonly after?: ReplayPlace | undefined; readonly limit: number },
): Promise<readonly ReplayedRow[]> {
  const within =
    'eventId' in range
      ? sql`e.event_id = ${range.eventId}::uuid`
      : sql`e.received_at >= ${range.from}::timestamptz and e.received_at < ${range.to}::timestamptz`;
  const { after } = page;
  const beyond =
    after === undefined
      ? sql`true`
      : sql`(e.received_at, e.event_id) > (${after.receivedAt}::timestamptz, ${after.eventId}::uuid)`;
  const { rows } = await sql<ReplayedRow>`
    with chosen as (
      select * from audit.event e where ${within} and ${beyond}
        and exists (select from audit.risk_assessment s where s.event_id = e.event_id)
      order by e.received_at, e.event_id limit ${page.limit}
    )
    select e.event_id as "eventId", e.received_at as "receivedAt", e.payload_reference as "payloadReference",
      jsonb_build_object('source', e.source_system, 'id', e.external_id, 'type', e.event_type, 'subject', e.subject,
        'time', ${instant(sql`e.occurred_at`)}, 'data', p.payload_data) as event,
      jsonb_build_object('assessmentId', s.assessment_id, 'eventId', s.event_id, 'context', s.context,
        'modelId', s.risk_model_id, 'modelVersion', s.risk_model_version, 'score', s.risk_score::text,
        'level', s.risk_level, 'contributions', s.contributions, 'evaluatedAt', ${instant(sql`s.evaluated_at`)},
        'salt', s.salt, 'rowDigest', s.row_digest) as assessment,
      case when v.evaluation_id is not null then jsonb_build_object('evaluationId', v.evaluation_id,
        'eventId', v.event_id, 'assessmentId', v.assessment_id, 'outcome', v.outcome, 'asked', v.policies,
        'evaluatedAt', ${instant(sql`v.evaluated_at`)}, 'rowDigest', v.row_digest) end as evaluation,
      coalesce(a.advisories, '[]') as advisories
    from chosen e
    join audit.event_payload p on p.event_id = e.event_id
    join audit.risk_assessment s on s.event_id = e.event_id
    left join audit.evaluation v on v.assessment_id = s.assessment_id
    left join lateral (
      select jsonb_agg(jsonb_build_object('advisoryId', a.advisory_id, 'eventId', a.event_id,
        'evaluationId', a.evaluation_id, 'assessmentId', a.assessment_id, 'policyId', a.policy_id,
        'policyVersion', a.policy_version, 'riskLevel', a.risk_level, 'basis', a.basis,
        'options', a.recommendation_options, 'justification', a.justification_text, 'conditions', a.conditions,
        'conflict', a.conflict, 'advisoryVersion', a.advisory_version, 'createdAt', ${instant(sql`a.created_at`)},
        'salt', a.salt, 'rowDigest', a.row_digest)) as advisories
      from audit.advisory a where a.evaluation_id = v.evaluation_id
    ) a on true
    order by e.received_at, e.event_id, s.assessment_id`.execute(tx);
  return rows.map((row) => ({ ...row, evaluation: row.evaluation ?? undefined }) as ReplayedRow);
}

/** An instant within JSON, in the one form that all have here (domain/time.ts). */
const instant = (column: ReturnType<typeof sql>) =>
  sql`to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;

/** Every version that these runs name and that is stored. */
export async function pinnedVersions(
  tx: Tx,
  runs: readonly RecordedRun[],
): Promise<PinnedVersions> {
  const names = runs.flatMap(({ evaluation }) =>
    (evaluation?.asked ?? []).map(({ policy }) => policy.slice(0, policy.lastIndexOf('@'))),
  );
  const policies = await sql<StoredPolicy & { definition: PolicyDefinition; policyId: PolicyId }>`
    select policy_id as "policyId", version, name, title, description, regulatory_reference as "regulatoryReference",
      priority_level as "priorityLevel", definition, definition_sha256 as "definitionSha256"
    from audit.policy where name = any(${[...new Set(names)]}::text[])`.execute(tx);
  const ids = runs.flatMap(({ assessment }) => assessment.modelId ?? []);
  const models = await sql<StoredRiskModel>`
    select model_id as "modelId", version, definition_sha256 as "definitionSha256",
      jsonb_build_object('risk_model', name, 'version', version, 'context', context,
        'factors', classification_rules, 'thresholds', threshold_definition) as definition
    from audit.risk_model where model_id = any(${[...new Set(ids)]}::uuid[])`.execute(tx);
  const byLabel = new Map(policies.rows.map((row) => [`${row.name}@${row.version}`, row]));
  const byModel = new Map(models.rows.map((row) => [`${row.modelId}@${row.version}`, row]));
  return {
    policy: (label) => byLabel.get(label),
    model: (modelId, version) => byModel.get(`${modelId}@${version}`),
  };
}

/** How people finally decided on these advisories, by event; an event has one advisory of a policy. */
export async function decisionsOn(
  tx: Tx,
  advisoryIds: readonly AdvisoryId[],
): Promise<ReadonlyMap<string, PastDecision>> {
  if (advisoryIds.length === 0) return new Map();
  const { rows } = await sql<{ eventId: string; decision: PastDecision }>`
    select event_id as "eventId", decision_type as "decision" from audit.decision
    where advisory_id = any(${advisoryIds}::uuid[]) and finalized_at is not null`.execute(tx);
  return new Map(rows.map(({ eventId, decision }) => [eventId, decision]));
}
