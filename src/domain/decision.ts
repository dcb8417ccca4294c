/**
 * Decisions: their states, what reviewers are shown, and the digests that bind an approval to exactly that.
 *
 * The view of a review is the document of everything that an approval relies on. Its digest goes to the reviewer, comes
 * back with each act, is kept in the decision and enters the ledger through the row digest; the execution domain
 * computes it once more from its own views and refuses on any difference.
 */
import type { RecommendationOption } from './advisory.ts';
import type { Alternative, DecidingRole, Requirement } from './authority.ts';
import type { Act, Proof } from './judgement.ts';
import { type CanonicalRecord, canonicalJson } from './canonical.ts';
import { type Digest, rowRecord, sha256 } from './digest.ts';
import type {
  AdvisoryId,
  ApprovalId,
  AssessmentId,
  BulkId,
  DecisionId,
  DelegationId,
  EvaluationId,
  EventId,
  ModelId,
  PersonId,
  PolicyId,
  ReviewId,
} from './ids.ts';
import type { RiskLevel } from './risk-level.ts';
import type { Timestamp } from './time.ts';

/**
 * One decision row is one round. An escalation closes its round and opens the next one on the same advisory, so
 * "escalated → approved" is two rows. approved, rejected and override are final.
 */
export const decisionTransitions = {
  pending: ['approved', 'rejected', 'escalated', 'override'],
  approved: [],
  rejected: [],
  escalated: [],
  override: [],
} as const satisfies Record<string, readonly string[]>;
export type DecisionState = keyof typeof decisionTransitions;

export function mayBecome(from: DecisionState, to: DecisionState): boolean {
  const successors: readonly DecisionState[] = decisionTransitions[from];
  return successors.includes(to);
}

/** The states that permit an execution, once the ledger has them. */
export function isApproving(state: DecisionState): boolean {
  return state === 'approved' || state === 'override';
}

export function isFinalised(state: DecisionState): boolean {
  return isApproving(state) || state === 'rejected';
}

/** How long an approval may be executed, in seconds from its finalisation: a day. */
export const APPROVAL_VALID_S = 86_400;

/** A recommendation with its command as it would be sent. */
export type ReviewOption = Pick<RecommendationOption, 'option' | 'title' | 'target' | 'command'>;

/** What the reviewers of one round decide on. Every member stands in a view that is published to execution too. */
export interface ReviewView {
  readonly eventId: EventId;
  /** `row_digest` of the event. */
  readonly eventDigest: Digest;
  readonly assessmentId: AssessmentId;
  /** `row_digest` of the assessment, which covers score and contributions. */
  readonly assessmentDigest: Digest;
  /** Null, with `modelVersion`, when no model was active. */
  readonly modelId: ModelId | null;
  readonly modelVersion: number | null;
  readonly evaluationId: EvaluationId;
  readonly policyId: PolicyId;
  readonly policyVersion: number;
  /** `definition_sha256` of the policy version. */
  readonly policyDigest: Digest;
  readonly advisoryId: AdvisoryId;
  readonly advisoryVersion: number;
  /** `row_digest` of the advisory, which covers conditions and justification. */
  readonly advisoryDigest: Digest;
  /** The advisory's. */
  readonly riskLevel: RiskLevel;
  readonly conflict: boolean;
  readonly options: readonly ReviewOption[];
  readonly requirement: Requirement;
  readonly round: number;
  /** How long an approval may be executed, in seconds. */
  readonly validForS: number;
}

/** The document as it is hashed and published: strings throughout, each command as its canonical JSON text. */
export function viewDocument(view: ReviewView): CanonicalRecord {
  return {
    advisory: {
      advisory_id: view.advisoryId,
      advisory_version: String(view.advisoryVersion),
      row_digest: view.advisoryDigest,
    },
    assessment: {
      assessment_id: view.assessmentId,
      risk_model_id: view.modelId,
      risk_model_version: view.modelVersion === null ? null : String(view.modelVersion),
      row_digest: view.assessmentDigest,
    },
    conflict: view.conflict,
    evaluation_id: view.evaluationId,
    event: { event_id: view.eventId, row_digest: view.eventDigest },
    options: view.options.map(({ option, title, target, command }) => ({
      command: canonicalJson(command),
      option,
      target,
      title,
    })),
    policy: {
      definition_sha256: view.policyDigest,
      policy_id: view.policyId,
      policy_version: String(view.policyVersion),
    },
    required_authority: requirementRecord(view.requirement),
    risk_level: view.riskLevel,
    round: String(view.round),
    valid_for_s: String(view.validForS),
    view: 'sentinelops-review-view/v1',
  };
}

/** The bytes that are shown. Not under the size limit of records, which is the ledger's: commands are as long as policies make them. */
export function viewText(view: ReviewView): string {
  return canonicalJson(viewDocument(view));
}

