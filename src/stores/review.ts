/** Reviews as people look at them: the list of what waits, and one review with all that it stands on. */
import { type RawBuilder, sql } from 'kysely';
import type { DecidingRole } from '../domain/authority.ts';
import type { Act } from '../domain/judgement.ts';
import type { DecisionState } from '../domain/decision.ts';
import type { RecommendationOption } from '../domain/advisory.ts';
import type {
  AdvisoryId,
  AssessmentId,
  DecisionId,
  EvaluationId,
  EventId,
  PersonId,
  PolicyId,
  ReviewId,
} from '../domain/ids.ts';
import type { JsonValue } from '../domain/json.ts';
import type { RiskLevel } from '../domain/risk-level.ts';
import type { Timestamp } from '../domain/time.ts';
import type { Tx } from './database.ts';

export interface ReviewFilter {
  readonly state: 'open' | 'resolved' | 'all';
  readonly level?: RiskLevel | undefined;
  readonly policyId?: PolicyId | undefined;
  readonly eventId?: string | undefined;
  /** The name of a source. */
  readonly source?: string | undefined;
  readonly conflict?: boolean | undefined;
}

/** Where a page ended: the place of its last review in the order of the list. */
export interface ReviewPlace {
  readonly urgency: number;
  readonly openedAt: Timestamp;
  readonly reviewId: ReviewId;
}

export interface ListedReview extends ReviewPlace {
  readonly eventId: EventId;
  readonly advisoryId: AdvisoryId;
  readonly riskLevel: RiskLevel;
  readonly priorityLevel: number;
  readonly conflict: boolean;
  readonly resolvedAt: Timestamp | null;
  readonly policyName: string;
  readonly policyVersion: number;
  readonly policyTitle: string;
  readonly eventSource: string;
  readonly eventType: string;
  readonly eventSubject: string | null;
  /** Of the newest round. */
  readonly round: number;
  readonly state: DecisionState;
  readonly approvals: number;
  /** How many people it takes. */
  readonly seats: number;
  readonly startedAt: Timestamp;
  /** From then on it is overdue, if it is still pending. */
  readonly dueAt: Timestamp;
}

/** What a list has become since a page of it was shown. */
export interface ListNews {
  /** Reviews that the filter lets through. */
  readonly count: number;
  /** Those of them that were opened after the page was made. */
  readonly opened: number;
}

/** What a review stands on. Its rounds are read by the decision store, which decides on them. */
export interface ReviewFile {
  readonly reviewId: ReviewId;
  readonly priorityLevel: number;
  readonly openedAt: Timestamp;
  readonly resolvedAt: Timestamp | null;
  readonly event: {
    readonly eventId: EventId;
    readonly source: string;
    readonly id: string;
    readonly type: string;
    readonly subject: string | null;
    readonly occurredAt: Timestamp;
    readonly receivedAt: Timestamp;
    readonly data: JsonValue;
  };
  readonly assessment: {
    readonly assessmentId: AssessmentId;
    readonly score: string | null;
    readonly level: RiskLevel;
    readonly contributions: JsonValue;
    readonly evaluatedAt: Timestamp;
  };
  readonly policy: {
    readonly policyId: PolicyId;
    readonly version: number;
    readonly name: string;
    readonly title: string;
    readonly description: string;
    readonly regulatoryReference: string;
  };
  readonly advisory: {
    readonly advisoryId: AdvisoryId;
    readonly evaluationId: EvaluationId;
    readonly version: number;
    readonly basis: 'matched' | 'unknown';
    readonly justification: string;
    readonly conditions: JsonValue;
    readonly options: readonly RecommendationOption[];
  };
}

/** One round of the chain of escalations. */
export interface ChainedRound {
  readonly decisionId: DecisionId;
  readonly round: number;
  readonly state: DecisionState;
  readonly makerId: PersonId | null;
  readonly makerName: string | null;
  /** `System` where nobody decided in time. */
  readonly makerRole: string | null;
  readonly justification: string | null;
  readonly createdAt: Timestamp;
  readonly dueAt: Timestamp;
  /** When people were warned that its time runs out; null when they were not. */
  readonly warnedAt: Timestamp | null;
}

/** What one person did in one of the rounds. */
export interface ActInRound {
  readonly round: number;
  readonly personName: string;
  readonly role: DecidingRole;
  /** Whose role it is; null for a role of their own. */
  readonly onBehalfOfName: string | null;
  readonly act: Act;
  readonly optionId: string | null;
  readonly justification: string;
  readonly approvedAt: Timestamp;
}

/** A review of the same event whose advisory contradicts this one's: the two are decided together. */
export interface Sibling {
  /** Of its open round, to be sent back with an act; null when it is decided. */
  readonly viewDigest: string | null;
  readonly reviewId: ReviewId;
  readonly policyName: string;
  readonly priorityLevel: number;
  readonly state: DecisionState;
}

