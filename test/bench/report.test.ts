import { describe, expect, it } from 'vitest';
import { jsonReport, tableOf } from '../../bench/report/report.ts';
import { isMet, type Row, single } from '../../bench/report/row.ts';

const row = (more: Partial<Row>): Row => ({
  section: 'pipeline',
  name: 'ours against theirs',
  summary: { median: 3.456_78, least: 3, most: 4 },
  unit: '×',
  ...more,
});

describe('a goal', () => {
  it('is met from its value on, upwards or downwards', () => {
    expect(isMet(row({ summary: single(3), goal: { atLeast: 3 } }))).toBe(true);
    expect(isMet(row({ summary: single(2.99), goal: { atLeast: 3 } }))).toBe(false);
    expect(isMet(row({ summary: single(50), goal: { atMost: 50 } }))).toBe(true);
    expect(isMet(row({ summary: single(50.1), goal: { atMost: 50 } }))).toBe(false);
  });

  it('is neither met nor missed where there is none', () => {
    expect(isMet(row({}))).toBeUndefined();
  });
});

describe('the report for programs', () => {
  it('has name, value, goal, met and unit of every row', () => {
    const rows = [row({ goal: { atLeast: 3 } }), row({ summary: single(12_345.6), unit: 'ms' })];
    expect(jsonReport(rows)).toEqual({
      rows: [
        {
          name: 'pipeline: ours against theirs',
          value: 3.457,
          goal: '≥ 3',
          met: true,
          unit: '×',
        },
        {
          name: 'pipeline: ours against theirs',
          value: 12_350,
          goal: null,
          met: null,
          unit: 'ms',
        },
      ],
    });
  });
});

describe('the report for people', () => {
  const lines = (...rows: Row[]) => tableOf(rows).split('\n').slice(1);

  it('says of every goal whether it is met', () => {
    const [met, missed, none] = lines(
      row({ goal: { atLeast: 3 } }),
      row({ goal: { atMost: 3 } }),
      row({}),
    );
    expect(met).toMatch(/3\.46 +3 … 4 +× +≥ 3 +met/);
    expect(missed).toMatch(/≤ 3 +NOT MET/);
    expect(none).not.toMatch(/met/i);
  });

  it('shows no spread of a value that was measured once', () => {
    expect(lines(row({ summary: single(1_234.5) }))[0]).toMatch(/1,235 +× *$/);
  });
});
