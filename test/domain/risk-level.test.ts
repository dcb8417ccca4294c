import { expect, it } from 'vitest';
import { isAtLeast, riskLevels } from '../../src/domain/risk-level.ts';

it('levels rise, and UNKNOWN passes every minimum', () => {
  expect(riskLevels.filter((level) => isAtLeast(level, 'HIGH'))).toEqual([
    'HIGH',
    'CRITICAL',
    'UNKNOWN',
  ]);
  expect(riskLevels.every((minimum) => isAtLeast('UNKNOWN', minimum))).toBe(true);
  expect(isAtLeast('CRITICAL', 'UNKNOWN')).toBe(false);
});
