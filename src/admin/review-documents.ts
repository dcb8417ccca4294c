/** Fills the documents of reviews and decisions (review-schemas.ts) from what the stores and the domain say. */
import type { Static } from 'typebox';
import { concludeRound, type DecisionAnswer, permissionsOf } from '../domain/approval.ts';
import { alternativesOf, type Requirement, type Seat } from '../domain/authority.ts';
import type { Proof } from '../domain/judgement.ts';
import type { BulkAnswer } from '../domain/bulk.ts';
import type { PersonId } from '../domain/ids.ts';
import { isRefusal, problems, type Refusal } from '../domain/problem.ts';
import type { ReviewCase } from '../stores/decision.ts';
import type { Person } from '../stores/identity.ts';
import type { ChainedRound, ListedReview, ReviewFile, Sibling } from '../stores/review.ts';
import type {
  BulkDocument,
  DecisionDocument,
  Permission,
  ReviewDocument,
  ReviewSummary,
  Round,
  Seats,
} from './review-schemas.ts';

export function summaryOf(row: ListedReview): Static<typeof ReviewSummary> {
  return {
    review_id: row.reviewId,
    event_id: row.eventId,
    advisory_id: row.advisoryId,
    risk_level: row.riskLevel,
    priority_level: row.priorityLevel,
    conflict: row.conflict,
    opened_at: row.openedAt,
    resolved_at: row.resolvedAt,
    policy: { name: row.policyName, version: row.policyVersion, title: row.policyTitle },
    event: { source: row.eventSource, type: row.eventType, subject: row.eventSubject },
    round: row.round,
    state: row.state,
    approvals: row.approvals,
  };
}

export interface ReviewParts {
  readonly found: ReviewCase;
  readonly file: ReviewFile;
  readonly chain: readonly ChainedRound[];
  readonly contradictions: readonly Sibling[];
  readonly names: ReadonlyMap<PersonId, string>;
  readonly person: Person;
}

export function documentOf(parts: ReviewParts): Static<typeof ReviewDocument> {
  const { found, file, chain, contradictions, person } = parts;
  const { event, assessment, policy, advisory } = file;
  return {
    review_id: file.reviewId,
    risk_level: found.standing.riskLevel,
    priority_level: file.priorityLevel,
    conflict: found.advisory.conflict,
    opened_at: file.openedAt,
    resolved_at: file.resolvedAt,
    event: {
      event_id: event.eventId,
      source: event.source,
      id: event.id,
      type: event.type,
      subject: event.subject,
      occurred_at: event.occurredAt,
      received_at: event.receivedAt,
      data: event.data,
    },
    assessment: {
      assessment_id: assessment.assessmentId,
      score: assessment.score,
      level: assessment.level,
      model_id: found.advisory.modelId,
      model_version: found.advisory.modelVersion,
      contributions: assessment.contributions,
      evaluated_at: assessment.evaluatedAt,
    },
    policy: {
      policy_id: policy.policyId,
      version: policy.version,
      name: policy.name,
      title: policy.title,
      description: policy.description,
      regulatory_reference: policy.regulatoryReference,
    },
    advisory: {
      advisory_id: advisory.advisoryId,
      evaluation_id: advisory.evaluationId,
      version: advisory.version,
      basis: advisory.basis,
      justification: advisory.justification,
      conditions: advisory.conditions,
      options: advisory.options.map(({ option, title, target, command }) => {
        return { option, title, target, command };
      }),
    },
    decision: roundDocument(parts),
    escalation_chain: chain.map(chainedDocument),
    contradictions: contradictions.map((other) => ({
      review_id: other.reviewId,
      policy: other.policyName,
      priority_level: other.priorityLevel,
      state: other.state,
      view_digest: other.viewDigest,
    })),
    view_digest: found.open.viewDigest,
    you: {
      person_id: person.personId,
      name: person.name,
      roles: [...found.reviewer.roles],
      acts: permissionsOf(found.open, found.reviewer).map((permission) => ({
        act: permission.act,
        allowed: permission.refusal === null,
        roles: [...permission.roles],
        on_behalf_of: permission.delegated.map(({ delegator, delegatorName, role }) => {
          return { person_id: delegator, name: delegatorName, role };
        }),
        why_not: whyNot(permission.refusal),
      })),
    },
  };
}

