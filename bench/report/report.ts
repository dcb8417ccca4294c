/** The result, for people and for programs. */
import Table from 'cli-table3';
import { type Goal, isMet, type Row } from './row.ts';

/** What `--json` writes. */
export interface JsonReport {
  readonly rows: readonly {
    readonly name: string;
    readonly value: number;
    /** Null where nothing was promised, like `met`. */
    readonly goal: string | null;
    readonly met: boolean | null;
    readonly unit: string;
  }[];
}

export function jsonReport(rows: readonly Row[]): JsonReport {
  return {
    rows: rows.map((row) => ({
      name: `${row.section}: ${row.name}`,
      value: Number(row.summary.median.toPrecision(4)),
      goal: row.goal === undefined ? null : goalText(row.goal),
      met: isMet(row) ?? null,
      unit: row.unit,
    })),
  };
}

/** Without borders, so that it can be pasted and cut. */
export function tableOf(rows: readonly Row[]): string {
  const table = new Table({
    head: ['section', 'row', 'median', 'least … most', 'unit', 'goal', ''],
    colAligns: ['left', 'left', 'right', 'right', 'left', 'right', 'left'],
    chars: Object.fromEntries(BORDERS.map((border) => [border, ''])),
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 2 },
  });
  for (const row of rows) {
    const { section, name, summary, unit, goal } = row;
    const { median, least, most } = summary;
    table.push([
      section,
      name,
      numberText(median),
      least === most ? '' : `${numberText(least)} … ${numberText(most)}`,
      unit,
      goal === undefined ? '' : goalText(goal),
      verdictOn(row),
    ]);
  }
  return table.toString();
}

const BORDERS = [
  ...['top', 'top-mid', 'top-left', 'top-right'],
  ...['bottom', 'bottom-mid', 'bottom-left', 'bottom-right'],
  ...['left', 'left-mid', 'mid', 'mid-mid', 'right', 'right-mid', 'middle'],
];

function goalText(goal: Goal): string {
  return 'atLeast' in goal ? `≥ ${numberText(goal.atLeast)}` : `≤ ${numberText(goal.atMost)}`;
}

function verdictOn(row: Row): string {
  const met = isMet(row);
  if (met === undefined) return '';
  return met ? 'met' : 'NOT MET';
}

/** Three significant digits where they say more than whole numbers, and thousands apart. */
function numberText(value: number): string {
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en-US');
  return String(Number(value.toPrecision(3)));
}
