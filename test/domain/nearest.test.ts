import { expect, it } from 'vitest';
import { nearestTo } from '../../src/domain/nearest.ts';

const known = ['conditions', 'recommendations', 'event_types'];

it.each([
  ['condition', 'conditions'],
  ['Conditions', 'conditions'],
  ['recomendations', 'recommendations'],
  ['event-types', 'event_types'],
])('takes %s for %s', (word, meant) => {
  expect(nearestTo(word, known)).toBe(meant);
});

it('suggests nothing that is not near', () => {
  expect(nearestTo('xyz', known)).toBeUndefined();
  expect(nearestTo('a', ['b'])).toBe('b');
  expect(nearestTo('a'.repeat(1_000), known)).toBeUndefined();
  expect(nearestTo('conditions', [])).toBeUndefined();
});
