import { describe, expect, it } from 'vitest';
import {
  contributionTables,
  evidenceTable,
  operatorWords,
} from '../../../../src/admin/console/parts/evidence.ts';
import { operatorNames } from '../../../../src/domain/operators.ts';
import type { Evidence } from '../../../../src/domain/rules.ts';
import { readable } from '../../../support/console.ts';

const one = (position: string, more: Partial<Evidence> = {}): Evidence => ({
  position,
  fact: 'event',
  path: '$.data.a',
  operator: 'greaterThanInclusive',
  expected: 1,
  actual: 2,
  result: 'held',
  ...more,
});
const tableOf = (...evidence: readonly Evidence[]) =>
  readable(evidenceTable('Found', evidence).toString());

describe('the table of conditions', () => {
  it('says of each what was asked, what was found, and what came of it', () => {
    expect(tableOf(one('all.0'))).toBe(
      'Found Result Condition Found held event $.data.a is at least 1 2',
    );
    const { actual: _, ...unfound } = one('all.0');
    expect(tableOf({ ...unfound, result: 'unknown', reason: 'nothing there' })).toContain(
      'unknown event $.data.a is at least 1 absent nothing there',
    );
  });

  it.each([
    [['all.0', 'all.1'], undefined],
    [['any.0', 'any.1'], 'At least one of these holds'],
    [['not'], 'This does not hold'],
    [['any.0.all.0', 'any.1.all.0'], 'Alternative 2: all of these hold'],
    [['not.any.0', 'not.any.1'], 'It must not be so that: at least one of these holds'],
    [['any.1.not.all.0', 'any.0'], 'Alternative 2: it must not be so that: all of these hold'],
  ])('says how %j belong together: %s', (positions, title) => {
    const said = tableOf(...positions.map((position) => one(position)));
    if (title === undefined) expect(said).not.toContain('hold ');
    else expect(said).toContain(title);
  });

  it('has words for every operator', () => {
    expect(Object.keys(operatorWords).toSorted()).toEqual(operatorNames.toSorted());
  });
});

it('factors that did not hold stand behind those that did, unknown ones in front', () => {
  const factor = (title: string, held: boolean | 'unknown') => ({
    factor: title,
    title,
    points: 5,
    held,
  });
  const said = readable(
    contributionTables('12.5000', [
      factor('First', true),
      factor('Second', false),
      factor('Third', 'unknown'),
    ]).toString(),
  );
  expect(said).toMatch(
    /First \+5 held Third \+5 unknown Score 12\.5 Factors that did not hold: 1.*Second/,
  );
});
