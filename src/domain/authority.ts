/**
 * Who must agree before anything is done, and whether those who spoke are enough. Pure; the database holds the same
 * once more (`decision.quorum_is_met` and its triggers), because code is not the only writer.
 *
 * A requirement is a list of seats: as many people as seats, each in a role of its own seat, of at least `roles`
 * different roles. Escalation, conflict and policies only ever ask for more.
 */
import type { PersonId } from './ids.ts';
import { isJsonObject } from './json.ts';
import { isAtLeast, type KnownRiskLevel, type RiskLevel, riskLevels } from './risk-level.ts';

/** The roles that decide, lowest first: the path of an escalation. */
export const decidingRoles = [
  'Administrator',
  'Senior Authority',
  'Compliance Officer',
  'Governance Board',
] as const;
export type DecidingRole = (typeof decidingRoles)[number];

/** An Auditor reads everything, an Operator runs the daemon; neither decides. */
export const roles = [...decidingRoles, 'Auditor', 'Operator'] as const;
export type Role = (typeof roles)[number];

/** The roles that may override. */
export const overridingRoles: readonly DecidingRole[] = ['Compliance Officer', 'Governance Board'];

/** The roles of which one person fills the seat. */
export type Seat = readonly DecidingRole[];

export interface Requirement {
  readonly seats: readonly Seat[];
  /** Different roles among those seated, at least. */
  readonly roles: number;
}

export const SEATS_MAX = 6;

/** What each level takes. UNKNOWN takes what CRITICAL takes: what could not be weighed is never treated as harmless. */
export const authorityTable: Readonly<Record<KnownRiskLevel, Requirement>> = {
  LOW: { seats: [decidingRoles], roles: 1 },
  MEDIUM: { seats: [['Administrator'], ['Senior Authority']], roles: 2 },
  HIGH: { seats: [['Compliance Officer'], decidingRoles], roles: 1 },
  CRITICAL: { seats: [['Governance Board'], decidingRoles, decidingRoles], roles: 2 },
};

/** What a policy may ask for beyond the table: a level whose row then counts, or seats of its own. */
export type PolicyAuthority = KnownRiskLevel | Requirement;

export interface Circumstances {
  /** By how many roles: one for a conflict, one for each escalation. */
  readonly raisedBy: number;
  readonly policy?: PolicyAuthority | undefined;
}

/** What it takes to decide at `level`. Never less than the row of the level, and always possible to fulfil. */
export function requirementFor(
  level: RiskLevel,
  { raisedBy, policy }: Circumstances = { raisedBy: 0 },
): Requirement {
  let requirement = withPolicy(level === 'UNKNOWN' ? 'CRITICAL' : level, policy);
  for (let raised = 0; raised < raisedBy; raised += 1) requirement = raise(requirement);
  // Three seats for the Board alone and two roles, for instance: then one more person sits down.
  return isSatisfiable(requirement)
    ? requirement
    : { ...requirement, seats: [...requirement.seats, decidingRoles] };
}

function withPolicy(level: KnownRiskLevel, policy: PolicyAuthority | undefined): Requirement {
  const row = authorityTable[level];
  if (policy === undefined) return row;
  if (typeof policy === 'object') return both(row, policy);
  if (!isAtLeast(policy, level)) return row;
  const higher = authorityTable[policy];
  return { seats: higher.seats, roles: Math.max(row.roles, higher.roles) };
}

/** Seats that admit a common role become one seat for the roles in common; every other seat stays a seat of its own. */
function both(row: Requirement, policy: Requirement): Requirement {
  const further = [...policy.seats];
  const seats = row.seats.map((seat) => {
    const index = further.findIndex((other) => other.some((role) => seat.includes(role)));
    if (index === -1) return seat;
    const [other = []] = further.splice(index, 1);
    return seat.filter((role) => other.includes(role));
  });
  return { seats: [...seats, ...further], roles: Math.max(row.roles, policy.roles) };
}

/** The highest seat asks for one role more: it then takes the next role or a higher one, until it is the Board's. */
function raise({ seats, roles: atLeast }: Requirement): Requirement {
  const ranks = seats.map((seat) => Math.min(...seat.map((role) => decidingRoles.indexOf(role))));
  const highest = Math.max(...ranks);
  const higherRoles = decidingRoles.slice(highest + 1);
  if (higherRoles.length === 0) return { seats, roles: atLeast };
  return { seats: seats.with(ranks.indexOf(highest), higherRoles), roles: atLeast };
}

/** Whether an escalation changes nothing any more: a seat is the Board's alone, and above it there is nobody. */
export function isAtTheTop({ seats }: Requirement): boolean {
  const top: DecidingRole = 'Governance Board';
  return seats.some((seat) => seat.every((role) => role === top));
}

/** Reads a requirement from JSON: one to six seats of deciding roles, and roles that those seats can bring. */
export function parseRequirement(value: unknown): Requirement | undefined {
  if (!isJsonObject(value)) return undefined;
  const { seats, roles: atLeast } = value as { seats?: unknown; roles?: unknown };
  if (!Array.isArray(seats) || seats.length < 1 || seats.length > SEATS_MAX) return undefined;
  if (!seats.every(isSeat)) return undefined;
  if (!Number.isInteger(atLeast) || (atLeast as number) < 1) return undefined;
  const requirement = { seats, roles: atLeast as number };
  return isSatisfiable(requirement) ? requirement : undefined;
}

