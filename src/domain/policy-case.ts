/**
 * Cases: what a policy is expected to say of an event, written beside it in the same document. They are tests of the
 * version and no part of it, so a case may be added to a version that is in force.
 */
import { type Evaluation, evaluate } from './advisory.ts';
import type { JsonValue } from './json.ts';
import { arrangePolicies, type Policy } from './policy.ts';
import type { RiskLevel } from './risk-level.ts';
import type { Evidence } from './rules.ts';

/** `not asked`: the event is none of those in `applies_to`. */
export const caseOutcomes = ['matched', 'not matched', 'unknown', 'not asked'] as const;
export type CaseOutcome = (typeof caseOutcomes)[number];

export interface PolicyCase {
  readonly case: string;
  readonly event: {
    readonly type: string;
    readonly source?: string;
    readonly id?: string;
    readonly subject?: string;
    /** RFC 3339. */
    readonly time?: string;
    readonly data: JsonValue;
  };
  /** LOW with a score of 0 when not given; for UNKNOWN the score is null. */
  readonly risk?: { readonly score: number | null; readonly level: RiskLevel };
  readonly expect: CaseOutcome;
  /** Names of the options that are offered, in their order; not compared when not given. */
  readonly options?: readonly string[];
}

export interface CaseResult {
  readonly case: string;
  readonly passed: boolean;
  readonly expected: CaseOutcome;
  readonly actual: CaseOutcome;
  /** The options offered, where the case names some. */
  readonly options?: { readonly expected: readonly string[]; readonly actual: readonly string[] };
  /** What each condition saw. */
  readonly evidence: readonly Evidence[];
}

const SOURCE = 'urn:sentinelops:case';
const TIME = '2026-01-01T12:00:00.000000Z';

/** Evaluates the event of a case as the pipeline would, with this policy alone in force. */
export async function runCase(policy: Policy, tested: PolicyCase): Promise<CaseResult> {
  const { event, risk = { score: 0, level: 'LOW' }, expect, options } = tested;
  const { source = SOURCE, id = '1', type, subject = null, time = TIME, data } = event;
  const facts = {
    event: structuredClone({ source, id, type, subject, time, data }),
    risk: { ...risk, contributions: [] },
  };
  const score = risk.score === null ? null : String(risk.score);
  const assessment = { score, level: risk.level, contributions: [] };
  const evaluation = await evaluate({ facts, assessment }, arrangePolicies([policy]));
  const actual = caseOutcomeOf(evaluation);
  const offered = evaluation.proposals[0]?.options.map(({ option }) => option) ?? [];
  return {
    case: tested.case,
    passed: actual === expect && (options === undefined || options.join() === offered.join()),
    expected: expect,
    actual,
    ...(options && { options: { expected: options, actual: offered } }),
    evidence: actual === 'not asked' ? [] : (await policy.rule.ask(facts)).evidence,
  };
}

/** A policy that holds, but whose command cannot be filled in from the event, is as unknown as one that does not answer. */
export function caseOutcomeOf({ outcome, asked }: Evaluation): CaseOutcome {
  if (asked.length === 0) return 'not asked';
  return outcome === 'UNKNOWN' ? 'unknown' : outcome === 'MATCH' ? 'matched' : 'not matched';
}
