/**
 * A person's act on a review: whether it may be done, and what becomes of the round with it.
 *
 * `admitAct` is the only judgement of a single act: the decision command asks it before it records one, and the detail
 * of a review asks it to tell people what they may do and what keeps them from the rest.
 */
import {
  alternativesOf,
  type DecidingRole,
  isDecidingRole,
  overridingRoles,
  type Requirement,
  type Role,
} from './authority.ts';
import {
  type Act,
  type Approval,
  acts,
  type Excluded,
  type Exclusion,
  type Judgement,
  judge,
  overrides,
  type Proof,
} from './judgement.ts';
import type { DecisionState } from './decision.ts';
import type { Digest } from './digest.ts';
import type { ApprovalId, BulkId, DecisionId, DelegationId, PersonId, ReviewId } from './ids.ts';
import { isRefusal, type ProblemCode, type Refusal, refuse } from './problem.ts';
import { isAtLeast, type KnownRiskLevel, type RiskLevel } from './risk-level.ts';
import type { Timestamp } from './time.ts';

/** The newest round of a review with all that an act on it depends on, read in one transaction. */
export interface OpenRound {
  /** `pending` while people may act. */
  readonly state: DecisionState;
  readonly riskLevel: RiskLevel;
  /** Whether the advisory contradicts another one of its event. */
  readonly conflict: boolean;
  readonly requirement: Requirement;
  /** Recomputed from the rows just read. */
  readonly viewDigest: Digest;
  /** The options that may be approved, by their names. */
  readonly options: readonly string[];
  readonly approvals: readonly Approval[];
  readonly excluded: Excluded;
  /** Whether the ledger could be written a moment ago. */
  readonly ledgerHealthy: boolean;
}

/** A person with the roles that they hold at this moment, and those that others let them act in. */
export interface Reviewer {
  readonly personId: PersonId;
  readonly roles: readonly Role[];
  readonly delegated: readonly DelegatedRole[];
}

/** A role of somebody else in which a person may act, under a delegation that is in force. */
export interface DelegatedRole {
  readonly delegationId: DelegationId;
  readonly delegator: PersonId;
  readonly delegatorName: string;
  readonly role: DecidingRole;
  /** The highest level that it covers; CRITICAL covers UNKNOWN too. */
  readonly upToLevel: KnownRiskLevel;
}

/** What a person asks for. */
export interface Attempt {
  readonly act: Act;
  /** May be left out by whoever can act in one role only. */
  readonly role?: Role | undefined;
  /** Whose role it is, to act under a delegation. */
  readonly onBehalfOf?: PersonId | undefined;
  readonly option?: string | undefined;
  /** Given together with acts on other reviews of the policy. */
  readonly bulkId?: BulkId | undefined;
  readonly justification: string;
  /** The digest of what the person was shown. */
  readonly viewDigest: string;
}

/** The act as it is recorded. */
export interface AdmittedAct {
  readonly act: Act;
  readonly role: DecidingRole;
  readonly onBehalfOf: PersonId | null;
  readonly delegationId: DelegationId | null;
  readonly bulkId: BulkId | null;
  readonly optionId: string | null;
  readonly justification: string;
}

/** One request to decide. */
export interface DecisionRequest extends Attempt {
  readonly personId: PersonId;
  readonly reviewId: ReviewId;
  /** The open reviews that contradict this one, as the person was shown them: they are decided together with it. */
  readonly together?: readonly ShownReview[] | undefined;
}

/** A review with the digest of what the person was shown of it. */
export interface ShownReview {
  readonly reviewId: ReviewId;
  readonly viewDigest: string;
}

/** What stands after a request, whether it acted now or is the repeat of an act that stands. */
export interface DecisionAnswer {
  readonly reviewId: ReviewId;
  /** The round that was acted on. */
  readonly decisionId: DecisionId;
  readonly round: number;
  readonly approvalId: ApprovalId;
  readonly state: DecisionState;
  /** What is still missing while the round is pending, as in `Judgement`. */
  readonly remaining: Judgement['remaining'];
  readonly missing: Judgement['reasons'];
  readonly optionId: string | null;
  readonly finalizedAt: Timestamp | null;
  readonly expiresAt: Timestamp | null;
  /** Rounds of contradicting reviews that ended with this act. */
  readonly together: readonly {
    readonly reviewId: ReviewId;
    readonly decisionId: DecisionId;
    readonly state: DecisionState;
  }[];
  readonly isRepeat: boolean;
}

