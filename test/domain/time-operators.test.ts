import { expect, it } from 'vitest';
import type { JsonValue } from '../../src/domain/json.ts';
import { timeOperators } from '../../src/domain/time-operators.ts';

const { before, after, duringHours, outsideHours } = timeOperators;

it.each([
  ['2026-03-01T00:00:00Z', '2026-03-01T01:00:00+01:00', false, false],
  ['2026-02-28T23:59:59.999999Z', '2026-03-01T00:00:00Z', true, false],
  ['2026-03-01T00:00:00.000001Z', '2026-03-01T00:00:00Z', false, true],
])('%s against %s: before %s, after %s', (actual, expected, isBefore, isAfter) => {
  expect(before.holds(actual, expected)).toBe(isBefore);
  expect(after.holds(actual, expected)).toBe(isAfter);
});

const office = { from: '08:00', to: '18:00', zone: 'Europe/Vienna', days: ['Mon', 'Fri'] };
const night = { from: '22:00', to: '06:00', zone: 'America/New_York', days: ['Fri'] };

it.each<[string, JsonValue, boolean]>([
  ['2026-01-05T07:00:00Z', office, true], // Monday, 8:00 in winter
  ['2026-01-05T06:59:59Z', office, false],
  ['2026-07-06T06:00:00Z', office, true], // Monday, 8:00 in summer
  ['2026-01-05T17:00:00Z', office, false], // 18:00 is no more within
  ['2026-01-06T09:00:00Z', office, false], // Tuesday
  ['2026-01-10T04:00:00Z', night, true], // Friday, 23:00
  ['2026-01-10T10:30:00Z', night, true], // Saturday, 5:30, of the night that began on Friday
  ['2026-01-11T04:00:00Z', night, false], // Saturday, 23:00
  ['2026-01-09T10:30:00Z', night, false], // Friday, 5:30, of the night that began on Thursday
  ['2026-01-04T23:30:00Z', { from: '00:00', to: '01:00', zone: 'Europe/Vienna' }, true],
])('%s during %j: %s', (actual, expected, within) => {
  expect(duringHours.holds(actual, expected)).toBe(within);
  expect(outsideHours.holds(actual, expected)).toBe(!within);
});

it('hours through midnight on Sunday go on to Monday', () => {
  const hours = { from: '22:00', to: '02:00', zone: 'UTC', days: ['Sun'] };
  expect(duringHours.holds('2026-01-05T01:00:00Z', hours)).toBe(true);
});

it('compares instants with a zone only', () => {
  for (const actual of ['2026-03-01', '2026-03-01T00:00:00', 'yesterday', 1_767_225_600, null]) {
    expect(before.mismatch(actual, '2026-03-01T00:00:00Z')).toEqual(expect.any(String));
    expect(duringHours.mismatch(actual, office)).toEqual(expect.any(String));
  }
});

it.each([
  { ...office, zone: 'Europe/Atlantis' },
  { ...office, zone: '+02:00' },
  { ...office, from: '24:00' },
  { ...office, from: '8:00' },
  { ...office, days: [] },
  { ...office, days: ['Monday'] },
  { ...office, days: ['Mon', 'Mon'] },
  { ...office, until: '19:00' },
  { from: '08:00', to: '18:00' },
  '08:00-18:00',
])('does not take %j for hours', (value) => {
  expect(duringHours.accepts(value)).toBe(false);
});

it('takes instants with a zone only', () => {
  expect(before.accepts('2026-03-01')).toBe(false);
  expect(before.accepts('2026-03-01T00:00:00+01:00')).toBe(true);
});
