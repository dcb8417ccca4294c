/**
 * Advisories: what the system proposes to people, and why. Every policy that fires on an event gives one; so does every
 * policy that could not be answered, since "could not be evaluated" must never read as "nothing to object".
 */
import { canonicalJson } from './canonical.ts';
import { type Digest, rowRecord, sha256 } from './digest.ts';
import type { AdvisoryId, AssessmentId, EvaluationId, EventId, PolicyId } from './ids.ts';
import type { JsonObject } from './json.ts';
import { justify } from './justification.ts';
import type { Policy, PolicySet, Recommendation } from './policy.ts';
import type { Contribution } from './risk.ts';
import type { RiskLevel } from './risk-level.ts';
import type { Evidence, Facts, RiskFact, RuleAnswer } from './rules.ts';
import { renderTemplate, renderText } from './template.ts';
import type { Timestamp } from './time.ts';

/** NO_MATCH ends an event. UNKNOWN when any policy could not be answered, whatever the others said. */
export type EvaluationOutcome = 'NO_MATCH' | 'MATCH' | 'UNKNOWN';

/** A policy version that was asked, `name@version`, and its answer. */
export interface AskedPolicy {
  readonly policy: string;
  readonly result: RuleAnswer['result'];
}

/** A recommendation with its command filled in from the event: what people approve, byte for byte. */
export interface RecommendationOption {
  readonly option: string;
  readonly title: string;
  readonly target: string;
  readonly command: JsonObject;
  readonly effect: NonNullable<Recommendation['effect']>;
  readonly resource: string | null;
}

/** What an advisory says, before it has an id. */
export interface Proposal {
  readonly policyId: PolicyId;
  readonly policyVersion: number;
  readonly riskLevel: RiskLevel;
  /** `unknown`: the policy, or one of its templates, could not be evaluated on this event. */
  readonly basis: 'matched' | 'unknown';
  readonly options: readonly RecommendationOption[];
  readonly justification: string;
  readonly conditions: readonly Evidence[];
  /** Another advisory of the same event recommends the contrary. */
  readonly conflict: boolean;
}

export interface Evaluation {
  readonly outcome: EvaluationOutcome;
  readonly asked: readonly AskedPolicy[];
  /** By priority, then by the policy's name. */
  readonly proposals: readonly Proposal[];
}

/** An assessed event, as the advisory domain reads it. */
export interface AssessedEvent {
  readonly facts: Facts & { readonly risk: RiskFact };
  readonly assessment: {
    readonly score: string | null;
    readonly level: RiskLevel;
    readonly contributions: readonly Contribution[];
  };
}

/** Puts an event to every policy that concerns it. */
export async function evaluate(event: AssessedEvent, policies: PolicySet): Promise<Evaluation> {
  const { facts, assessment } = event;
  const concerned = policies.concerning(facts.event, assessment.level);
  const answers = await Promise.all(
    concerned.map(async (policy) => ({ policy, answer: await answerOf(policy, facts) })),
  );
  const fired = answers.filter(({ answer }) => answer.result !== 'not matched');
  const proposals = fired.map(({ policy, answer }) => propose(event, policy, answer));
  return {
    outcome: outcomeOf(proposals),
    asked: answers.map(({ policy, answer }) => ({ policy: policy.label, result: answer.result })),
    proposals: markConflicts(proposals),
  };
}

const notMatched: RuleAnswer = { result: 'not matched', evidence: [] };
const answerOf = ({ rule }: Policy, facts: Facts): RuleAnswer | Promise<RuleAnswer> =>
  rule.excludes(facts) ? notMatched : rule.ask(facts);

function outcomeOf(proposals: readonly Proposal[]): EvaluationOutcome {
  if (proposals.some(({ basis }) => basis === 'unknown')) return 'UNKNOWN';
  return proposals.length > 0 ? 'MATCH' : 'NO_MATCH';
}

