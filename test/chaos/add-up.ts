/**
 * Adds up the figures of several runs, as rows for the table of README.md:
 *
 *     node test/chaos/add-up.ts <figures.json…>
 */
import { readFile } from 'node:fs/promises';
import type { Figures } from './figures.ts';

/** By heading of a column: what a run gives to it. */
const columns: Readonly<Record<string, (of: Figures) => number>> = {
  minutes: ({ minutes }) => minutes,
  events: ({ events }) => events.accepted,
  faults: ({ faults }) => faults,
  'process kills': ({ kills }) => kills,
  'redis faults': (of) => timesOf(of, 'redis: '),
  flushes: (of) => timesOf(of, 'redis: flushed'),
  'postgres faults': (of) => timesOf(of, 'postgres: '),
  'crash points': (of) => timesOf(of, 'crash: '),
  effects: ({ effects }) => effects,
  repeats: ({ repeatsAtTarget }) => repeatsAtTarget,
  'lost from the queue': ({ lostFromQueue }) => lostFromQueue,
  violations: ({ violations }) => violations.length,
};
/** Of these the worst counts, not the sum. */
const worst: Readonly<Record<string, (of: Figures) => number>> = {
  'recovery p99, s': ({ recoveryMs }) => recoveryMs.p99 / 1_000,
  'flush healed, s': ({ flushHealMs }) => flushHealMs.max / 1_000,
  'drained, s': ({ drainS }) => drainS ?? Number.POSITIVE_INFINITY,
};

function timesOf({ byKind }: Figures, beginning: string): number {
  return Object.entries(byKind)
    .filter(([kind]) => kind.startsWith(beginning))
    .reduce((sum, [, { injected }]) => sum + injected, 0);
}

const runs = await Promise.all(
  process.argv.slice(2).map(async (path) => JSON.parse(await readFile(path, 'utf8')) as Figures),
);

const row = (cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |\n`;
const rounded = (value: number) => Math.round(value * 10) / 10;
const all = { ...columns, ...worst };
const lines = [
  row(['seed', ...Object.keys(all)]),
  row(['---', ...Object.keys(all).map(() => '---:')]),
  ...runs.map((run) => row([run.seed, ...Object.values(all).map((of) => rounded(of(run)))])),
  row([
    'all',
    ...Object.values(columns).map((of) => rounded(runs.reduce((sum, run) => sum + of(run), 0))),
    ...Object.values(worst).map((of) => rounded(Math.max(...runs.map(of)))),
  ]),
];
process.stdout.write(lines.join(''));
