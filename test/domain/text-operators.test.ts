import { describe, expect, it } from 'vitest';
import type { JsonValue } from '../../src/domain/json.ts';
import { type Operator, TEXT_CHARACTERS_MAX, VALUES_MAX } from '../../src/domain/operator.ts';
import { textOperators } from '../../src/domain/text-operators.ts';

type Name = keyof typeof textOperators;

function answer(name: Name, actual: JsonValue, expected: JsonValue): boolean | string {
  const operator: Operator = textOperators[name];
  return operator.mismatch(actual, expected) ?? operator.holds(actual, expected);
}

it.each<[Name, JsonValue, JsonValue, boolean]>([
  ['containsText', 'refs/heads/main', 'heads', true],
  ['containsText', 'refs/heads/main', 'Heads', false],
  ['doesNotContainText', 'abc', 'd', true],
  ['doesNotContainText', 'abc', 'b', false],
  ['like', 'DeleteTrail', 'delete*', true],
  ['like', 'StopLogging', ['delete*', 'stop*'], true],
  ['like', 'CreateTrail', ['delete*', 'stop*'], false],
  ['notLike', 'CreateTrail', ['delete*', 'stop*'], true],
  ['notLike', 'DeleteTrail', 'DELETETRAIL', false],
  ['matches', 'release-2026', '^release-\\d{4}$', true],
  ['matches', 'a release-2026', '^release-\\d{4}$', false],
  ['matches', 'HELLO', '(?i)hello', true],
  ['doesNotMatch', 'feature/x', '^(main|release/.*)$', true],
  ['doesNotMatch', 'release/1', '^(main|release/.*)$', false],
  ['someContainsText', ['a', 'abc', null], 'bc', true],
  ['someContainsText', [], 'bc', false],
  ['someEndsWith', ['a.ts', 'Dockerfile'], 'file', true],
  ['someEndsWith', ['a.ts'], '.yml', false],
  ['someLike', ['src/a', '.github/workflows/ci.yml'], '*/workflows/*', true],
  ['someMatches', ['v1', 'v2.0.0'], '^v\\d+\\.\\d+', true],
  ['someMatches', ['v1'], '^v\\d+\\.\\d+', false],
])('%s: %j against %j is %s', (name, actual, expected, holds) => {
  expect(answer(name, actual, expected)).toBe(holds);
});

it.each<[Name, JsonValue]>([
  ['matches', 7],
  ['doesNotMatch', null],
  ['like', ['a']],
  ['someLike', 'a'],
  ['someMatches', ['a', 1]],
  ['matches', 'a'.repeat(TEXT_CHARACTERS_MAX + 1)],
  ['someMatches', Array<string>(3).fill('a'.repeat(TEXT_CHARACTERS_MAX / 2))],
])('%s does not search %j', (name, actual) => {
  expect(answer(name, actual, 'a')).toEqual(expect.any(String));
});

it('a text that is only searched for a part may be of any length', () => {
  expect(answer('containsText', 'a'.repeat(100_000), 'b')).toBe(false);
});

describe('a value', () => {
  it.each(['(', 'a**', '(?=a)', '(?<!a)b', '(a)\\1', 'a'.repeat(501), '', '((a{50}){50}){50}'])(
    'may not be the regular expression %j',
    (pattern) => {
      expect(textOperators.matches.accepts(pattern)).toBe(false);
    },
  );

  it('is no empty list of patterns, and none that is too long', () => {
    for (const refused of [[], [''], Array(VALUES_MAX + 1).fill('a'), ['a'.repeat(501)], [1]]) {
      expect(textOperators.like.accepts(refused)).toBe(false);
    }
    expect(textOperators.like.accepts(['a*', 'b'])).toBe(true);
  });

  it('costs nothing as long as it has no wildcards', () => {
    expect(textOperators.like.stepsPerCharacter?.(['abc', 'a\\*'])).toBe(0);
    expect(textOperators.like.stepsPerCharacter?.(['abc*'])).toBe(1);
    expect(textOperators.matches.stepsPerCharacter?.('(a|b){100}')).toBeGreaterThan(100);
  });
});

it('shows the texts that decided', () => {
  const files = ['a', 'b/c', 'b/d'];
  expect(textOperators.someLike.deciding?.(files, 'B/*')).toEqual(['b/c', 'b/d']);
});
