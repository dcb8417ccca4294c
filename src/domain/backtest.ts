/**
 * Backtest: what a policy that is not in force would have said of the events on record, beside what the versions in force
 * said of them. Events come one after the other and only sums and some examples are kept, so a range may be of any
 * length, and a run that was interrupted goes on from the state that it left.
 *
 * Events are asked with the assessment on record: a draft is compared under the risk that people saw.
 */
import { evaluate } from './advisory.ts';
import { requirementFor } from './authority.ts';
import { canonicalJson } from './canonical.ts';
import { type Digest, sha256 } from './digest.ts';
import { arrangePolicies, type Policy } from './policy.ts';
import { type RecordedRun, riskOf } from './replay.ts';
import { type RiskLevel, riskLevels } from './risk-level.ts';

/** How people decided on the advisory of a version in force. */
export type PastDecision = 'approved' | 'rejected' | 'override';

/** An event on record, and what people said of the advisory that this policy gave, when it gave one. */
export interface BacktestedRun extends RecordedRun {
  readonly eventId: string;
  readonly decision?: PastDecision | undefined;
}

export interface BacktestCounts {
  /** Those on record; every other count is of some of them. */
  readonly events: number;
  /** An advisory then and with the draft; only with the draft; only then; neither. */
  readonly kept: number;
  readonly gained: number;
  readonly lost: number;
  readonly silent: number;
  /** Of kept and gained: those that the draft could not answer. */
  readonly unknown: number;
  /** Lost although people acted on it, and kept although people rejected it. */
  readonly lostButApproved: number;
  readonly keptButRejected: number;
  /** People who had to agree then, and who would have with the draft: seats of the authority table. */
  readonly seatsThen: number;
  readonly seatsWithDraft: number;
}

export interface BacktestState {
  readonly policy: string;
  readonly definitionSha256: string;
  readonly from: string;
  readonly to: string;
  /** The last event that is counted. */
  readonly after: { readonly receivedAt: string; readonly eventId: string } | null;
  readonly counts: BacktestCounts;
  /** Advisories gained and lost, by the level of the event. */
  readonly levels: Readonly<Record<RiskLevel, { readonly gained: number; readonly lost: number }>>;
  /** Ids of the first events of each kind. */
  readonly examples: Readonly<Record<Example, readonly string[]>>;
}

export const exampleKinds = [
  'gained',
  'lost',
  'unknown',
  'lostButApproved',
  'keptButRejected',
] as const;
type Example = (typeof exampleKinds)[number];

const EXAMPLES_MAX = 10;

export function beginBacktest(
  policy: Policy,
  { from, to }: { readonly from: string; readonly to: string },
): BacktestState {
  return {
    policy: policy.label,
    definitionSha256: policy.stored.definitionSha256,
    from,
    to,
    after: null,
    counts: {
      events: 0,
      kept: 0,
      gained: 0,
      lost: 0,
      silent: 0,
      unknown: 0,
      lostButApproved: 0,
      keptButRejected: 0,
      seatsThen: 0,
      seatsWithDraft: 0,
    },
    levels: Object.fromEntries(
      riskLevels.map((level) => [level, { gained: 0, lost: 0 }]),
    ) as BacktestState['levels'],
    examples: { gained: [], lost: [], unknown: [], lostButApproved: [], keptButRejected: [] },
  };
}

/** A state that another run of the same backtest left; undefined when it is of another one. */
export function isOfBacktest(state: BacktestState, begun: BacktestState): boolean {
  return (['policy', 'definitionSha256', 'from', 'to'] as const).every(
    (member) => state[member] === begun[member],
  );
}

/** Counts one more event. */
export async function countRun(
  state: BacktestState,
  policy: Policy,
  run: BacktestedRun & { readonly receivedAt: string },
): Promise<BacktestState> {
  const { event, assessment, eventId, receivedAt, decision } = run;
  const facts = { event, risk: riskOf(assessment) };
  const said = await evaluate({ facts, assessment }, arrangePolicies([policy]));
  const fires = said.proposals.length > 0;
  const fired = firedThen(run, policy.stored.name);
  const isUnknown = said.outcome === 'UNKNOWN';
  const seats = (is: boolean, level: RiskLevel) =>
    is ? requirementFor(level, { raisedBy: 0 }).seats.length : 0;
  const kinds: Readonly<Record<Example, boolean>> = {
    gained: fires && !fired,
    lost: fired && !fires,
    unknown: isUnknown,
    lostButApproved: fired && !fires && (decision === 'approved' || decision === 'override'),
    keptButRejected: fired && fires && decision === 'rejected',
  };
  const { counts, levels, examples } = state;
  const { level } = assessment;
  return {
    ...state,
    after: { receivedAt, eventId },
    counts: {
      events: counts.events + 1,
      kept: counts.kept + Number(fired && fires),
      gained: counts.gained + Number(kinds.gained),
      lost: counts.lost + Number(kinds.lost),
      silent: counts.silent + Number(!fired && !fires),
      unknown: counts.unknown + Number(isUnknown),
      lostButApproved: counts.lostButApproved + Number(kinds.lostButApproved),
      keptButRejected: counts.keptButRejected + Number(kinds.keptButRejected),
      seatsThen: counts.seatsThen + seats(fired, level),
      seatsWithDraft: counts.seatsWithDraft + seats(fires, isUnknown ? 'UNKNOWN' : level),
    },
    levels: {
      ...levels,
      [level]: {
        gained: levels[level].gained + Number(kinds.gained),
        lost: levels[level].lost + Number(kinds.lost),
      },
    },
    examples: Object.fromEntries(
      exampleKinds.map((kind) => {
        const some = examples[kind];
        return [kind, kinds[kind] && some.length < EXAMPLES_MAX ? [...some, eventId] : some];
      }),
    ) as unknown as BacktestState['examples'],
  };
}

/** Whether any version of the policy gave an advisory then. */
function firedThen({ evaluation }: RecordedRun, name: string): boolean {
  return (evaluation?.asked ?? []).some(
    ({ policy, result }) =>
      policy.slice(0, policy.lastIndexOf('@')) === name && result !== 'not matched',
  );
}

/** By which a report is named once it is complete. */
export function reportDigest(state: BacktestState): Digest {
  return sha256(canonicalJson(state));
}
