import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { percentile, ratioOf, summarise } from '../../bench/measure/statistics.ts';

const values = fc.array(fc.double({ min: 0.001, max: 1e9, noNaN: true }), { minLength: 1 });

describe('a summary', () => {
  it('names the value in the middle and both ends, whatever the order', () => {
    expect(summarise([30, 10, 20])).toEqual({ median: 20, least: 10, most: 30 });
    expect(summarise([4, 1, 3, 2])).toEqual({ median: 2.5, least: 1, most: 4 });
    expect(summarise([7])).toEqual({ median: 7, least: 7, most: 7 });
  });

  it('is not made of nothing', () => {
    expect(() => summarise([])).toThrow(RangeError);
  });

  it('leaves the values as they are', () => {
    const measured = [3, 1, 2];
    summarise(measured);
    expect(measured).toEqual([3, 1, 2]);
  });
});

describe('a percentile', () => {
  it('lies between its neighbours by a straight line', () => {
    expect(percentile([0, 10, 20, 30, 40], 50)).toBe(20);
    expect(percentile([0, 10], 25)).toBe(2.5);
    expect(percentile([1, 2, 3, 4], 100)).toBe(4);
  });

  it('never leaves the values and never falls as it rises', () => {
    fc.assert(
      fc.property(values, fc.integer({ min: 0, max: 100 }), (measured, percent) => {
        const found = percentile(measured, percent);
        expect(found).toBeGreaterThanOrEqual(Math.min(...measured));
        expect(found).toBeLessThanOrEqual(Math.max(...measured));
        expect(percentile(measured, Math.max(0, percent - 1))).toBeLessThanOrEqual(found);
      }),
    );
  });
});

describe('a ratio', () => {
  it('pairs the rounds, so that a slow round of the machine slows both', () => {
    // The second round ran at a tenth of the speed; ours was three times as fast in each.
    expect(ratioOf([300, 30, 330], [100, 10, 110])).toEqual({ median: 3, least: 3, most: 3 });
  });

  it('counts only rounds that both have run', () => {
    expect(ratioOf([2, 4], [1, 1, 1])).toEqual({ median: 3, least: 2, most: 4 });
  });
});
