/**
 * Replay: what was recorded of an event is computed once more, under the versions that the record names and from the
 * facts that are stored, and must come out the same, byte for byte of canonical JSON.
 *
 * Where it does not, the cause is looked for in what went in: a payload, a version or a record that is not what its
 * digest says. When all of those are as they were, the program answers differently than it did.
 */
import {
  type Advisory,
  advisoryDigest,
  type Evaluation,
  evaluate,
  evaluationDigest,
  type KeptEvaluation,
  type Proposal,
} from './advisory.ts';
import { canonicalJson } from './canonical.ts';
import { sha256 } from './digest.ts';
import {
  arrangePolicies,
  compilePolicy,
  type Policy,
  policyDigest,
  type StoredPolicy,
} from './policy.ts';
import {
  type Assessment,
  assessmentDigest,
  compileRiskModel,
  modelDigest,
  type RiskModel,
  type StoredRiskModel,
  unweighed,
  type Weighing,
} from './risk.ts';
import type { EventFact, RiskFact } from './rules.ts';

/** Everything that is stored of one event's way to its advisories. */
export interface RecordedRun {
  readonly event: EventFact;
  /** `sha256:` and the digest of the canonical payload, as the source's event was taken in. */
  readonly payloadReference: string;
  readonly assessment: Assessment & { readonly rowDigest: string };
  /** Undefined for an event that has not been evaluated yet. */
  readonly evaluation?: KeptEvaluation & { readonly rowDigest: string };
  readonly advisories: readonly (Advisory & { readonly rowDigest: string })[];
}

/** The versions that records name. */
export interface PinnedVersions {
  /** Undefined when it is not stored. */
  model(modelId: string, version: number): StoredRiskModel | undefined;
  /** By `name@version`. */
  policy(label: string): StoredPolicy | undefined;
}

export const replayCauses = {
  payload_changed: 'the stored payload is not the one that was taken in',
  model_missing: 'the risk model of the record is not stored',
  model_changed: 'the risk model is not the one that was approved',
  policy_missing: 'a policy version of the record is not stored',
  policy_changed: 'a policy version is not the one that was approved',
  record_changed: 'the record is not what was kept',
  program_changed: 'nothing that went in has changed: the program answers differently',
} as const;
export type ReplayCause = keyof typeof replayCauses;

export interface Difference {
  readonly what: 'assessment' | 'evaluation';
  readonly cause: ReplayCause;
  /** The version or row that the cause is about. */
  readonly of?: string;
  /** As far as both could be computed. */
  readonly recorded: unknown;
  readonly replayed: unknown;
}

export interface Replayer {
  /** None when everything came out the same. */
  replay(run: RecordedRun): Promise<readonly Difference[]>;
}

/** Keeps what it compiles: a range of events names the same few versions again and again. */
export function createReplayer(versions: PinnedVersions): Replayer {
  const models = new Map<string, RiskModel>();
  const policies = new Map<string, Policy>();

  function compiledModel(stored: StoredRiskModel): RiskModel {
    const key = `${stored.modelId}@${stored.version}`;
    const model = models.get(key) ?? compileRiskModel(stored);
    models.set(key, model);
    return model;
  }
  function compiledPolicy(label: string, stored: StoredPolicy): Policy {
    const policy = policies.get(label) ?? compilePolicy(stored);
    policies.set(label, policy);
    return policy;
  }

  async function replayAssessment(run: RecordedRun): Promise<Difference | undefined> {
    const { event, assessment } = run;
    const recorded = weighingOf(assessment);
    const { modelId, modelVersion } = assessment;
    const fault = faultInput(run) ?? faultModel(run, versions);
    const stored =
      modelId === null || modelVersion === null ? undefined : versions.model(modelId, modelVersion);
    const replayed =
      modelId === null
        ? unweighed('no risk model is in force')
        : stored && (await compiledModel(stored).weigh(event));
    return differenceOf('assessment', recorded, replayed, fault);
  }

  async function replayEvaluation(run: RecordedRun): Promise<Difference | undefined> {
    const { event, assessment, evaluation, advisories } = run;
    if (evaluation === undefined) return undefined;
    const labels = evaluation.asked.map(({ policy }) => policy);
    const stored = labels.flatMap((label) => {
      const policy = versions.policy(label);
      return policy === undefined ? [] : [compiledPolicy(label, policy)];
    });
    const facts = { event, risk: riskOf(assessment) };
    const said = await evaluate({ facts, assessment }, arrangePolicies(stored));
    const recorded = { outcome: evaluation.outcome, asked: evaluation.asked, advisories };
    const fault = faultInput(run) ?? faultPolicies(labels, versions);
    return differenceOf('evaluation', resultOf(recorded), resultOf(asRecorded(said)), fault);
  }

  return {
    async replay(run) {
      const differences = [await replayAssessment(run), await replayEvaluation(run)];
      return differences.filter((difference) => difference !== undefined);
    },
  };
}

