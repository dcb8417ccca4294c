/** Whole tables for checks that recompute: read in pages, as the domain's functions want their rows. */
import type pg from 'pg';
import type { Advisory, KeptEvaluation } from '../../../src/domain/advisory.ts';
import type { Change } from '../../../src/domain/activation.ts';
import type { EndedRound, GivenApproval, ReviewView } from '../../../src/domain/decision.ts';
import type { Digest } from '../../../src/domain/digest.ts';
import type { AcceptedEvent } from '../../../src/domain/event.ts';
import type { Ending, OpenExecution } from '../../../src/domain/execution.ts';
import type { JsonValue } from '../../../src/domain/json.ts';
import type { StoredPolicy } from '../../../src/domain/policy.ts';
import type { Assessment, StoredRiskModel } from '../../../src/domain/risk.ts';
import type { Timestamp } from '../../../src/domain/time.ts';

interface Digested {
  readonly rowDigest: string | null;
}

export type EventRow = Omit<AcceptedEvent, 'payload' | 'rowDigest'> &
  Digested & { readonly data: JsonValue };
export type AssessmentRow = Assessment & Digested;
export type EvaluationRow = KeptEvaluation & Digested;
export type AdvisoryRow = Advisory & Digested;
export type DecisionRow = EndedRound & Digested & { readonly approvals: readonly GivenApproval[] };
export type ExecutionRow = OpenExecution & Omit<Ending, 'completedAt'> & Digested & EndedAt;
interface EndedAt {
  readonly completedAt: Timestamp | null;
}
export type ChangeRow = Change & Digested;
/** A version with the time in which it was in force. */
export interface InForce {
  readonly activeFrom: Timestamp | null;
  readonly activeTo: Timestamp | null;
}
export type PolicyRow = StoredPolicy & InForce;
export type ModelRow = StoredRiskModel & InForce;
/** What the reviewers of a decision relied on, as the rows show it now. */
export interface ViewRow extends ReviewView {
  readonly decisionId: string;
  readonly boundDigest: Digest;
}

const approvals = `(select coalesce(jsonb_agg(jsonb_build_object('approvalId', a.approval_id, 'personId', a.person_id,
    'role', a.role, 'act', a.act, 'optionId', a.option_id,
    'onBehalfOf', a.on_behalf_of, 'delegationId', a.delegation_id, 'bulkId', a.bulk_id, 'justification', a.justification,
    'viewDigest', a.view_digest, 'approvedAt',
    to_char(a.approved_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))), '[]')
  from decision.approval a where a.decision_id = d.decision_id)`;