export interface ReviewStore {
  /**
   * At most `limit` reviews behind `after`. Open ones by risk, then the oldest first; otherwise the newest first.
   */
  list(filter: ReviewFilter, limit: number, after?: ReviewPlace): Promise<readonly ListedReview[]>;
  newsOf(filter: ReviewFilter, shownAt: Timestamp): Promise<ListNews>;
  /** For a review that exists. */
  fileOf(reviewId: ReviewId): Promise<ReviewFile>;
  chainOf(reviewId: ReviewId): Promise<readonly ChainedRound[]>;
  /** In all rounds, in the order in which they were done. */
  actsOf(reviewId: ReviewId): Promise<readonly ActInRound[]>;
  contradictionsOf(reviewId: ReviewId): Promise<readonly Sibling[]>;
  namesOf(people: readonly PersonId[]): Promise<ReadonlyMap<PersonId, string>>;
}

export function openReviewStore(tx: Tx): ReviewStore {
  return {
    async list(filter, limit, after) {
      const isQueue = filter.state === 'open';
      const order = isQueue
        ? sql`decision.urgency(r.risk_level), r.opened_at, r.review_id`
        : sql`r.opened_at desc, r.review_id desc`;
      const further =
        after === undefined
          ? []
          : [
              isQueue
                ? sql`(decision.urgency(r.risk_level), r.opened_at, r.review_id)
                    > (${after.urgency}::integer, ${after.openedAt}::timestamptz, ${after.reviewId}::uuid)`
                : sql`(r.opened_at, r.review_id) < (${after.openedAt}::timestamptz, ${after.reviewId}::uuid)`,
            ];
      // The page is cut before anything is joined to it.
      const { rows } = await sql<ListedReview>`
        with r as materialized (
          select * from decision.review r
          ${reviewsWanted(filter, further)}
          order by ${order} limit ${limit})
        select r.review_id as "reviewId", r.event_id as "eventId", r.advisory_id as "advisoryId", r.risk_level as "riskLevel",
          decision.urgency(r.risk_level) as urgency, r.priority_level as "priorityLevel", r.conflict,
          r.opened_at as "openedAt", r.resolved_at as "resolvedAt", p.name as "policyName", p.version as "policyVersion",
          p.title as "policyTitle", e.source_system as "eventSource", e.event_type as "eventType", e.subject as "eventSubject",
          d.round, d.decision_type as state, (
            select min(jsonb_array_length(a -> 'seats')) from decision.alternatives(d.required_authority) as a) as seats,
          d.created_at as "startedAt", d.created_at + decision.decide_within(d.risk_level) as "dueAt",
          (select count(*)::integer from decision.approval a where a.decision_id = d.decision_id) as approvals
        from r
        join lateral (
          select d.decision_id, d.round, d.decision_type, d.risk_level, d.required_authority, d.created_at
          from decision.decision d
          where d.advisory_id = r.advisory_id order by d.round desc limit 1) d on true
        join policy.policy_for_decision p on p.policy_id = r.policy_id and p.version = r.policy_version
        join event.event_for_decision e on e.event_id = r.event_id
        order by ${order}`.execute(tx);
      return rows;
    },

    async newsOf(filter, shownAt) {
      const { rows } = await sql<ListNews>`
        select count(*)::integer as count,
          (count(*) filter (where r.opened_at > ${shownAt}::timestamptz))::integer as opened
        from decision.review r ${reviewsWanted(filter)}`.execute(tx);
      return rows[0]!;
    },

    async fileOf(reviewId) {
      const { rows } = await sql<FileRow>`
        select r.review_id as "reviewId", r.priority_level as "priorityLevel", r.opened_at as "openedAt",
          r.resolved_at as "resolvedAt", e.event_id as "eventId", e.source_system as source, e.external_id as id,
          e.event_type as type, e.subject, e.occurred_at as "occurredAt", e.received_at as "receivedAt",
          e.payload_data as data, s.assessment_id as "assessmentId", s.risk_score as score, s.risk_level as level,
          s.contributions, s.evaluated_at as "evaluatedAt", p.policy_id as "policyId", p.version as "policyVersion", p.name,
          p.title, p.description, p.regulatory_reference as "regulatoryReference", a.advisory_id as "advisoryId",
          a.evaluation_id as "evaluationId", a.advisory_version as "advisoryVersion", a.basis,
          a.justification_text as justification, a.conditions, a.recommendation_options as options
        from decision.review r
        join event.event_for_decision e on e.event_id = r.event_id
        join advisory.advisory_for_decision a on a.advisory_id = r.advisory_id
        join risk.assessment_for_decision s on s.assessment_id = a.assessment_id
        join policy.policy_for_decision p on p.policy_id = a.policy_id and p.version = a.policy_version
        where r.review_id = ${reviewId}`.execute(tx);
      return fileFrom(rows[0]!);
    },

    async chainOf(reviewId) {
      const { rows } = await sql<ChainedRound>`
        select d.decision_id as "decisionId", d.round, d.decision_type as state, d.decision_maker_id as "makerId",
          p.name as "makerName", d.decision_maker_role as "makerRole", d.justification, d.created_at as "createdAt",
          d.created_at + decision.decide_within(d.risk_level) as "dueAt", w.warned_at as "warnedAt"
        from decision.decision d
        left join identity.person_for_decision p on p.person_id = d.decision_maker_id
        left join decision.round_warning w on w.decision_id = d.decision_id
        where d.review_id = ${reviewId} order by d.round`.execute(tx);
      return rows;
    },

    async actsOf(reviewId) {
      const { rows } = await sql<ActInRound>`
        select d.round, p.name as "personName", a.role, b.name as "onBehalfOfName", a.act, a.option_id as "optionId", a.justification,
          a.approved_at as "approvedAt"
        from decision.decision d
        join decision.approval a on a.decision_id = d.decision_id
        join identity.person_for_decision p on p.person_id = a.person_id
        left join identity.person_for_decision b on b.person_id = a.on_behalf_of
        where d.review_id = ${reviewId} order by d.round, a.approved_at, a.person_id`.execute(tx);
      return rows;
    },

    async contradictionsOf(reviewId) {
      const { rows } = await sql<Sibling>`
        select other.review_id as "reviewId", p.name as "policyName", other.priority_level as "priorityLevel",
          newest.decision_type as state, case newest.decision_type when 'pending' then newest.view_digest end as "viewDigest"
        from decision.contradicting(${reviewId}) as c
        join decision.review other on other.review_id = c
        join lateral (
          select d.decision_type, d.view_digest from decision.decision d
          where d.review_id = other.review_id order by d.round desc limit 1) as newest on true
        join policy.policy_for_decision p on p.policy_id = other.policy_id and p.version = other.policy_version
        order by other.priority_level, p.name`.execute(tx);
      return rows;
    },

    async namesOf(people) {
      const { rows } = await sql<{ personId: PersonId; name: string }>`
        select person_id as "personId", name from identity.person_for_decision
        where person_id = any(${people}::uuid[])`.execute(tx);
      return new Map(rows.map(({ personId, name }) => [personId, name]));
    },
  };
}

