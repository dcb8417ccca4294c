/** What-if: what a version that is not in force would have said of an event on record, condition by condition. */
import { type AskedPolicy, evaluate, type RecommendationOption } from './advisory.ts';
import { arrangePolicies, type Policy } from './policy.ts';
import { type CaseOutcome, caseOutcomeOf } from './policy-case.ts';
import { type RecordedRun, riskOf } from './replay.ts';
import type { Evidence } from './rules.ts';

export interface WhatIf {
  readonly policy: string;
  readonly outcome: CaseOutcome;
  /** What every condition saw, also of an event that the policy is not asked about. */
  readonly conditions: readonly Evidence[];
  /** What it would offer, with commands filled in from the event. */
  readonly options: readonly RecommendationOption[];
  /** Why, in the words of an advisory; null where there would be none. */
  readonly justification: string | null;
  /** What the versions in force said at the time; none for an event that waits for its evaluation. */
  readonly recorded: readonly AskedPolicy[];
}

/** Asks the policy alone, with the assessment that is on record. */
export async function whatIf(policy: Policy, run: RecordedRun): Promise<WhatIf> {
  const { event, assessment, evaluation } = run;
  const facts = { event, risk: riskOf(assessment) };
  const said = await evaluate({ facts, assessment }, arrangePolicies([policy]));
  const [proposal] = said.proposals;
  return {
    policy: policy.label,
    outcome: caseOutcomeOf(said),
    conditions: (await policy.rule.ask(facts)).evidence,
    options: proposal?.options ?? [],
    justification: proposal?.justification ?? null,
    recorded: evaluation?.asked ?? [],
  };
}