export function viewDigest(view: ReviewView): Digest {
  return sha256(viewText(view));
}

/** Alternatives only where there are some: what was hashed before there were any keeps its digest. */
function requirementRecord({ or = [], ...first }: Requirement): CanonicalRecord {
  const alternative = ({ seats, roles }: Alternative): CanonicalRecord => ({
    roles: String(roles),
    seats: seats.map((seat) => [...seat]),
  });
  return { ...alternative(first), ...(or.length === 0 ? {} : { or: or.map(alternative) }) };
}

/** One act as it was given; the digest of its decision covers it. */
export interface GivenApproval {
  readonly approvalId: ApprovalId;
  readonly personId: PersonId;
  readonly role: DecidingRole;
  readonly act: Act;
  readonly optionId: string | null;
  /** Whose role it is, with the delegation; both null for a role of the person's own. */
  readonly onBehalfOf: PersonId | null;
  readonly delegationId: DelegationId | null;
  /** Of the acts that were given together; null for one of its own. */
  readonly bulkId: BulkId | null;
  readonly justification: string;
  readonly viewDigest: Digest;
  readonly approvedAt: Timestamp;
}

/** A round as it starts, and stays: what its reviewers were shown and what it takes to decide. */
export interface Round {
  readonly decisionId: DecisionId;
  readonly advisoryId: AdvisoryId;
  readonly reviewId: ReviewId;
  readonly eventId: EventId;
  readonly round: number;
  readonly riskLevel: RiskLevel;
  readonly requirement: Requirement;
  readonly validForS: number;
  readonly viewDigest: Digest;
  readonly salt: string;
}

/** Who escalates what nobody decided in time. The only decision that the system makes is that people shall. */
export const SYSTEM = 'System';

/** A round that is over. */
export interface EndedRound extends Round {
  readonly state: Exclude<DecisionState, 'pending'>;
  readonly optionId: string | null;
  /** Whose act ended it; null for the system. */
  readonly makerId: PersonId | null;
  readonly makerRole: DecidingRole | typeof SYSTEM;
  readonly justification: string;
  readonly createdAt: Timestamp;
  /** Null when it was escalated. */
  readonly finalizedAt: Timestamp | null;
  /** Null when it was not. */
  readonly escalatedAt: Timestamp | null;
  /** Null when nothing was approved. */
  readonly expiresAt: Timestamp | null;
  /** Why the approvals were sufficient; null when nothing was approved. */
  readonly proof: Proof | null;
}

/**
 * The row as it is hashed from its end on, and as its ledger entry carries it: every column, and every act of the round,
 * so that an approval cannot be exchanged behind a decision. The acts are taken in the order of their people's ids,
 * which no jump of a clock changes. Justifications have no limit in the table, therefore they enter as digests.
 */
export function decisionRecord(decision: EndedRound, approvals: readonly GivenApproval[]): string {
  return rowRecord('decision.decision', {
    advisory_id: decision.advisoryId,
    approvals: approvals.toSorted(byPerson).map((approval) => ({
      act: approval.act,
      approval_id: approval.approvalId,
      approved_at: approval.approvedAt,
      ...(approval.delegationId === null
        ? {}
        : { delegation_id: approval.delegationId, on_behalf_of: approval.onBehalfOf }),
      ...(approval.bulkId === null ? {} : { bulk_id: approval.bulkId }),
      justification_sha256: sha256(approval.justification),
      option_id: approval.optionId,
      person_id: approval.personId,
      role: approval.role,
      view_digest: approval.viewDigest,
    })),
    created_at: decision.createdAt,
    decision_id: decision.decisionId,
    decision_maker_id: decision.makerId,
    decision_maker_role: decision.makerRole,
    decision_type: decision.state,
    // Here and below only where it says something: rows that were final before it was a column lack the member.
    ...(decision.escalatedAt === null ? {} : { escalated_at: decision.escalatedAt }),
    event_id: decision.eventId,
    expires_at: decision.expiresAt,
    finalized_at: decision.finalizedAt,
    justification_sha256: sha256(decision.justification),
    option_id: decision.optionId,
    ...(decision.proof === null ? {} : { proof_sha256: sha256(canonicalJson(decision.proof)) }),
    required_authority: requirementRecord(decision.requirement),
    review_id: decision.reviewId,
    risk_level: decision.riskLevel,
    round: String(decision.round),
    salt: decision.salt,
    valid_for_s: String(decision.validForS),
    view_digest: decision.viewDigest,
  });
}

/** What the row keeps from its finalisation on, and its ledger entry carries. */
export function decisionDigest(decision: EndedRound, approvals: readonly GivenApproval[]): Digest {
  return sha256(decisionRecord(decision, approvals));
}

function byPerson(one: GivenApproval, other: GivenApproval): number {
  return one.personId < other.personId ? -1 : 1;
}
