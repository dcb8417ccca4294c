/**
 * The facts of one event as evidence: each row as it was hashed, and the texts that it refers to. Read through the audit
 * views, under the audit role. Rows that may still change are left out; they are no facts yet.
 */
import { type RawBuilder, sql } from 'kysely';
import { type Change, changeRecord } from '../domain/activation.ts';
import {
  type Advisory,
  advisoryRecord,
  evaluationRecord,
  type KeptEvaluation,
} from '../domain/advisory.ts';
import type { Requirement } from '../domain/authority.ts';
import { canonicalJson } from '../domain/canonical.ts';
import {
  decisionRecord,
  type EndedRound,
  type GivenApproval,
  viewText,
} from '../domain/decision.ts';
import type { Digest } from '../domain/digest.ts';
import { type AcceptedEvent, eventRecord } from '../domain/event.ts';
import { type Ending, executionRecord, type OpenExecution } from '../domain/execution.ts';
import type { FactType } from '../domain/fact.ts';
import { type Assessment, assessmentRecord } from '../domain/risk.ts';
import type { Tx } from './database.ts';

export interface EvidenceFact {
  readonly type: FactType;
  readonly id: string;
  /** The row as it was hashed. */
  readonly record: string;
  /** The texts whose SHA-256 the row or its entry has. */
  readonly contents: readonly string[];
}

/** None for an event that is not known. In the order of the pipeline, then the policies and models that were applied. */
export async function factsOfEvent(tx: Tx, eventId: string): Promise<readonly EvidenceFact[]> {
  const read = rowsOf(tx, eventId);
  const [event] = await read<EventRow>(eventRows);
  if (event === undefined) return [];
  const assessments = await read<AssessmentRow>(assessmentRows);
  const evaluations = await read<KeptEvaluation>(evaluationRows);
  const advisories = await read<AdvisoryRow>(advisoryRows);
  const decisions = await read<DecisionRow>(decisionRows);
  const executions = await read<OpenExecution & Ending>(executionRows);
  const asked = evaluations.flatMap((row) => row.asked.map(({ policy }) => policy));
  return [
    eventFact(event),
    ...assessments.map(assessmentFact),
    ...evaluations.map(evaluationFact),
    ...advisories.map(advisoryFact),
    ...decisions.map((row) => decisionFact(row, { event, assessments, advisories })),
    ...executions.map(executionFact),
    ...(await policiesInForce(tx, advisories, asked)),
    ...(await modelsInForce(tx, assessments)),
  ];
}

function rowsOf(tx: Tx, eventId: string) {
  return async <Row>(query: RawBuilder<unknown>): Promise<readonly Row[]> => {
    const { rows } =
      await sql<Row>`${query} where x.event_id = ${eventId}::uuid order by 1`.execute(tx);
    return rows;
  };
}

interface EventRow extends AcceptedEvent {
  /** Undefined once it was erased. */
  readonly payloadData: unknown;
}

const eventRows = sql`
  select x.event_id as "eventId", x.source_system as "source", x.external_id as "externalId", x.event_type as "type",
    x.subject, x.occurred_at as "occurredAt", x.received_at as "receivedAt", x.correlation_id as "correlationId",
    x.integrity_signature as "integritySignature", x.payload_reference as "payloadReference",
    x.content_digest as "contentDigest", x.salt, x.row_digest as "rowDigest", p.payload_data as "payloadData"
  from audit.event x left join audit.event_payload p on p.event_id = x.event_id`;

function eventFact(row: EventRow): EvidenceFact {
  const contents = row.payloadData === null ? [] : [canonicalJson(row.payloadData)];
  return { type: 'EVENT', id: row.eventId, record: eventRecord(row), contents };
}

type AssessmentRow = Assessment & { readonly rowDigest: Digest };

