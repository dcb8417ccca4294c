/** What a check is: the name of an invariant, what it says, and how to find what breaks it. */
import type { Redis } from 'ioredis';
import type pg from 'pg';
import type { Evidence } from './evidence.ts';

export const invariants = [
  ...['A1', 'A2', 'A3', 'A4', 'A5', 'A6'],
  ...['P1', 'P2', 'P3', 'P4', 'P5', 'P6', 'P7'],
  ...['E1', 'E2', 'E3', 'E4', 'E5'],
  ...['D1', 'D2', 'D3', 'D4', 'D5'],
  ...['X1', 'X2', 'X3', 'X4', 'X5'],
  ...['L1', 'L2', 'L3', 'L4', 'L5'],
  ...['F1', 'F2', 'F3', 'F4', 'F5'],
  ...['S1', 'S2'],
  ...['V1', 'V2', 'V3', 'V4'],
] as const;

/** Everything a check may look at. It changes none of it. */
export interface World {
  /** A superuser's session with the evidence in temporary tables (world.ts). */
  readonly postgres: pg.Client;
  readonly redis: Redis;
  readonly evidence: Evidence;
}

/** Offenders, first few, each in a few words; none when the invariant holds. */
export type Finding = readonly string[] | NotChecked;

/** Said aloud: an invariant that nobody looked at is not one that holds. */
export interface NotChecked {
  readonly notChecked: string;
}

export interface Check {
  readonly name: string;
  /** What must hold. */
  readonly title: string;
  find(world: World): Promise<Finding>;
}

export const OFFENDERS_MAX = 5;

/**
 * A check in SQL: rows are violations, their only column `offender` says which. Conditions are written
 * `(…) IS NOT TRUE`, since a NULL would otherwise hide what it stands in.
 */
export function sqlCheck(name: string, title: string, sql: string): Check {
  return { name, title, find: (world) => offendersOf(world, sql) };
}

export async function offendersOf(world: World, sql: string): Promise<readonly string[]> {
  const { rows } = await world.postgres.query<{ offender: string | null }>(
    `select offender from (${sql}) as violation limit ${OFFENDERS_MAX}`,
  );
  return rows.map(({ offender }) => offender ?? 'a row without a name');
}

export function first(offenders: Iterable<string>): readonly string[] {
  const found: string[] = [];
  for (const offender of offenders) {
    if (found.length === OFFENDERS_MAX) break;
    found.push(offender);
  }
  return found;
}