/**
 * The one way in to decide: console, API and command line call it. Resolves after COMMIT; a repeat of an act that stands
 * gets the answer that stands. Refusals beside those of `admitAct`: `unknown_review`, `unavailable`, `outcome_unknown`,
 * `internal`.
 */
export type Decide = (request: DecisionRequest) => Promise<DecisionAnswer | Refusal>;

export const JUSTIFICATION_CHARACTERS_MAX = 4_000;

/**
 * Whether a person may act on the round as they ask. Refusals: `already_decided`, `bulk_not_allowed`, `already_acted`, `author_excluded`,
 * `subject_excluded`, `escalator_excluded`, `not_delegated`, `not_authorised`, `role_not_held`, `role_required`,
 * `override_required`, `view_changed`, `ledger_unavailable`, `bad_string`, `justification_required`, `option_required`,
 * `unknown_option`, `other_option`.
 */
export function admitAct(
  round: OpenRound,
  reviewer: Reviewer,
  attempt: Attempt,
): AdmittedAct | Refusal {
  if (round.state !== 'pending') {
    return refuse('already_decided', `the review is ${round.state} already`);
  }
  if (attempt.bulkId !== undefined && (round.conflict || isAtLeast(round.riskLevel, 'HIGH'))) {
    return refuse('bulk_not_allowed', `${round.conflict ? 'a conflict' : round.riskLevel}`);
  }
  const acted = refuseSecondAct(round, reviewer, attempt.onBehalfOf);
  if (acted !== undefined) return acted;
  const role = admitRole(round, reviewer, attempt);
  if (typeof role !== 'string') return role;
  if (attempt.viewDigest !== round.viewDigest) {
    return refuse('view_changed', 'the view_digest is not that of the review as it stands', {
      members: { current_view_digest: round.viewDigest },
    });
  }
  if (!round.ledgerHealthy) {
    return refuse('ledger_unavailable', 'the ledger has not been written to for 5 seconds');
  }
  const justification = admitJustification(attempt);
  if (typeof justification !== 'string') return justification;
  const option = admitOption(round, attempt);
  if (typeof option === 'object' && option !== null) return option;
  const { onBehalfOf = null } = attempt;
  const delegationId = delegationFor(round, reviewer, role, onBehalfOf);
  const { act, bulkId = null } = attempt;
  return { act, role, onBehalfOf, delegationId, bulkId, optionId: option, justification };
}

/** Whoever lets somebody act for them acts through that person: each of the two acts once in a round. */
function refuseSecondAct(
  { approvals }: OpenRound,
  { personId }: Reviewer,
  onBehalfOf: PersonId | undefined,
): Refusal | undefined {
  if (approvals.some((one) => one.personId === personId)) {
    return refuse('already_acted', 'you have acted in this round already');
  }
  if (approvals.some((one) => one.onBehalfOf === personId)) {
    return refuse('already_acted', 'somebody has acted on your behalf in this round already');
  }
  const isActedFor = approvals.some((one) =>
    [one.personId, one.onBehalfOf].includes(onBehalfOf ?? null),
  );
  return onBehalfOf !== undefined && isActedFor
    ? refuse('already_acted', 'whom you act for has acted in this round already')
    : undefined;
}

function delegationFor(
  round: OpenRound,
  reviewer: Reviewer,
  role: DecidingRole,
  delegator: PersonId | null,
): DelegationId | null {
  const used = delegatedBy(round, reviewer, delegator).find((one) => one.role === role);
  return used?.delegationId ?? null;
}

/** What a person may do on the round in the name of `delegator`. */
function delegatedBy(
  { riskLevel }: Pick<OpenRound, 'riskLevel'>,
  { delegated }: Reviewer,
  delegator: PersonId | null,
): readonly DelegatedRole[] {
  return delegated.filter(
    (one) =>
      one.delegator === delegator &&
      (one.upToLevel === 'CRITICAL' || isAtLeast(one.upToLevel, riskLevel)),
  );
}

