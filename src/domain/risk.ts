/**
 * Risk: a model weighs an event. A model is a list of factors, each with conditions and points; the points of the factors
 * that hold add up to the score, thresholds turn it into a level. When any factor cannot be answered the level is UNKNOWN
 * and there is no score: a sum that leaves something out would look like a low one.
 */
import type { WantedVersion } from './activation.ts';
import { canonicalJson } from './canonical.ts';
import { checkConditions, type Conditions, type Finding } from './conditions.ts';
import { type Digest, rowRecord, sha256 } from './digest.ts';
import { type AssessmentId, type EventId, type ModelId, modelIdOf } from './ids.ts';
import type { KnownRiskLevel, RiskLevel } from './risk-level.ts';
import { compileRule, type EventFact, type Evidence, type Rule } from './rules.ts';
import type { Timestamp } from './time.ts';
import { patternsOf } from './type-pattern.ts';

/** The context in which every event is assessed. */
export const DEFAULT_CONTEXT = 'default';

/** A model as its document says it. */
export interface RiskModelDefinition {
  readonly risk_model: string;
  readonly version: number;
  readonly context: string;
  readonly factors: readonly Factor[];
  readonly thresholds: Thresholds;
}
export interface Factor {
  readonly factor: string;
  readonly title: string;
  /** At most four decimals; negative for what makes an event less risky. */
  readonly points: number;
  /** Types of event that the factor concerns (type-pattern.ts); without it, all. For others it does not hold. */
  readonly event_types?: readonly string[];
  readonly conditions: Conditions;
}
/** The score from which a level holds; below MEDIUM it is LOW. */
export type Thresholds = Readonly<Record<Exclude<KnownRiskLevel, 'LOW'>, number>>;

/** What one factor said of the event; all factors are kept, whether they held or not. */
export interface Contribution {
  readonly factor: string;
  readonly title: string;
  readonly points: number;
  readonly held: boolean | 'unknown';
  /** Of factors that held or are unknown; why another did not hold, its conditions say of the event on record. */
  readonly conditions?: readonly Evidence[];
  readonly reason?: string;
}

export interface Weighing {
  /** A decimal with four digits after the point; null when the level is UNKNOWN. */
  readonly score: string | null;
  readonly level: RiskLevel;
  readonly contributions: readonly Contribution[];
}

/** A model version, compiled. */
export interface RiskModel {
  readonly modelId: ModelId;
  readonly version: number;
  weigh(event: EventFact): Promise<Weighing>;
}

export interface StoredRiskModel {
  readonly modelId: ModelId;
  readonly version: number;
  readonly definition: RiskModelDefinition;
  readonly definitionSha256: string;
}

/** A version as the document brings it, ready to be stored. */
export interface RiskModelDraft extends WantedVersion {
  readonly modelId: ModelId;
  readonly definition: RiskModelDefinition;
}

export function modelDraftOf(definition: RiskModelDefinition): RiskModelDraft {
  const { risk_model: name, version, context: place } = definition;
  const definitionSha256 = modelDigest(definition);
  return { modelId: modelIdOf(name), name, version, place, definition, definitionSha256 };
}

export function modelDigest(definition: RiskModelDefinition): Digest {
  return sha256(canonicalJson(definition));
}

/** What the schema of a document cannot say. */
export function checkRiskModel(model: RiskModelDefinition): Finding[] {
  const findings = model.factors.flatMap(({ conditions }, index) =>
    checkConditions(conditions, ['event']).map(({ at, problem }) => ({
      at: ['factors', index, 'conditions', ...at],
      problem,
    })),
  );
  model.factors.forEach(({ factor, points }, index) => {
    const first = model.factors.findIndex((other) => other.factor === factor);
    if (first < index) {
      findings.push({ at: ['factors', index, 'factor'], problem: `"${factor}" is there already` });
    }
    if (!hasFourDecimals(points)) {
      findings.push({ at: ['factors', index, 'points'], problem: 'write at most four decimals' });
    }
  });
  const { MEDIUM, HIGH, CRITICAL } = model.thresholds;
  if (!(MEDIUM < HIGH && HIGH < CRITICAL)) {
    findings.push({
      at: ['thresholds'],
      problem: 'MEDIUM, HIGH and CRITICAL must rise in this order',
    });
  }
  return findings;
}

