import { describe, expect, it } from 'vitest';
import { patternsOf, TYPE_PATTERN } from '../../src/domain/type-pattern.ts';

it('a type meets itself, every group above it, and *', () => {
  expect(patternsOf('com.github.release.published')).toEqual([
    'com.github.release.published',
    'com.github.release.*',
    'com.github.*',
    'com.*',
    '*',
  ]);
  expect(patternsOf('ping')).toEqual(['ping', '*']);
});

describe('a pattern', () => {
  it.each(['*', 'com.github.push', 'com.github.release.*', 'a', 'com.github.on-demand_2'])(
    'may be %s',
    (pattern) => {
      expect(pattern).toMatch(new RegExp(TYPE_PATTERN));
    },
  );

  it.each(['', '.*', '*.push', 'com.*.push', 'com..push', 'com.github.', 'com.github*', 'a b'])(
    'is not %j',
    (pattern) => {
      expect(pattern).not.toMatch(new RegExp(TYPE_PATTERN));
    },
  );
});