const assessmentRows = sql`
  select x.assessment_id as "assessmentId", x.event_id as "eventId", x.context, x.risk_model_id as "modelId",
    x.risk_model_version as "modelVersion", x.risk_score as "score", x.risk_level as "level",
    x.evaluated_at as "evaluatedAt", x.contributions, x.salt, x.row_digest as "rowDigest"
  from audit.risk_assessment x`;

function assessmentFact(row: AssessmentRow): EvidenceFact {
  const contents = [canonicalJson(row.contributions)];
  const id = row.assessmentId;
  return { type: 'RISK_ASSESSMENT', id, record: assessmentRecord(row), contents };
}

/** One with advisories is in their entries; only without any has it one of its own. */
const evaluationRows = sql`
  select x.evaluation_id as "evaluationId", x.event_id as "eventId", x.assessment_id as "assessmentId", x.outcome,
    x.policies as "asked", x.evaluated_at as "evaluatedAt"
  from (select e.* from audit.evaluation e where e.outcome = 'NO_MATCH') x`;

function evaluationFact(row: KeptEvaluation): EvidenceFact {
  const contents = [canonicalJson(row.asked)];
  return { type: 'EVALUATION', id: row.evaluationId, record: evaluationRecord(row), contents };
}

type AdvisoryRow = Advisory & { readonly rowDigest: Digest; readonly policyDigest: Digest };

const advisoryRows = sql`
  select x.advisory_id as "advisoryId", x.event_id as "eventId", x.evaluation_id as "evaluationId",
    x.assessment_id as "assessmentId", x.policy_id as "policyId", x.policy_version as "policyVersion",
    x.risk_level as "riskLevel", x.recommendation_options as "options", x.justification_text as "justification",
    x.created_at as "createdAt", x.advisory_version as "advisoryVersion", x.basis, x.conditions, x.conflict, x.salt,
    x.row_digest as "rowDigest", p.definition_sha256 as "policyDigest"
  from audit.advisory x
  join audit.policy p on p.policy_id = x.policy_id and p.version = x.policy_version`;

function advisoryFact(row: AdvisoryRow): EvidenceFact {
  const contents = [canonicalJson(row.conditions), row.justification, canonicalJson(row.options)];
  return { type: 'ADVISORY', id: row.advisoryId, record: advisoryRecord(row), contents };
}

type DecisionRow = EndedRound & {
  readonly requirement: Requirement;
  readonly approvals: readonly GivenApproval[];
};

/** Each with the acts of its round; none where time alone has ended it. */
const decisionRows = sql`
  select x.decision_id as "decisionId", x.advisory_id as "advisoryId", x.review_id as "reviewId",
    x.event_id as "eventId", x.round, x.risk_level as "riskLevel", x.required_authority as "requirement",
    x.valid_for_s as "validForS", x.view_digest as "viewDigest", x.salt, x.decision_type as "state",
    x.option_id as "optionId", x.decision_maker_id as "makerId", x.decision_maker_role as "makerRole",
    x.justification, x.created_at as "createdAt", x.finalized_at as "finalizedAt",
    x.escalated_at as "escalatedAt", x.expires_at as "expiresAt", x.proof,
    (select coalesce(jsonb_agg(jsonb_build_object('approvalId', a.approval_id, 'personId', a.person_id, 'role', a.role,
        'act', a.act, 'optionId', a.option_id, 'onBehalfOf', a.on_behalf_of, 'delegationId', a.delegation_id,
        'bulkId', a.bulk_id, 'justification', a.justification, 'viewDigest', a.view_digest,
        'approvedAt', to_char(a.approved_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))), '[]')
      from audit.approval a where a.decision_id = x.decision_id) as "approvals"
  from (select d.* from audit.decision d where d.row_digest is not null) x`;

interface Shown {
  readonly event: EventRow;
  readonly assessments: readonly AssessmentRow[];
  readonly advisories: readonly AdvisoryRow[];
}

