/**
 * Identifiers. Every id is derived from what it identifies, never drawn at random: a redelivered message computes the
 * same key, so its insert meets the row that already stands (`on conflict do nothing`) instead of making a second one.
 */
import { hash } from 'node:crypto';

declare const kind: unique symbol;
type Id<Kind extends string> = string & { readonly [kind]: Kind };

export type EventId = Id<'event'>;
export type AssessmentId = Id<'assessment'>;
export type EvaluationId = Id<'evaluation'>;
export type AdvisoryId = Id<'advisory'>;
export type ReviewId = Id<'review'>;
export type DecisionId = Id<'decision'>;
export type ApprovalId = Id<'approval'>;
export type ExecutionId = Id<'execution'>;
export type EntryId = Id<'entry'>;
export type DeadLetterId = Id<'dead-letter'>;
export type PersonId = Id<'person'>;
export type DelegationId = Id<'delegation'>;
export type BulkId = Id<'bulk'>;
export type PolicyId = Id<'policy'>;
export type ModelId = Id<'risk-model'>;
export type ChangeId = Id<'change'>;
export type ConditionId = Id<'condition'>;
export type SourceKeyId = Id<'source-key'>;

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

export function isUuid(text: string): boolean {
  return UUID.test(text);
}

/**
 * The UUIDv8 (RFC 9562) of some lines: the first 16 bytes of SHA-256(lines joined by LF), version nibble 8, variant
 * bits 10. Callers put their kind and its version first and pass no line that contains LF, so two kinds never meet.
 */
export function uuidOf<T extends Id<string>>(...lines: readonly string[]): T {
  const bytes = hash('sha256', lines.join('\n'), 'buffer').subarray(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}` as T;
}

export const eventIdOf = (source: string, id: string): EventId =>
  uuidOf('sentinelops-event/v1', source, id);

/** One assessment for each event and evaluation context; the model's version is what it found, not who it is. */
export const assessmentIdOf = (event: EventId, context: string): AssessmentId =>
  uuidOf('sentinelops-assessment/v1', event, context);

export const evaluationIdOf = (assessment: AssessmentId): EvaluationId =>
  uuidOf('sentinelops-evaluation/v1', assessment);

export const advisoryIdOf = (evaluation: EvaluationId, policy: PolicyId): AdvisoryId =>
  uuidOf('sentinelops-advisory/v1', evaluation, policy);

export const reviewIdOf = (advisory: AdvisoryId): ReviewId =>
  uuidOf('sentinelops-review/v1', advisory);

/** `round` counts the decision rows of one advisory: 1 when the review opens, one more for each escalation. */
export const decisionIdOf = (advisory: AdvisoryId, round: number): DecisionId =>
  uuidOf('sentinelops-decision/v1', advisory, String(round));

export const approvalIdOf = (decision: DecisionId, person: PersonId): ApprovalId =>
  uuidOf('sentinelops-approval/v1', decision, person);

export const executionIdOf = (decision: DecisionId, actionNo: number): ExecutionId =>
  uuidOf('sentinelops-execution/v1', decision, String(actionNo));

/** A name belongs to one person for ever. */
export const personIdOf = (name: string): PersonId => uuidOf('sentinelops-person/v1', name);

/** One for each delegator, delegate and role at one instant. */
export const delegationIdOf = (
  delegator: PersonId,
  delegate: PersonId,
  role: string,
  at: string,
): DelegationId => uuidOf('sentinelops-delegation/v1', delegator, delegate, role, at);

export const bulkIdOf = (person: PersonId, act: string, digests: readonly string[]): BulkId =>
  uuidOf('sentinelops-bulk/v1', person, act, ...digests);

export const policyIdOf = (name: string): PolicyId => uuidOf('sentinelops-policy/v1', name);

export const modelIdOf = (name: string): ModelId => uuidOf('sentinelops-risk-model/v1', name);

export const conditionIdOf = (of: PolicyId, version: number, position: string): ConditionId =>
  uuidOf('sentinelops-policy-condition/v1', of, String(version), position);

/** A change of state of one version of a policy or model; `nth` counts the times that it reaches that state, from 1. */
export const changeIdOf = (
  of: PolicyId | ModelId,
  version: number,
  toStatus: string,
  nth = 1,
): ChangeId =>
  uuidOf(
    'sentinelops-change/v1',
    of,
    String(version),
    toStatus,
    // Most are reached once, and were named without a number before any could be reached again.
    ...(nth > 1 ? [String(nth)] : []),
  );