const tables = {
  events: `select e.event_id as "eventId", e.source_system as source, e.external_id as "externalId", e.event_type as type,
      e.subject, e.occurred_at as "occurredAt", e.received_at as "receivedAt", e.correlation_id as "correlationId",
      e.integrity_signature as "integritySignature", e.payload_reference as "payloadReference",
      e.content_digest as "contentDigest", e.salt, e.row_digest as "rowDigest", p.payload_data as data
    from event.event e left join event.event_payload p on p.event_id = e.event_id`,
  assessments: `select assessment_id as "assessmentId", event_id as "eventId", context, risk_model_id as "modelId",
      risk_model_version as "modelVersion", risk_score::text as score, risk_level as level, contributions,
      evaluated_at as "evaluatedAt", salt, row_digest as "rowDigest"
    from risk.risk_assessment`,
  evaluations: `select evaluation_id as "evaluationId", event_id as "eventId", assessment_id as "assessmentId", outcome,
      policies as asked, evaluated_at as "evaluatedAt", row_digest as "rowDigest"
    from advisory.evaluation`,
  advisories: `select advisory_id as "advisoryId", event_id as "eventId", evaluation_id as "evaluationId",
      assessment_id as "assessmentId", policy_id as "policyId", policy_version as "policyVersion",
      advisory_version as "advisoryVersion", risk_level as "riskLevel", basis, conflict,
      recommendation_options as options, justification_text as justification, conditions,
      created_at as "createdAt", salt, row_digest as "rowDigest"
    from advisory.advisory`,
  decisions: `select d.decision_id as "decisionId", d.advisory_id as "advisoryId", d.review_id as "reviewId",
      d.event_id as "eventId", d.round, d.risk_level as "riskLevel", d.required_authority as requirement,
      d.valid_for_s as "validForS", d.view_digest as "viewDigest", d.salt, d.decision_type as state,
      d.option_id as "optionId", d.decision_maker_id as "makerId", d.decision_maker_role as "makerRole",
      d.justification, d.created_at as "createdAt", d.finalized_at as "finalizedAt",
      d.escalated_at as "escalatedAt", d.proof, d.expires_at as "expiresAt", d.row_digest as "rowDigest", ${approvals} as approvals
    from decision.decision d where d.row_digest is not null`,
  executions: `select execution_id as "executionId", decision_id as "decisionId", event_id as "eventId",
      action_no as "actionNo", target_system as target, request_body as "requestBody",
      command_sha256 as "commandSha256", requested_at as "requestedAt", expires_at as "expiresAt",
      execution_status as status, failure_reason as "failureReason", completed_at as "completedAt",
      response_sha256 as "responseSha256", row_digest as "rowDigest"
    from execution.execution`,
  policyChanges: `select change_id as "changeId", policy_id as of, version, from_status as "fromStatus",
      to_status as "toStatus", definition_sha256 as "definitionSha256", actor, changed_at as "changedAt",
      row_digest as "rowDigest"
    from policy.policy_change`,
  modelChanges: `select change_id as "changeId", model_id as of, version, from_status as "fromStatus",
      to_status as "toStatus", definition_sha256 as "definitionSha256", actor, changed_at as "changedAt",
      row_digest as "rowDigest"
    from risk.risk_model_change`,
  policies: `select policy_id as "policyId", version, name, title, description,
      regulatory_reference as "regulatoryReference", priority_level as "priorityLevel", definition,
      definition_sha256 as "definitionSha256", active_from as "activeFrom", active_to as "activeTo"
    from policy.policy`,
  models: `select model_id as "modelId", version, definition_sha256 as "definitionSha256",
      jsonb_build_object('risk_model', name, 'version', version, 'context', context, 'factors', classification_rules,
        'thresholds', threshold_definition) as definition, active_from as "activeFrom", active_to as "activeTo"
    from risk.risk_model`,
  views: `select d.decision_id as "decisionId", d.view_digest as "boundDigest", d.event_id as "eventId",
      e.row_digest as "eventDigest", s.assessment_id as "assessmentId", s.row_digest as "assessmentDigest",
      s.risk_model_id as "modelId", s.risk_model_version as "modelVersion", a.evaluation_id as "evaluationId",
      p.policy_id as "policyId", p.version as "policyVersion", p.definition_sha256 as "policyDigest",
      a.advisory_id as "advisoryId", a.advisory_version as "advisoryVersion", a.row_digest as "advisoryDigest",
      a.risk_level as "riskLevel", a.conflict, a.recommendation_options as options,
      d.required_authority as requirement, d.round, d.valid_for_s as "validForS"
    from decision.decision d
    join advisory.advisory a on a.advisory_id = d.advisory_id
    join event.event e on e.event_id = d.event_id
    join risk.risk_assessment s on s.assessment_id = a.assessment_id
    join policy.policy p on p.policy_id = a.policy_id and p.version = a.policy_version`,
} as const satisfies Record<string, string>;

interface Rows {
  readonly events: EventRow;
  readonly assessments: AssessmentRow;
  readonly evaluations: EvaluationRow;
  readonly advisories: AdvisoryRow;
  readonly decisions: DecisionRow;
  readonly executions: ExecutionRow;
  readonly policyChanges: ChangeRow;
  readonly modelChanges: ChangeRow;
  readonly policies: PolicyRow;
  readonly models: ModelRow;
  readonly views: ViewRow;
}

/** Every row of a table, in no order. */
export async function* rowsOf<Table extends keyof Rows>(
  client: pg.Client,
  table: Table,
): AsyncGenerator<Rows[Table]> {
  yield* cursor<Rows[Table]>(client, tables[table]);
}

const PAGE_ROWS = 2_000;
let cursors = 0;

/** Rows of any query, in its order, a page at a time. */
export async function* cursor<Row extends object>(
  client: pg.Client,
  sql: string,
): AsyncGenerator<Row> {
  cursors += 1;
  const name = `rows_${cursors}`;
  // WITH HOLD: its own transaction ends at once, so cursors of several checks may be open side by side.
  await client.query(`declare ${name} cursor with hold for ${sql}`);
  try {
    for (;;) {
      const { rows } = await client.query<Row>(`fetch ${PAGE_ROWS} from ${name}`);
      if (rows.length === 0) return;
      yield* rows;
    }
  } finally {
    await client.query(`close ${name}`);
  }
}