function decisionFact(row: DecisionRow, { event, assessments, advisories }: Shown): EvidenceFact {
  const advisory = advisories.find(({ advisoryId }) => advisoryId === row.advisoryId)!;
  const assessment = assessments.find(
    ({ assessmentId }) => assessmentId === advisory.assessmentId,
  )!;
  const view = viewText({
    ...row,
    ...advisory,
    eventDigest: event.rowDigest,
    assessmentDigest: assessment.rowDigest,
    modelId: assessment.modelId,
    modelVersion: assessment.modelVersion,
    advisoryDigest: advisory.rowDigest,
  });
  const contents = [
    view,
    row.justification,
    ...(row.proof === null ? [] : [canonicalJson(row.proof)]),
    ...row.approvals.map((one) => one.justification),
  ];
  const record = decisionRecord(row, row.approvals);
  return { type: 'DECISION', id: row.decisionId, record, contents };
}

const executionRows = sql`
  select x.execution_id as "executionId", x.decision_id as "decisionId", x.event_id as "eventId",
    x.action_no as "actionNo", x.target_system as "target", x.request_body as "requestBody",
    x.command_sha256 as "commandSha256", x.requested_at as "requestedAt", x.expires_at as "expiresAt",
    x.execution_status as "status", x.failure_reason as "failureReason", x.completed_at as "completedAt",
    x.response_sha256 as "responseSha256"
  from (select e.* from audit.execution e where e.completed_at is not null) x`;

function executionFact(row: OpenExecution & Ending): EvidenceFact {
  const contents = [row.requestBody];
  return { type: 'EXECUTION', id: row.executionId, record: executionRecord(row, row), contents };
}

type ChangeRow = Change & { readonly definition: unknown };

/** The activation of each version that an advisory is made by, or that was asked and did not match. */
async function policiesInForce(
  tx: Tx,
  advisories: readonly AdvisoryRow[],
  asked: readonly string[],
): Promise<readonly EvidenceFact[]> {
  const { rows } = await sql<ChangeRow>`
    select c.change_id as "changeId", c.policy_id as "of", c.version, c.from_status as "fromStatus",
      c.to_status as "toStatus", c.definition_sha256 as "definitionSha256", c.actor, c.changed_at as "changedAt",
      p.definition
    from audit.policy p
    join audit.policy_change c on c.policy_id = p.policy_id and c.version = p.version and c.to_status = 'active'
    where p.name || '@' || p.version = any(${asked}::text[])
      or (p.policy_id, p.version) in (
        select * from unnest(${advisories.map((row) => row.policyId)}::uuid[],
          ${advisories.map((row) => row.policyVersion)}::integer[]))
    order by c.change_id`.execute(tx);
  return rows.map((row) => changeFact('POLICY', 'policy.policy_change', row));
}

async function modelsInForce(
  tx: Tx,
  assessments: readonly AssessmentRow[],
): Promise<readonly EvidenceFact[]> {
  const { rows } = await sql<ChangeRow>`
    select c.change_id as "changeId", c.model_id as "of", c.version, c.from_status as "fromStatus",
      c.to_status as "toStatus", c.definition_sha256 as "definitionSha256", c.actor, c.changed_at as "changedAt",
      jsonb_build_object('risk_model', m.name, 'version', m.version, 'context', m.context,
        'factors', m.classification_rules, 'thresholds', m.threshold_definition) as "definition"
    from audit.risk_model m
    join audit.risk_model_change c on c.model_id = m.model_id and c.version = m.version and c.to_status = 'active'
    where (m.model_id, m.version) in (
      select * from unnest(${assessments.map((row) => row.modelId)}::uuid[],
        ${assessments.map((row) => row.modelVersion)}::integer[]))
    order by c.change_id`.execute(tx);
  return rows.map((row) => changeFact('RISK_MODEL', 'risk.risk_model_change', row));
}

function changeFact(
  type: 'POLICY' | 'RISK_MODEL',
  table: 'policy.policy_change' | 'risk.risk_model_change',
  row: ChangeRow,
): EvidenceFact {
  const contents = [canonicalJson(row.definition)];
  return { type, id: row.changeId, record: changeRecord(table, row), contents };
}
