/**
 * Who sits where: people put into the seats of one list so that as few as possible stay open. The combinatorics under
 * authority.ts (can it be fulfilled at all) and judgement.ts (is it fulfilled).
 */
import type { Alternative, DecidingRole, Seat } from './authority.ts';
import type { PersonId } from './ids.ts';

/** Somebody who could be seated, in the one role in which they act. */
export interface Candidate {
  readonly personId: PersonId;
  readonly role: DecidingRole;
  /** Whose role it is, where the person acts under a delegation; null for a role of their own. */
  readonly onBehalfOf: PersonId | null;
}

export interface Seated extends Candidate {
  readonly seat: Seat;
}

export interface Seating {
  readonly seated: readonly Seated[];
  readonly open: readonly Seat[];
}

/** Whether people could fill all of it. */
export function isSatisfiable(alternative: Alternative): boolean {
  return seatingOf(alternative, []) !== undefined;
}

/** Whose places an act takes: that of the person, and of whom they act for. */
export function peopleIn({
  personId,
  onBehalfOf,
}: Pick<Candidate, 'personId' | 'onBehalfOf'>): readonly PersonId[] {
  return onBehalfOf === null ? [personId] : [personId, onBehalfOf];
}

/**
 * The people seated so that as few seats as possible stay open; undefined when not even further people could bring enough
 * roles. Tries every seating: there are at most six seats and a handful of people.
 */
export function seatingOf(
  { seats, roles: atLeast }: Alternative,
  people: readonly Candidate[],
): Seating | undefined {
  let best: Seating | undefined;
  const seat = (index: number, seated: readonly Seated[], open: readonly Seat[]): void => {
    if (best !== undefined && open.length >= best.open.length) return;
    const next = seats[index];
    if (next === undefined) {
      const left = ifRolesSuffice(new Set(seated.map(({ role }) => role)), open, atLeast);
      if (left !== undefined) best = { seated, open: left };
      return;
    }
    const taken = new Set(seated.flatMap(peopleIn));
    for (const person of people) {
      if (!next.includes(person.role)) continue;
      if (peopleIn(person).some((personId) => taken.has(personId))) continue;
      const { personId, role, onBehalfOf } = person;
      seat(index + 1, [...seated, { seat: next, personId, role, onBehalfOf }], open);
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