function propose(event: AssessedEvent, policy: Policy, answer: RuleAnswer): Proposal {
  const { stored, recommendations, justification = '' } = policy;
  const filled = recommendations.map((recommendation) => fillIn(recommendation, event.facts));
  const remark = renderText(justification, event.facts);
  const faults = [
    ...(answer.fault === undefined ? [] : [answer.fault]),
    ...filled.flatMap((option) => ('faults' in option ? option.faults : [])),
    ...('faults' in remark ? remark.faults.map((fault) => `justification: ${fault}`) : []),
  ];
  const basis = answer.result === 'matched' && faults.length === 0 ? 'matched' : 'unknown';
  const { evidence } = answer;
  return {
    policyId: stored.policyId,
    policyVersion: stored.version,
    riskLevel: basis === 'unknown' ? 'UNKNOWN' : event.assessment.level,
    basis,
    options: filled.flatMap((option) => ('faults' in option ? [] : [option])),
    justification: justify(event, policy, {
      basis,
      evidence,
      faults,
      remark: 'rendered' in remark ? remark.rendered : '',
    }),
    conditions: evidence,
    conflict: false,
  };
}

/** The option ready to be approved, or why it cannot be: an option that cannot be filled in is not offered. */
function fillIn(
  { option, title, target, command, effect = 'none', resource }: Recommendation,
  facts: Facts,
): RecommendationOption | { readonly faults: readonly string[] } {
  const filled = renderTemplate(command, facts);
  const actsOn = renderText(resource ?? '', facts);
  if ('faults' in filled || 'faults' in actsOn) {
    const faults = [filled, actsOn].flatMap((one) => ('faults' in one ? one.faults : []));
    return { faults: faults.map((fault) => `option "${option}": ${fault}`) };
  }
  return {
    option,
    title,
    target,
    command: filled.rendered,
    effect,
    resource: resource === undefined ? null : actsOn.rendered,
  };
}

/**
 * Two advisories of one event contradict each other when one offers to restrict a resource at a target and the other to
 * restore the same resource at the same target. Both are marked and shown; which is right is for people to decide.
 */
function markConflicts(proposals: readonly Proposal[]): readonly Proposal[] {
  return proposals.map((proposal) => ({
    ...proposal,
    conflict: proposals.some((other) => other !== proposal && contradicts(proposal, other)),
  }));
}

function contradicts(one: Proposal, other: Proposal): boolean {
  return one.options.some((left) =>
    other.options.some(
      (right) =>
        left.target === right.target &&
        left.resource !== null &&
        left.resource === right.resource &&
        [left.effect, right.effect].toSorted().join() === 'restore,restrict',
    ),
  );
}

/** A row of advisory.evaluation. */
export interface KeptEvaluation {
  readonly evaluationId: EvaluationId;
  readonly eventId: EventId;
  readonly assessmentId: AssessmentId;
  readonly outcome: EvaluationOutcome;
  readonly asked: readonly AskedPolicy[];
  readonly evaluatedAt: Timestamp;
}

/** The row as it is hashed: every column but `created_at`. */
export function evaluationRecord(row: KeptEvaluation): string {
  return rowRecord('advisory.evaluation', {
    assessment_id: row.assessmentId,
    evaluated_at: row.evaluatedAt,
    evaluation_id: row.evaluationId,
    event_id: row.eventId,
    outcome: row.outcome,
    policies_sha256: sha256(canonicalJson(row.asked)),
  });
}

/** By which the ledger refers to the row. */
export function evaluationDigest(row: KeptEvaluation): Digest {
  return sha256(evaluationRecord(row));
}

/** A row of advisory.advisory. */
export interface Advisory extends Proposal {
  readonly advisoryId: AdvisoryId;
  readonly eventId: EventId;
  readonly evaluationId: EvaluationId;
  readonly assessmentId: AssessmentId;
  readonly advisoryVersion: number;
  /** The instant of the evaluation; the ledger quotes it. */
  readonly createdAt: Timestamp;
  readonly salt: string;
}

/** The row as it is hashed: every column. */
export function advisoryRecord(row: Advisory): string {
  return rowRecord('advisory.advisory', {
    advisory_id: row.advisoryId,
    advisory_version: String(row.advisoryVersion),
    assessment_id: row.assessmentId,
    basis: row.basis,
    conditions_sha256: sha256(canonicalJson(row.conditions)),
    conflict: row.conflict,
    created_at: row.createdAt,
    evaluation_id: row.evaluationId,
    event_id: row.eventId,
    justification_sha256: sha256(row.justification),
    policy_id: row.policyId,
    policy_version: String(row.policyVersion),
    recommendation_options_sha256: sha256(canonicalJson(row.options)),
    risk_level: row.riskLevel,
    salt: row.salt,
  });
}

/** By which reviews, decisions and the ledger refer to the row. */
export function advisoryDigest(row: Advisory): Digest {
  return sha256(advisoryRecord(row));
}