/** Reads what a policy asks for; undefined when it is neither a level nor a requirement. */
export function parsePolicyAuthority(value: unknown): PolicyAuthority | undefined {
  if (typeof value !== 'string') return parseRequirement(value);
  const level = riskLevels.find((known) => known === value);
  return level === 'UNKNOWN' ? undefined : level;
}

function isSeat(seat: unknown): seat is Seat {
  return Array.isArray(seat) && seat.length > 0 && seat.every(isDecidingRole);
}

export function isDecidingRole(role: unknown): role is DecidingRole {
  return decidingRoles.some((known) => known === role);
}

/** What a person says of a round. */
export const acts = ['approve', 'reject', 'override', 'escalate'] as const;
export type Act = (typeof acts)[number];

/** One person's act in one round, in the one role that the person named. */
export interface Approval {
  readonly personId: PersonId;
  readonly role: DecidingRole;
  readonly act: Act;
  /** The option that is approved; null for reject and escalate. */
  readonly optionId: string | null;
  /** Whether the person holds the role at this moment. */
  readonly inOffice: boolean;
}

/** What is missing for an approval: in `Judgement.reasons`. */
export type Shortfall = 'rejected' | 'options_differ' | 'override_missing' | 'seats_open';

export interface Judgement {
  readonly sufficient: boolean;
  /** The fewest further people that would do, as the seats that they would take. */
  readonly remaining: readonly Seat[];
  readonly reasons: readonly Shortfall[];
}

/**
 * Whether the acts of one round approve. A person counts once, whatever roles they hold; who wrote the policy
 * (`excluded`) and who left office does not count. One rejection is enough to refuse, approvals of different options do
 * not add up, and an unknown risk is acted on only when somebody overrides.
 */
export function judge(
  requirement: Requirement,
  level: RiskLevel,
  approvals: readonly Approval[],
  excluded: ReadonlySet<PersonId>,
): Judgement {
  const approving = approvals.filter(({ act }) => act === 'approve' || act === 'override');
  const counting = approving.filter((one) => one.inOffice && !excluded.has(one.personId));
  const remaining = openSeats(requirement, counting) ?? requirement.seats;
  const reasons: Shortfall[] = [];
  if (approvals.some(({ act }) => act === 'reject')) reasons.push('rejected');
  if (new Set(approving.map(({ optionId }) => optionId)).size > 1) reasons.push('options_differ');
  if (level === 'UNKNOWN' && !counting.some(overrides)) reasons.push('override_missing');
  if (remaining.length > 0) reasons.push('seats_open');
  return { sufficient: reasons.length === 0, remaining, reasons };
}

export function overrides({ act, role }: Pick<Approval, 'act' | 'role'>): boolean {
  return act === 'override' && overridingRoles.includes(role);
}

function isSatisfiable(requirement: Requirement): boolean {
  return openSeats(requirement, []) !== undefined;
}

/**
 * The seats that stay open when the people are seated so that as few as possible do; undefined when not even further
 * people could bring enough roles. Tries every seating: there are at most six seats and a handful of people.
 */
function openSeats(
  { seats, roles: atLeast }: Requirement,
  people: readonly Pick<Approval, 'personId' | 'role'>[],
): readonly Seat[] | undefined {
  let best: readonly Seat[] | undefined;
  const seat = (index: number, seated: typeof people, open: readonly Seat[]): void => {
    if (best !== undefined && open.length >= best.length) return;
    const next = seats[index];
    if (next === undefined) {
      best = ifRolesSuffice(new Set(seated.map(({ role }) => role)), open, atLeast) ?? best;
      return;
    }
    for (const person of people) {
      if (!next.includes(person.role)) continue;
      if (seated.some(({ personId }) => personId === person.personId)) continue;
      seat(index + 1, [...seated, person], open);
    }
    seat(index + 1, seated, [...open, next]);
  };
  seat(0, [], []);
  return best;
}

/** The open seats, narrowed to new roles where each of them must bring one; undefined when they cannot. */
function ifRolesSuffice(
  present: ReadonlySet<DecidingRole>,
  open: readonly Seat[],
  atLeast: number,
): readonly Seat[] | undefined {
  const missing = atLeast - present.size;
  if (newRolesMax(open, present) < missing) return undefined;
  if (missing < open.length || missing === 0) return open;
  return open.map((seat) => seat.filter((role) => !present.has(role)));
}

/** How many roles that are not yet present the open seats can bring at most. */
function newRolesMax(open: readonly Seat[], present: ReadonlySet<DecidingRole>): number {
  const [seat, ...rest] = open;
  if (seat === undefined) return 0;
  const counts = seat
    .filter((role) => !present.has(role))
    .map((role) => 1 + newRolesMax(rest, new Set([...present, role])));
  return Math.max(newRolesMax(rest, present), ...counts);
}