/** The assessment as policies saw it. */
export function riskOf({ score, level, contributions }: Weighing): RiskFact {
  const held = contributions.filter((contribution) => contribution.held === true);
  return {
    score: score === null ? null : Number(score),
    level,
    contributions: held.map(({ factor, points }) => ({ factor, points })),
  };
}

type Fault = Pick<Difference, 'cause' | 'of'>;

/** Everything that went in is compared with its digest also where the result is the same: a change is no matter of luck. */
function differenceOf(
  what: Difference['what'],
  recorded: unknown,
  replayed: unknown,
  fault: Fault | undefined,
): Difference | undefined {
  const isSame = replayed !== undefined && textOf(recorded) === textOf(replayed);
  if (isSame && fault === undefined) return undefined;
  return { what, ...(fault ?? { cause: 'program_changed' }), recorded, replayed: replayed ?? null };
}

/** Members without a value are none in a stored row. */
const textOf = (value: unknown): string => canonicalJson(JSON.parse(JSON.stringify(value)));

function faultInput({
  event,
  payloadReference,
  assessment,
  evaluation,
  advisories,
}: RecordedRun): Fault | undefined {
  if (`sha256:${sha256(canonicalJson(event.data))}` !== payloadReference) {
    return { cause: 'payload_changed', of: event.id };
  }
  const { rowDigest, ...row } = assessment;
  if (assessmentDigest(row) !== rowDigest) {
    return { cause: 'record_changed', of: `assessment ${assessment.assessmentId}` };
  }
  if (evaluation !== undefined && evaluationDigest(evaluation) !== evaluation.rowDigest) {
    return { cause: 'record_changed', of: `evaluation ${evaluation.evaluationId}` };
  }
  const altered = advisories.find((advisory) => advisoryDigest(advisory) !== advisory.rowDigest);
  return altered && { cause: 'record_changed', of: `advisory ${altered.advisoryId}` };
}

function faultModel({ assessment }: RecordedRun, versions: PinnedVersions): Fault | undefined {
  const { modelId, modelVersion } = assessment;
  if (modelId === null || modelVersion === null) return undefined;
  const stored = versions.model(modelId, modelVersion);
  const of = `${stored?.definition.risk_model ?? modelId}@${modelVersion}`;
  if (stored === undefined) return { cause: 'model_missing', of };
  return modelDigest(stored.definition) === stored.definitionSha256
    ? undefined
    : { cause: 'model_changed', of };
}

function faultPolicies(labels: readonly string[], versions: PinnedVersions): Fault | undefined {
  for (const of of labels) {
    const stored = versions.policy(of);
    if (stored === undefined) return { cause: 'policy_missing', of };
    if (policyDigest(stored.definition) !== stored.definitionSha256) {
      return { cause: 'policy_changed', of };
    }
  }
  return undefined;
}

const weighingOf = ({ score, level, contributions }: Weighing): Weighing => ({
  score,
  level,
  contributions,
});

interface Result {
  readonly outcome: string;
  readonly asked: unknown;
  readonly advisories: readonly Proposal[];
}

const asRecorded = ({ outcome, asked, proposals }: Evaluation): Result => ({
  outcome,
  asked,
  advisories: proposals,
});

/** In an order of their own, since rows have none. */
function resultOf({ outcome, asked, advisories }: Result): Result {
  const said = advisories.map((advisory) => ({
    policyId: advisory.policyId,
    policyVersion: advisory.policyVersion,
    riskLevel: advisory.riskLevel,
    basis: advisory.basis,
    options: advisory.options,
    justification: advisory.justification,
    conditions: advisory.conditions,
    conflict: advisory.conflict,
  }));
  const byPolicy = (one: Proposal, other: Proposal) => (one.policyId < other.policyId ? -1 : 1);
  return { outcome, asked, advisories: said.toSorted(byPolicy) };
}
