/**
 * Whether those who spoke are enough for what is required (authority.ts), and why. Pure; the database checks the stored
 * proof once more (`decision.proof_holds`).
 */
import { alternativesOf, overridingRoles, type Requirement, type Seat } from './authority.ts';
import type { PersonId } from './ids.ts';
import type { RiskLevel } from './risk-level.ts';
import { type Candidate, peopleIn, type Seated, type Seating, seatingOf } from './seating.ts';

/** What a person says of a round. */
export const acts = ['approve', 'reject', 'override', 'escalate'] as const;
export type Act = (typeof acts)[number];

/** One person's act in one round, in the one role that the person named. */
export interface Approval extends Candidate {
  readonly act: Act;
  /** The option that is approved; null for reject and escalate. */
  readonly optionId: string | null;
  /** Whether the role is held at this moment, and the delegation in force where there is one. */
  readonly inOffice: boolean;
}

/** Why somebody has no say in a review: they wrote its policy, its event is about them, they escalated it before. */
export const exclusions = ['policy_author', 'event_subject', 'escalated'] as const;
export type Exclusion = (typeof exclusions)[number];
export type Excluded = ReadonlyMap<PersonId, Exclusion>;

/** Why approvals are sufficient: who sits in which seat. Stored with the decision, and checked by the database. */
export interface Proof {
  readonly seats: readonly Seated[];
  /** Different roles that it took, at least. */
  readonly roles: number;
  /** Who could not have been seated. */
  readonly excluded: readonly { readonly personId: PersonId; readonly why: Exclusion }[];
}

/** What is missing for an approval: in `Judgement.reasons`. */
export type Shortfall = 'rejected' | 'options_differ' | 'override_missing' | 'seats_open';

export interface Judgement {
  readonly sufficient: boolean;
  /** Null when it is not. */
  readonly proof: Proof | null;
  /** The fewest further people that would do, as the seats that they would take. */
  readonly remaining: readonly Seat[];
  readonly reasons: readonly Shortfall[];
}

/**
 * Whether the acts of one round approve. A person counts once, whatever roles they hold and for whomever they act; who is
 * excluded or left office does not count, nor does whoever acts for them. One rejection is enough to refuse, approvals of
 * different options do not add up, and an unknown risk is acted on only when somebody overrides.
 */
export function judge(
  requirement: Requirement,
  level: RiskLevel,
  approvals: readonly Approval[],
  excluded: Excluded,
): Judgement {
  const approving = approvals.filter(({ act }) => act === 'approve' || act === 'override');
  const counting = approving.filter(
    (one) => one.inOffice && !peopleIn(one).some((personId) => excluded.has(personId)),
  );
  const { seated, open: remaining, roles: atLeast } = bestSeating(requirement, counting);
  const reasons: Shortfall[] = [];
  if (approvals.some(({ act }) => act === 'reject')) reasons.push('rejected');
  if (new Set(approving.map(({ optionId }) => optionId)).size > 1) reasons.push('options_differ');
  if (level === 'UNKNOWN' && !counting.some(overrides)) reasons.push('override_missing');
  if (remaining.length > 0) reasons.push('seats_open');
  const sufficient = reasons.length === 0;
  const proof = { seats: seated, roles: atLeast, excluded: listed(excluded) };
  return { sufficient, proof: sufficient ? proof : null, remaining, reasons };
}

function listed(excluded: Excluded): Proof['excluded'] {
  return [...excluded].map(([personId, why]) => ({ personId, why }));
}

export function overrides({ act, role }: Pick<Approval, 'act' | 'role'>): boolean {
  return act === 'override' && overridingRoles.includes(role);
}

/** The alternative for which the fewest further people would do, with its seating. */
function bestSeating(
  requirement: Requirement,
  people: readonly Candidate[],
): Seating & { readonly roles: number } {
  const seatings = alternativesOf(requirement).map((alternative) => ({
    roles: alternative.roles,
    ...(seatingOf(alternative, people) ?? { seated: [], open: alternative.seats }),
  }));
  return seatings.reduce((best, one) => (one.open.length < best.open.length ? one : best));
}
