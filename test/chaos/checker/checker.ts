/** Runs every check and says what it found, and what it did not look at. */
import { type Check, invariants, type World } from './check.ts';
import { acceptanceChecks } from './checks/acceptance.ts';
import { decisionChecks } from './checks/decisions.ts';
import { engineChecks } from './checks/engines.ts';
import { executionChecks } from './checks/executions.ts';
import { failSafeChecks } from './checks/fail-safe.ts';
import { ledgerChecks } from './checks/ledger.ts';
import { livenessChecks } from './checks/liveness.ts';
import { progressChecks } from './checks/progress.ts';
import { secrecyChecks } from './checks/secrecy.ts';

export const checks: readonly Check[] = [
  ...acceptanceChecks,
  ...progressChecks,
  ...engineChecks,
  ...decisionChecks,
  ...executionChecks,
  ...ledgerChecks,
  ...failSafeChecks,
  ...secrecyChecks,
  ...livenessChecks,
];

export interface Violation {
  readonly name: string;
  readonly title: string;
  /** The first few. */
  readonly offenders: readonly string[];
}

export interface Report {
  readonly violations: readonly Violation[];
  readonly notChecked: readonly { readonly name: string; readonly reason: string }[];
  /** How many invariants were looked at. */
  readonly checked: number;
}

export async function runChecks(world: World): Promise<Report> {
  const missing = invariants.filter((name) => !checks.some((check) => check.name === name));
  if (missing.length > 0) throw new Error(`No check for ${missing.join(', ')}`);
  const violations: Violation[] = [];
  const notChecked: { name: string; reason: string }[] = [];
  for (const { name, title, find } of checks) {
    const finding = await find(world);
    if ('notChecked' in finding) notChecked.push({ name, reason: finding.notChecked });
    else if (finding.length > 0) violations.push({ name, title, offenders: finding });
  }
  return { violations, notChecked, checked: checks.length - notChecked.length };
}

export function printReport({ violations, notChecked, checked }: Report): string {
  const lines = [
    ...violations.flatMap(({ name, title, offenders }) => [
      `VIOLATED ${name} ${title}`,
      ...offenders.map((offender) => `         ${offender}`),
    ]),
    ...notChecked.map(({ name, reason }) => `not checked: ${name}, ${reason}`),
    `${checked} invariants checked, ${violations.length} violated`,
  ];
  return `${lines.join('\n')}\n`;
}
