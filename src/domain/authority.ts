/**
 * Who must agree before anything is done; whether those who spoke are enough is for judgement.ts to say. Pure; the
 * database holds the same once more, because code is not the only writer.
 *
 * A requirement is built from seats by AND and OR. A seat is one person in one of its roles; a list of seats is AND, all of
 * them filled by different people, of at least `roles` different roles; `or` names further lists, any of which is enough.
 * Every such formula has this form: `allOf` and `anyOf` bring it there. Escalation, conflict and policies only ever ask
 * for more, and more approvals are never less.
 */
import { isJsonObject } from './json.ts';
import { isAtLeast, type KnownRiskLevel, type RiskLevel, riskLevels } from './risk-level.ts';
import { isSatisfiable } from './seating.ts';

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

/** One list of seats that is enough when all of them are filled. */
export interface Alternative {
  readonly seats: readonly Seat[];
  /** Different roles among those seated, at least. */
  readonly roles: number;
}

export interface Requirement extends Alternative {
  /** What is enough as well. */
  readonly or?: readonly Alternative[];
}

export const SEATS_MAX = 6;
export const ALTERNATIVES_MAX = 8;

export function alternativesOf({ or = [], ...first }: Requirement): readonly Alternative[] {
  return [first, ...or];
}

/** Enough is what is enough for any of them. */
export function anyOf(requirement: Requirement, ...others: readonly Requirement[]): Requirement {
  return ofAlternatives([requirement, ...others].flatMap(alternativesOf));
}

/** Enough is what is enough for all of them at once, each by people of its own. */
export function allOf(requirement: Requirement, ...others: readonly Requirement[]): Requirement {
  return others.reduce(
    (all, other) => combine(all, other, (one, another) => [...one.seats, ...another.seats]),
    requirement,
  );
}

function ofAlternatives(alternatives: readonly Alternative[]): Requirement {
  const [first, ...or] = alternatives as [Alternative, ...Alternative[]];
  return or.length === 0 ? first : { ...first, or };
}

/** Every alternative of the one with every alternative of the other. */
function combine(
  one: Requirement,
  other: Requirement,
  seatsOf: (left: Alternative, right: Alternative) => readonly Seat[],
): Requirement {
  return ofAlternatives(
    alternativesOf(one).flatMap((left) =>
      alternativesOf(other).map((right) => ({
        seats: seatsOf(left, right),
        roles: Math.max(left.roles, right.roles),
      })),
    ),
  );
}

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
  for (let raised = 0; raised < raisedBy; raised += 1) requirement = each(requirement, raise);
  return each(requirement, withEnoughSeats);
}

function each(requirement: Requirement, change: (one: Alternative) => Alternative): Requirement {
  return ofAlternatives(alternativesOf(requirement).map(change));
}

/** Three seats for the Board alone and two roles, for instance: then one more person sits down. */
function withEnoughSeats(alternative: Alternative): Alternative {
  return isSatisfiable(alternative)
    ? alternative
    : { ...alternative, seats: [...alternative.seats, decidingRoles] };
}

function withPolicy(level: KnownRiskLevel, policy: PolicyAuthority | undefined): Requirement {
  const row = authorityTable[level];
  if (policy === undefined) return row;
  if (typeof policy === 'object') return combine(row, policy, mergedSeats);
  if (!isAtLeast(policy, level)) return row;
  const higher = authorityTable[policy];
  return { seats: higher.seats, roles: Math.max(row.roles, higher.roles) };
}

/** Seats that admit a common role become one seat for the roles in common; every other seat stays a seat of its own. */
function mergedSeats(row: Alternative, policy: Alternative): readonly Seat[] {
  const further = [...policy.seats];
  const seats = row.seats.map((seat) => {
    const index = further.findIndex((other) => other.some((role) => seat.includes(role)));
    if (index === -1) return seat;
    const [other = []] = further.splice(index, 1);
    return seat.filter((role) => other.includes(role));
  });
  return [...seats, ...further];
}

/** The highest seat asks for one role more: it then takes the next role or a higher one, until it is the Board's. */
function raise({ seats, roles: atLeast }: Alternative): Alternative {
  const ranks = seats.map((seat) => Math.min(...seat.map((role) => decidingRoles.indexOf(role))));
  const highest = Math.max(...ranks);
  const higherRoles = decidingRoles.slice(highest + 1);
  if (higherRoles.length === 0) return { seats, roles: atLeast };
  return { seats: seats.with(ranks.indexOf(highest), higherRoles), roles: atLeast };
}

/**
 * Reads a requirement from JSON: `{seats, roles}`, perhaps with `or`, or `{all: […]}` or `{any: […]}` of such, as deep as
 * one likes. What comes of it has one to eight alternatives of one to six seats, which people can fill. The roles of an
 * `all` are counted over all of its people.
 */
export function parseRequirement(value: unknown): Requirement | undefined {
  const requirement = readFormula(value);
  if (requirement === undefined) return undefined;
  const alternatives = alternativesOf(requirement);
  const isWithinLimits =
    alternatives.length <= ALTERNATIVES_MAX &&
    alternatives.every((one) => one.seats.length <= SEATS_MAX && isSatisfiable(one));
  return isWithinLimits ? requirement : undefined;
}

function readFormula(value: unknown): Requirement | undefined {
  if (!isJsonObject(value)) return undefined;
  const { all, any, or, ...rest } = value as Record<'all' | 'any' | 'or', unknown>;
  const join = all === undefined ? anyOf : allOf;
  const parts = all ?? any;
  if (parts === undefined) return readAlternatives(rest, or);
  const isAlone = Object.keys(value).length === 1;
  if (!isAlone || !Array.isArray(parts) || parts.length > ALTERNATIVES_MAX) return undefined;
  const [first, ...others] = parts.map(readFormula);
  if (first === undefined) return undefined;
  const read = others.filter((other) => other !== undefined);
  return read.length === others.length ? join(first, ...read) : undefined;
}

function readAlternatives(first: object, or: unknown = []): Requirement | undefined {
  if (!Array.isArray(or)) return undefined;
  const read = [first, ...(or as readonly unknown[])].map(readAlternative);
  const alternatives = read.filter((one) => one !== undefined);
  return alternatives.length === read.length ? ofAlternatives(alternatives) : undefined;
}

function readAlternative(value: unknown): Alternative | undefined {
  if (!isJsonObject(value)) return undefined;
  const { seats, roles: atLeast } = value as { seats?: unknown; roles?: unknown };
  if (!Array.isArray(seats) || seats.length === 0 || !seats.every(isSeat)) return undefined;
  if (!Number.isInteger(atLeast) || (atLeast as number) < 1) return undefined;
  return { seats, roles: atLeast as number };
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
