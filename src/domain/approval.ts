/**
 * A person's act on a review: whether it may be done, and what becomes of the round with it.
 *
 * `admitAct` is the only judgement of a single act: the decision command asks it before it records one, and the detail
 * of a review asks it to tell people what they may do and what keeps them from the rest.
 */
import {
  type Act,
  type Approval,
  acts,
  type DecidingRole,
  isDecidingRole,
  type Judgement,
  judge,
  overridingRoles,
  overrides,
  type Requirement,
  type Role,
} from './authority.ts';
import type { DecisionState } from './decision.ts';
import type { Digest } from './digest.ts';
import type { ApprovalId, DecisionId, PersonId, ReviewId } from './ids.ts';
import { isRefusal, type Refusal, refuse } from './problem.ts';
import type { RiskLevel } from './risk-level.ts';
import type { Timestamp } from './time.ts';

/** The newest round of a review with all that an act on it depends on, read in one transaction. */
export interface OpenRound {
  /** `pending` while people may act. */
  readonly state: DecisionState;
  readonly riskLevel: RiskLevel;
  readonly requirement: Requirement;
  /** Recomputed from the rows just read. */
  readonly viewDigest: Digest;
  /** The options that may be approved, by their names. */
  readonly options: readonly string[];
  readonly approvals: readonly Approval[];
  readonly policyAuthor: PersonId;
  /** Whether the ledger could be written a moment ago. */
  readonly ledgerHealthy: boolean;
}

/** A person with the roles that they hold at this moment. */
export interface Reviewer {
  readonly personId: PersonId;
  readonly roles: readonly Role[];
}

/** What a person asks for. */
export interface Attempt {
  readonly act: Act;
  /** May be left out by whoever can act in one role only. */
  readonly role?: Role | undefined;
  readonly option?: string | undefined;
  readonly justification: string;
  /** The digest of what the person was shown. */
  readonly viewDigest: string;
}

/** The act as it is recorded. */
export interface AdmittedAct {
  readonly act: Act;
  readonly role: DecidingRole;
  readonly optionId: string | null;
  readonly justification: string;
}

/** One request to decide. */
export interface DecisionRequest extends Attempt {
  readonly personId: PersonId;
  readonly reviewId: ReviewId;
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
 * Whether a person may act on the round as they ask. Refusals: `already_decided`, `already_acted`, `author_excluded`,
 * `not_authorised`, `role_not_held`, `role_required`, `override_required`, `view_changed`, `ledger_unavailable`,
 * `bad_string`, `justification_required`, `option_required`, `unknown_option`, `other_option`.
 */
export function admitAct(
  round: OpenRound,
  reviewer: Reviewer,
  attempt: Attempt,
): AdmittedAct | Refusal {
  if (round.state !== 'pending') {
    return refuse('already_decided', `the review is ${round.state} already`);
  }
  if (round.approvals.some(({ personId }) => personId === reviewer.personId)) {
    return refuse('already_acted', 'you have acted in this round already');
  }
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
  return { act: attempt.act, role, optionId: option, justification };
}

function admitRole(
  round: OpenRound,
  reviewer: Reviewer,
  { act, role }: Attempt,
): DecidingRole | Refusal {
  const possible = rolesFor(round, reviewer, act);
  if (isRefusal(possible)) return possible;
  if (role !== undefined) {
    if (!reviewer.roles.includes(role)) return refuse('role_not_held', `you are no ${role}`);
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
  { personId, roles }: Reviewer,
  act: Act,
): readonly DecidingRole[] | Refusal {
  if (personId === round.policyAuthor) {
    return refuse('author_excluded', 'you wrote the policy that this review is about');
  }
  const deciding = roles.filter(isDecidingRole);
  if (deciding.length === 0) return refuse('not_authorised', 'you hold no role that decides');
  if (act === 'escalate') return deciding;
  const seated = deciding.filter((role) =>
    round.requirement.seats.some((seat) => seat.includes(role)),
  );
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
}

export function concludeRound(
  round: Pick<OpenRound, 'state' | 'requirement' | 'riskLevel' | 'policyAuthor' | 'approvals'>,
): Conclusion {
  const { state, requirement, riskLevel, approvals } = round;
  const ended = { remaining: [], missing: [] };
  // Whoever leaves office afterwards takes nothing back from a round that is over.
  if (state !== 'pending') return { state, ...ended };
  if (approvals.some(({ act }) => act === 'reject')) return { state: 'rejected', ...ended };
  if (approvals.some(({ act }) => act === 'escalate')) return { state: 'escalated', ...ended };
  const excluded = new Set([round.policyAuthor]);
  const judgement = judge(requirement, riskLevel, approvals, excluded);
  if (judgement.sufficient) {
    const isOverridden = approvals.some((one) => one.inOffice && overrides(one));
    return { state: isOverridden ? 'override' : 'approved', ...ended };
  }
  return { state: 'pending', remaining: judgement.remaining, missing: judgement.reasons };
}

/** One act as a person may or may not perform it now. */
export interface Permission {
  readonly act: Act;
  /** The roles in which they may. */
  readonly roles: readonly DecidingRole[];
  /** Why they may not, as things stand; null when they may. */
  readonly refusal: Refusal | null;
}

/** What the person may do on the round and what keeps them from the rest, by trying every act the way it is tried. */
export function permissionsOf(round: OpenRound, reviewer: Reviewer): readonly Permission[] {
  return acts.map((act) => {
    const possible = rolesFor(round, reviewer, act);
    const roles = isRefusal(possible) ? [] : possible;
    const tried = admitAct(round, reviewer, {
      act,
      role: roles[0],
      option: optionOf(round.approvals) ?? round.options[0],
      justification: 'a justification',
      viewDigest: round.viewDigest,
    });
    return isRefusal(tried) ? { act, roles: [], refusal: tried } : { act, roles, refusal: null };
  });
}