/**
 * What ends the rounds of the reviews that contradict one whose round ends as `state`: approving one rejects the others,
 * rejecting it rejects them too, and they rise together. Null while the round is pending.
 */
export function actOnContradicting(state: DecisionState): 'reject' | 'escalate' | null {
  if (state === 'pending') return null;
  return state === 'escalated' ? 'escalate' : 'reject';
}

function admitRole(
  round: OpenRound,
  reviewer: Reviewer,
  { act, role, onBehalfOf }: Attempt,
): DecidingRole | Refusal {
  const possible = rolesFor(round, reviewer, act, onBehalfOf);
  if (isRefusal(possible)) return possible;
  if (role !== undefined) {
    const isHeld = onBehalfOf !== undefined || reviewer.roles.includes(role);
    if (!isHeld) return refuse('role_not_held', `you are no ${role}`);
    return (
      possible.find((one) => one === role) ??
      refuse('not_authorised', `a ${role} cannot ${act} here; you can as ${possible.join(' or ')}`)
    );
  }
  const [only, ...others] = possible;
  if (only !== undefined && others.length === 0) return only;
  return refuse('role_required', `you can ${act} as ${possible.join(' or ')}: name the role`);
}

/**
 * The roles in which a person may perform the act, never none. Whoever decides has a seat in the round; only calling for
 * a higher authority takes no seat. At an unknown risk those who may override must do so, and the others second them.
 */
function rolesFor(
  round: OpenRound,
  reviewer: Reviewer,
  act: Act,
  onBehalfOf: PersonId | undefined,
): readonly DecidingRole[] | Refusal {
  const barred = refuseExcluded(round, reviewer, onBehalfOf);
  if (barred !== undefined) return barred;
  const deciding =
    onBehalfOf === undefined
      ? reviewer.roles.filter(isDecidingRole)
      : delegatedBy(round, reviewer, onBehalfOf).map(({ role }) => role);
  if (deciding.length === 0) {
    return onBehalfOf === undefined
      ? refuse('not_authorised', 'you hold no role that decides')
      : refuse('not_delegated', 'no delegation from that person covers this review');
  }
  if (act === 'escalate') return deciding;
  const seats = alternativesOf(round.requirement).flatMap((alternative) => alternative.seats);
  const seated = deciding.filter((role) => seats.some((seat) => seat.includes(role)));
  if (seated.length === 0) {
    return refuse('not_authorised', `this round is not for a ${deciding.join(' or ')} to decide`);
  }
  if (act === 'reject') return seated;
  const mayOverride = seated.filter((role) => overridingRoles.includes(role));
  if (act === 'override') {
    if (mayOverride.length > 0) return mayOverride;
    return refuse('not_authorised', `an override takes a ${overridingRoles.join(' or ')}`);
  }
  if (round.riskLevel !== 'UNKNOWN') return seated;
  const seconding = seated.filter((role) => !overridingRoles.includes(role));
  if (seconding.length > 0) return seconding;
  return refuse('override_required', 'the risk is unknown');
}

const excludedBecause: Readonly<Record<Exclusion, readonly [ProblemCode, string]>> = {
  policy_author: ['author_excluded', 'wrote the policy that this review is about'],
  event_subject: ['subject_excluded', 'are whom the event is about'],
  escalated: ['escalator_excluded', 'escalated this review'],
};

/** Whoever has no say has none through others either. */
function refuseExcluded(
  { excluded }: OpenRound,
  { personId }: Reviewer,
  onBehalfOf: PersonId | undefined,
): Refusal | undefined {
  const own = excluded.get(personId);
  const why = own ?? (onBehalfOf === undefined ? undefined : excluded.get(onBehalfOf));
  if (why === undefined) return undefined;
  const [code, because] = excludedBecause[why];
  return refuse(code, own === undefined ? `those whom you act for ${because}` : `you ${because}`);
}