function roundDocument({ found, names }: ReviewParts): Static<typeof ReviewDocument>['decision'] {
  const { standing, approvals } = found;
  const { remaining, missing } = concludeRound(found.open);
  const { requirement } = standing;
  return {
    decision_id: standing.decisionId,
    round: standing.round,
    state: standing.state,
    required_authority: requirementDocument(requirement),
    excluded: [...found.open.excluded].map(([person_id, why]) => ({ person_id, why })),
    proof: standing.proof === null ? null : proofDocument(standing.proof),
    seats_needed: seatsOf(remaining),
    missing: [...missing],
    approvals: approvals.map((approval) => ({
      person_id: approval.personId,
      name: names.get(approval.personId) ?? null,
      role: approval.role,
      on_behalf_of: approval.onBehalfOf,
      act: approval.act,
      option: approval.optionId,
      justification: approval.justification,
      approved_at: approval.approvedAt,
      in_office: approval.inOffice,
    })),
    option: standing.optionId,
    valid_for_s: standing.validForS,
    finalized_at: standing.finalizedAt,
    expires_at: standing.expiresAt,
  };
}

function chainedDocument(round: ChainedRound): Static<typeof Round> {
  const { makerId, makerName, makerRole } = round;
  return {
    decision_id: round.decisionId,
    round: round.round,
    state: round.state,
    decided_by:
      makerRole === null ? null : { person_id: makerId, name: makerName, role: makerRole },
    justification: round.justification,
    created_at: round.createdAt,
    due_at: round.dueAt,
    warned_at: round.warnedAt,
  };
}

function whyNot(refusal: Refusal | null): Static<typeof Permission>['why_not'] {
  if (refusal === null) return null;
  const { reason: code, detail } = refusal;
  return { code, detail, remedy: problems[code].remedy };
}

function requirementDocument(
  requirement: Requirement,
): Static<typeof ReviewDocument>['decision']['required_authority'] {
  const [first, ...or] = alternativesOf(requirement).map(({ seats, roles }) => {
    return { seats: seatsOf(seats), roles };
  });
  return { ...first!, ...(or.length === 0 ? {} : { or }) };
}

function proofDocument({
  seats,
  roles,
}: Proof): NonNullable<Static<typeof ReviewDocument>['decision']['proof']> {
  return {
    seats: seats.map(({ seat, personId, role, onBehalfOf }) => {
      return { seat: [...seat], person_id: personId, role, on_behalf_of: onBehalfOf };
    }),
    roles,
  };
}

/** The schema's arrays are not readonly. */
function seatsOf(seats: readonly Seat[]): Static<typeof Seats> {
  return seats.map((seat) => [...seat]);
}

export function answerDocument(answer: DecisionAnswer): Static<typeof DecisionDocument> {
  return {
    review_id: answer.reviewId,
    decision_id: answer.decisionId,
    approval_id: answer.approvalId,
    round: answer.round,
    state: answer.state,
    seats_needed: seatsOf(answer.remaining),
    missing: [...answer.missing],
    option: answer.optionId,
    finalized_at: answer.finalizedAt,
    expires_at: answer.expiresAt,
    together: answer.together.map(({ reviewId, decisionId, state }) => {
      return { review_id: reviewId, decision_id: decisionId, state };
    }),
  };
}

export function bulkDocument({ bulkId, results }: BulkAnswer): Static<typeof BulkDocument> {
  return {
    bulk_id: bulkId,
    results: results.map(({ reviewId, answer }) => ({
      review_id: reviewId,
      decision: isRefusal(answer) ? null : answerDocument(answer),
      refused: isRefusal(answer) ? whyNot(answer) : null,
    })),
  };
}