/** Points are added as whole ten-thousandths: a sum of binary fractions would depend on their order. */
const UNIT = 10_000;
const hasFourDecimals = (points: number): boolean =>
  Number(points.toFixed(4)) === points && Number.isSafeInteger(Math.round(points * UNIT));
const unitsOf = (points: number): number => Math.round(points * UNIT);

/** Compiles a stored version. One that is not what was stored, or cannot be compiled, weighs everything UNKNOWN. */
export function compileRiskModel(stored: StoredRiskModel): RiskModel {
  const { modelId, version, definition } = stored;
  try {
    if (modelDigest(definition) !== stored.definitionSha256) {
      throw new Error('the definition does not have the digest under which it was approved');
    }
    const [finding] = checkRiskModel(definition);
    if (finding) throw new Error(`${finding.at.join('.')}: ${finding.problem}`);
    const factors = definition.factors.map((factor) => ({
      factor,
      rule: compileRule(factor.conditions),
    }));
    return { modelId, version, weigh: (event) => weigh(factors, definition.thresholds, event) };
  } catch (error) {
    const reason = `version ${version} of the model cannot be used: ${(error as Error).message}`;
    return { modelId, version, weigh: async () => unweighed(reason) };
  }
}

/** What stands for an event that no model could weigh. */
export function unweighed(reason: string): Weighing {
  const contribution = { factor: 'model', title: 'The risk model', points: 0, reason } as const;
  return { score: null, level: 'UNKNOWN', contributions: [{ ...contribution, held: 'unknown' }] };
}

interface CompiledFactor {
  readonly factor: Factor;
  readonly rule: Rule;
}

async function weigh(
  factors: readonly CompiledFactor[],
  thresholds: Thresholds,
  event: EventFact,
): Promise<Weighing> {
  const patterns = patternsOf(event.type);
  const contributions = await Promise.all(
    factors.map((compiled) => contributionOf(compiled, event, patterns)),
  );
  if (contributions.some(({ held }) => held === 'unknown')) {
    return { score: null, level: 'UNKNOWN', contributions };
  }
  const units = contributions
    .filter(({ held }) => held === true)
    .reduce((sum, { points }) => sum + unitsOf(points), 0);
  return { score: (units / UNIT).toFixed(4), level: levelOf(units, thresholds), contributions };
}

async function contributionOf(
  { factor: { factor, title, points, event_types: types }, rule }: CompiledFactor,
  event: EventFact,
  patterns: readonly string[],
): Promise<Contribution> {
  const named = { factor, title, points };
  const concerned = types === undefined || types.some((type) => patterns.includes(type));
  if (!concerned || rule.excludes({ event })) return { ...named, held: false };
  const { result, evidence: conditions, fault } = await rule.ask({ event });
  const held = result === 'unknown' ? result : result === 'matched';
  return { ...named, held, conditions, ...(fault !== undefined && { reason: fault }) };
}

function levelOf(units: number, thresholds: Thresholds): KnownRiskLevel {
  const reached = (['CRITICAL', 'HIGH', 'MEDIUM'] as const).find(
    (level) => units >= unitsOf(thresholds[level]),
  );
  return reached ?? 'LOW';
}

/** A row of risk.risk_assessment. */
export interface Assessment extends Weighing {
  readonly assessmentId: AssessmentId;
  readonly eventId: EventId;
  readonly context: string;
  /** Null, with `modelVersion`, when no model was active. */
  readonly modelId: ModelId | null;
  readonly modelVersion: number | null;
  readonly evaluatedAt: Timestamp;
  readonly salt: string;
}

/** The row as it is hashed: every column but `created_at`. */
export function assessmentRecord(assessment: Assessment): string {
  return rowRecord('risk.risk_assessment', {
    assessment_id: assessment.assessmentId,
    context: assessment.context,
    contributions_sha256: sha256(canonicalJson(assessment.contributions)),
    evaluated_at: assessment.evaluatedAt,
    event_id: assessment.eventId,
    risk_level: assessment.level,
    risk_model_id: assessment.modelId,
    risk_model_version: assessment.modelVersion?.toString() ?? null,
    risk_score: assessment.score,
    salt: assessment.salt,
  });
}

/** By which the ledger refers to the row. */
export function assessmentDigest(assessment: Assessment): Digest {
  return sha256(assessmentRecord(assessment));
}