function admitJustification({ act, justification }: Attempt): string | Refusal {
  const text = justification.trim();
  if (!text.isWellFormed() || text.includes('\u0000')) {
    return refuse('bad_string', 'the justification has characters that cannot be stored');
  }
  if (text === '' && act !== 'approve') {
    return refuse('justification_required', `to ${act} takes a justification`);
  }
  return text;
}

/** Null for the acts that name none. */
function admitOption(round: OpenRound, { act, option }: Attempt): string | null | Refusal {
  if (act === 'reject' || act === 'escalate') return null;
  const offered = round.options.join(', ') || 'none';
  if (option === undefined) {
    return refuse('option_required', `name the option to ${act}: ${offered}`);
  }
  if (!round.options.includes(option)) {
    return refuse('unknown_option', `the advisory offers: ${offered}`);
  }
  const chosen = optionOf(round.approvals);
  if (chosen !== null && chosen !== option) {
    return refuse('other_option', `this round has approvals of ${chosen}`);
  }
  return option;
}

/** The option that the approvals of a round name; all name the same one. Null when there is none yet. */
export function optionOf(approvals: readonly Approval[]): string | null {
  return approvals.find(({ optionId }) => optionId !== null)?.optionId ?? null;
}

/** What a round comes to with the acts that it has, and what it lacks while it is pending. */
export interface Conclusion {
  readonly state: DecisionState;
  readonly remaining: Judgement['remaining'];
  readonly missing: Judgement['reasons'];
  /** Why it is sufficient; null unless these acts make it approved. */
  readonly proof: Proof | null;
}

export function concludeRound(
  round: Pick<OpenRound, 'state' | 'requirement' | 'riskLevel' | 'excluded' | 'approvals'>,
): Conclusion {
  const { state, requirement, riskLevel, approvals, excluded } = round;
  const ended = { remaining: [], missing: [], proof: null };
  // Whoever leaves office afterwards takes nothing back from a round that is over.
  if (state !== 'pending') return { state, ...ended };
  if (approvals.some(({ act }) => act === 'reject')) return { state: 'rejected', ...ended };
  if (approvals.some(({ act }) => act === 'escalate')) return { state: 'escalated', ...ended };
  const { sufficient, proof, remaining, reasons } = judge(
    requirement,
    riskLevel,
    approvals,
    excluded,
  );
  if (sufficient) {
    const isOverridden = approvals.some((one) => one.inOffice && overrides(one));
    return { ...ended, state: isOverridden ? 'override' : 'approved', proof };
  }
  return { state: 'pending', remaining, missing: reasons, proof: null };
}

/** One act as a person may or may not perform it now. */
export interface Permission {
  readonly act: Act;
  /** The roles of their own in which they may. */
  readonly roles: readonly DecidingRole[];
  /** The roles of others in which they may. */
  readonly delegated: readonly DelegatedRole[];
  /** Why they may not, as things stand; null when they may. */
  readonly refusal: Refusal | null;
}

/** What the person may do on the round and what keeps them from the rest, by trying every act the way it is tried. */
export function permissionsOf(round: OpenRound, reviewer: Reviewer): readonly Permission[] {
  return acts.map((act) => {
    const possible = rolesFor(round, reviewer, act, undefined);
    const [role] = isRefusal(possible) ? [] : possible;
    const own = tryAct(round, reviewer, act, role);
    const delegated = reviewer.delegated.filter(
      (one) => !isRefusal(tryAct(round, reviewer, act, one.role, one.delegator)),
    );
    return {
      act,
      roles: isRefusal(own) || isRefusal(possible) ? [] : possible,
      delegated,
      refusal: isRefusal(own) && delegated.length === 0 ? own : null,
    };
  });
}

function tryAct(
  round: OpenRound,
  reviewer: Reviewer,
  act: Act,
  role: DecidingRole | undefined,
  onBehalfOf?: PersonId,
): AdmittedAct | Refusal {
  return admitAct(round, reviewer, {
    act,
    role,
    onBehalfOf,
    option: optionOf(round.approvals) ?? round.options[0],
    justification: 'a justification',
    viewDigest: round.viewDigest,
  });
}