/** Which rows of `decision.review r` a filter, and what is asked `further`, let through. */
function reviewsWanted(
  { state, level, policyId, eventId, source, conflict }: ReviewFilter,
  further: readonly RawBuilder<unknown>[] = [],
): RawBuilder<unknown> {
  const wanted = [
    ...(state === 'open' ? [sql`r.resolved_at is null`] : []),
    ...(state === 'resolved' ? [sql`r.resolved_at is not null`] : []),
    ...(level === undefined ? [] : [sql`r.risk_level = ${level}`]),
    ...(policyId === undefined ? [] : [sql`r.policy_id = ${policyId}`]),
    ...(eventId === undefined ? [] : [sql`r.event_id = ${eventId}`]),
    ...(source === undefined
      ? []
      : [
          sql`exists (select from event.event_for_decision e
            where e.event_id = r.event_id and e.source_system = ${source})`,
        ]),
    ...(conflict === undefined ? [] : [sql`r.conflict = ${conflict}`]),
    ...further,
  ];
  return wanted.length === 0 ? sql`` : sql`where ${sql.join(wanted, sql` and `)}`;
}

type FileRow = Pick<ReviewFile, 'reviewId' | 'priorityLevel' | 'openedAt' | 'resolvedAt'> &
  ReviewFile['event'] &
  ReviewFile['assessment'] &
  Omit<ReviewFile['policy'], 'version'> &
  Omit<ReviewFile['advisory'], 'version'> & {
    readonly policyVersion: number;
    readonly advisoryVersion: number;
  };

function fileFrom(row: FileRow): ReviewFile {
  const { reviewId, priorityLevel, openedAt, resolvedAt } = row;
  const { eventId, source, id, type, subject, occurredAt, receivedAt, data } = row;
  const { assessmentId, score, level, contributions, evaluatedAt } = row;
  const { policyId, policyVersion, name, title, description, regulatoryReference } = row;
  const { advisoryId, evaluationId, advisoryVersion, basis, justification, conditions, options } =
    row;
  return {
    reviewId,
    priorityLevel,
    openedAt,
    resolvedAt,
    event: { eventId, source, id, type, subject, occurredAt, receivedAt, data },
    assessment: { assessmentId, score, level, contributions, evaluatedAt },
    policy: { policyId, version: policyVersion, name, title, description, regulatoryReference },
    advisory: {
      advisoryId,
      evaluationId,
      version: advisoryVersion,
      basis,
      justification,
      conditions,
      options,
    },
  };
}
