/** What a run comes to in numbers, for people and for the record. */
import type { Evidence } from './checker/evidence.ts';
import type { Injected } from './schedule.ts';

export interface Figures {
  readonly seed: number;
  /** Under load, until the last fault was healed. */
  readonly minutes: number;
  readonly events: { readonly accepted: number; readonly ops: Readonly<Record<string, number>> };
  readonly acts: Readonly<Record<string, number>>;
  readonly effects: number;
  /** Requests that reached the target again. */
  readonly repeatsAtTarget: number;
  readonly lostFromQueue: number;
  readonly faults: number;
  /** Kinds that this machine could not inject, and why. */
  readonly impossible: readonly string[];
  readonly kills: number;
  /** By kind: how many were injected, and how many of them were seen to bite. */
  readonly byKind: Readonly<Record<string, { readonly injected: number; readonly bit: number }>>;
  /** From the death of a worker to the next job that its queue completed, while all else was left alone. */
  readonly recoveryMs: Spread;
  readonly flushHealMs: Spread;
  readonly drainS: number | null;
  readonly violations: readonly string[];
}

export interface Spread {
  readonly n: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number) => Math.round(sorted[Math.ceil(sorted.length * share) - 1] ?? 0);
  return { n: sorted.length, p50: at(0.5), p99: at(0.99), max: at(1) };
}

export interface FiguresInput {
  readonly evidence: Evidence;
  readonly injected: readonly Injected[];
  readonly impossible: readonly string[];
  /** Each of them was one kill more. */
  readonly recoveriesMs: readonly number[];
  readonly effects: number;
  readonly violations: readonly string[];
}

export function figuresOf(input: FiguresInput): Figures {
  const { evidence, injected, impossible, recoveriesMs, effects, violations } = input;
  const { run, ops, acts, receipts } = evidence;
  const accepted = ops.filter(({ outcome }) => outcome === 'ok');
  const kinds = Map.groupBy(injected, ({ fault }) => fault.kind);
  return {
    seed: run.seed,
    minutes: Math.round((run.healedAt - run.startedAt) / 6_000) / 10,
    events: {
      accepted: new Set(accepted.map(({ source, id }) => `${source} ${id}`)).size,
      ops: countsOf(ops.map(({ path, outcome }) => `${path} ${outcome}`)),
    },
    acts: countsOf(acts.map(({ act, outcome }) => `${act} ${outcome}`)),
    effects,
    repeatsAtTarget: receipts.length - new Set(receipts.map(({ key }) => key)).size,
    lostFromQueue: run.missedBySources.length,
    faults: injected.length + recoveriesMs.length,
    impossible,
    kills: injected.reduce((total, { harm }) => total + (harm.kills ?? 0), recoveriesMs.length),
    byKind: Object.fromEntries(
      [...kinds]
        .toSorted(([a], [b]) => a.localeCompare(b))
        .map(([kind, of]) => [
          kind,
          { injected: of.length, bit: of.filter(({ fault }) => fault.observed > 0).length },
        ]),
    ),
    recoveryMs: spreadOf(recoveriesMs),
    flushHealMs: spreadOf(injected.flatMap(({ harm }) => harm.healMs ?? [])),
    drainS: run.drainedAt === null ? null : Math.round((run.drainedAt - run.healedAt) / 1_000),
    violations,
  };
}

function countsOf(names: readonly string[]): Readonly<Record<string, number>> {
  const groups = Map.groupBy(names, (name) => name);
  return Object.fromEntries(
    [...groups].toSorted(([a], [b]) => a.localeCompare(b)).map(([name, of]) => [name, of.length]),
  );
}

export function printFigures(figures: Figures): string {
  const { byKind, ...rest } = figures;
  const lines = Object.entries(byKind).map(
    ([kind, { injected, bit }]) =>
      `  ${kind.padEnd(45)} ${String(injected).padStart(5)} ${String(bit).padStart(5)}`,
  );
  return [JSON.stringify(rest, null, 1), `  ${'fault'.padEnd(45)} times   bit`, ...lines, ''].join(
    '\n',
  );
}
