/** Rows that several sections make from their runs. */
import type { Run } from '../measure/rounds.ts';
import { ratioOf, summarise } from '../measure/statistics.ts';
import type { Goal, Row } from './row.ts';

type Runs = ReadonlyMap<string, readonly Run[]>;

const ratesOf = (runs: Runs, contestant: string): readonly number[] =>
  runs.get(contestant)!.map(({ eventsPerS }) => eventsPerS);

/** How many events each contestant does in a second. */
export function throughputRows(section: string, runs: Runs): readonly Row[] {
  return [...runs.keys()].map((name) => ({
    section,
    name,
    summary: summarise(ratesOf(runs, name)),
    unit: 'events/s',
  }));
}

/** How many times as fast one contestant is as another. */
export function ratioRow(
  section: string,
  runs: Runs,
  [contestant, against]: readonly [string, string],
  goal?: Goal,
): Row {
  return {
    section,
    name: `${contestant} against ${against}`,
    summary: ratioOf(ratesOf(runs, contestant), ratesOf(runs, against)),
    unit: '×',
    ...(goal === undefined ? {} : { goal }),
  };
}

const CPU_SHOWN_MIN_S = 0.005;

/** Processor time of each contestant, by whose it is. Wall time belongs to the machine's neighbours too; this does not. */
export function cpuRows(section: string, runs: Runs): readonly Row[] {
  return [...runs].flatMap(([contestant, each]) =>
    (['own', 'redis', 'postgres'] as const).flatMap((whose): Row[] => {
      const summary = summarise(each.map(({ cpu }) => cpu[whose]));
      if (summary.median < CPU_SHOWN_MIN_S) return [];
      const name = `${contestant}: ${whose === 'own' ? 'its processes' : whose}`;
      return [{ section, name, summary, unit: 's/1,000 events' }];
    }),
  );
}

export function memoryRow(section: string, runs: Runs, contestant: string, goal: Goal): Row {
  const peaks = runs.get(contestant)!.map(({ rssPeak }) => rssPeak / 1e6);
  const name = `${contestant}: peak RSS of its largest process`;
  return { section, name, summary: summarise(peaks), unit: 'MB', goal };
}
