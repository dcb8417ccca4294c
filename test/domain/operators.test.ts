import { describe, expect, it } from 'vitest';
import type { JsonValue } from '../../src/domain/json.ts';
import { type Operator, VALUES_MAX } from '../../src/domain/operator.ts';
import {
  isOperatorName,
  type OperatorName,
  operatorNames,
  operators,
} from '../../src/domain/operators.ts';

/** true, false, or the mismatch. */
function answer(name: OperatorName, actual: JsonValue, expected: JsonValue): boolean | string {
  const operator: Operator = operators[name];
  return operator.mismatch(actual, expected) ?? operator.holds(actual, expected);
}

describe('each operator', () => {
  it.each<[OperatorName, JsonValue, JsonValue, boolean]>([
    ['equal', 'a', 'a', true],
    ['equal', 'a', 'A', false],
    ['equal', null, null, true],
    ['equal', [], null, false],
    ['notEqual', true, false, true],
    ['notEqual', null, 'a', true],
    ['in', 2, [1, 2], true],
    ['in', null, ['a', null], true],
    ['in', null, ['a'], false],
    ['notIn', 'c', ['a', 'b'], true],
    ['notIn', 'a', ['a', 'b'], false],
    ['lessThan', 1, 2, true],
    ['lessThan', 2, 2, false],
    ['lessThanInclusive', 2, 2, true],
    ['greaterThan', 2.5, 2, true],
    ['greaterThan', 2, 2, false],
    ['greaterThanInclusive', 2, 2, true],
    ['startsWith', 'refs/heads/main', 'refs/heads/', true],
    ['startsWith', 'refs/tags/1', 'refs/heads/', false],
    ['endsWith', 'a.yml', '.yml', true],
    ['endsWith', 'a.yaml', '.yml', false],
    ['contains', ['a', 'b'], 'b', true],
    ['contains', [], 'b', false],
    ['doesNotContain', ['a'], 'b', true],
    ['doesNotContain', ['b'], 'b', false],
    ['containsAny', ['a', 'b'], ['b', 'c'], true],
    ['containsAny', ['a'], ['b', 'c'], false],
    ['containsNone', ['a'], ['b', 'c'], true],
    ['containsNone', ['a', 'c'], ['b', 'c'], false],
    ['containsAll', ['a', 'b', 'c'], ['a', 'c'], true],
    ['containsAll', ['a'], ['a', 'c'], false],
    ['subsetOf', ['a', 'b'], ['a', 'b', 'c'], true],
    ['subsetOf', [], ['a'], true],
    ['subsetOf', ['a', 'd'], ['a', 'b'], false],
    ['subsetOf', [null], ['a'], false],
    ['notSubsetOf', ['a', 'd'], ['a', 'b'], true],
    ['notSubsetOf', ['a'], ['a', 'b'], false],
    ['exists', 'anything', true, true],
    ['exists', 'anything', false, false],
    ['someStartsWith', ['src/a', '.github/workflows/ci.yml'], '.github/workflows/', true],
    ['someStartsWith', ['src/a', null], '.github/', false],
  ])('%s: %j against %j is %s', (name, actual, expected, holds) => {
    expect(answer(name, actual, expected)).toBe(holds);
  });

  it.each<[OperatorName, JsonValue, JsonValue]>([
    ['equal', '7', 7],
    ['notEqual', 7, '7'],
    ['equal', { a: 1 }, 'a'],
    ['equal', 2 ** 53, 7],
    ['in', '7', [7]],
    ['notIn', '7', [7]],
    ['lessThan', '7', 10],
    ['lessThan', null, 10],
    ['greaterThan', [11], 10],
    ['startsWith', 7, '7'],
    ['startsWith', null, 'a'],
    ['contains', 'abc', 'a'],
    ['contains', [1, 'a'], 1],
    ['doesNotContain', [{ a: 1 }], 'a'],
    ['doesNotContain', 'abc', 'd'],
    ['containsNone', 'a', ['b']],
    ['someStartsWith', [1], 'a'],
  ])('%s does not compare %j with %j', (name, actual, expected) => {
    expect(answer(name, actual, expected)).toEqual(expect.any(String));
  });

  it.each(operatorNames)('%s is tried here on values that it refuses to be given', (name) => {
    const refused: unknown[] = [
      undefined,
      { a: 1 },
      [],
      [['a']],
      [1, 'a'],
      Number.NaN,
      2 ** 53,
      new Date(),
    ];
    // Reads as a call of the engine for another fact.
    refused.push({ fact: 'event', path: '$.id' });
    expect(refused.filter((value) => operators[name].accepts(value))).toEqual([]);
  });

  it('takes lists up to a limit', () => {
    expect(operators.in.accepts(Array(VALUES_MAX).fill('a'))).toBe(true);
    expect(operators.in.accepts(Array(VALUES_MAX + 1).fill('a'))).toBe(false);
  });
});

it('there is no operator that an object only inherits, and none with a decorator', () => {
  for (const name of ['constructor', 'toString', 'someFact:equal', 'not:equal', 'regex', 7]) {
    expect(isOperatorName(name)).toBe(false);
  }
});

it('names the elements that decided', () => {
  expect(operators.someStartsWith.deciding?.(['a', 'b/c', 'b/d'], 'b/')).toEqual(['b/c', 'b/d']);
  expect(operators.containsNone.deciding?.(['a', 'b'], ['b'])).toEqual(['b']);
  expect(operators.notSubsetOf.deciding?.(['a', 'b'], ['b'])).toEqual(['a']);
});
