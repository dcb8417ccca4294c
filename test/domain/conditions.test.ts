import { describe, expect, it } from 'vitest';
import {
  CONDITIONS_DEPTH_MAX,
  CONDITIONS_MAX,
  checkConditions,
  type Conditions,
  leavesOf,
} from '../../src/domain/conditions.ts';

const leaf = { fact: 'event', path: '$.type', operator: 'equal', value: 'a' } as const;
const problemsOf = (conditions: unknown) =>
  checkConditions(conditions, ['event']).map(({ at, problem }) => `${at.join('.')}: ${problem}`);

function nested(depth: number): unknown {
  return depth === 0 ? leaf : { any: [nested(depth - 1)] };
}

describe('conditions', () => {
  it('may be groups of groups and leaves', () => {
    const conditions = { all: [leaf, { not: { any: [leaf, { ...leaf, ifAbsent: 'match' }] } }] };
    expect(problemsOf(conditions)).toEqual([]);
  });

  it.each<[string, unknown, string]>([
    ['a scalar', 'all', ': conditions start with one group'],
    ['null', null, ': conditions start with one group'],
    ['a single leaf', leaf, ': conditions start with one group'],
    ['an empty all, which the engine holds to be true', { all: [] }, 'all: "all" needs a list'],
    ['an empty any, likewise', { all: [{ any: [] }] }, 'all.0.any: "any" needs a list'],
    ['a group that is no list', { all: leaf }, 'all: "all" needs a list'],
    ['a list under not', { not: [leaf] }, 'not: a condition is a mapping'],
    ['two groups in one', { all: [leaf], any: [leaf] }, ': a group has one member'],
    ['a group that is also a leaf', { all: [leaf], fact: 'event' }, ': a group has one member'],
    ['a shared condition', { all: [{ condition: 'x' }] }, 'all.0.condition: unknown member'],
    ['a priority', { all: [{ ...leaf, priority: 2 }] }, 'all.0.priority: unknown member'],
    ['params', { all: [{ ...leaf, params: {} }] }, 'all.0.params: unknown member'],
    ['a fact that is not there', { all: [{ ...leaf, fact: 'risk' }] }, 'all.0.fact: the fact must'],
    ['a fact of every object', { all: [{ ...leaf, fact: 'constructor' }] }, 'all.0.fact: the fact'],
    [
      'no path',
      { all: [{ fact: 'event', operator: 'equal', value: 1 }] },
      'all.0: the condition has no "path"',
    ],
    [
      'an expression as path',
      { all: [{ ...leaf, path: '$..a[?(@.b)]' }] },
      'all.0.path: write a path',
    ],
    [
      'a path that is no text',
      { all: [{ ...leaf, path: ['$.type'] }] },
      'all.0.path: write a path',
    ],
    [
      'an operator that is not known',
      { all: [{ ...leaf, operator: 'eqal' }] },
      'all.0.operator: unknown operator; did you mean "equal"?',
    ],
    [
      'an operator with a decorator',
      { all: [{ ...leaf, operator: 'someFact:equal' }] },
      'all.0.operator: unknown operator',
    ],
    [
      'an operator of every object',
      { all: [{ ...leaf, operator: 'toString' }] },
      'all.0.operator: unknown operator',
    ],
    [
      'a value of another kind',
      { all: [{ ...leaf, operator: 'lessThan', value: '7' }] },
      'all.0.value: the value of "lessThan" must be a number',
    ],
    [
      'another fact as value',
      { all: [{ ...leaf, value: { fact: 'event', path: '$.id' } }] },
      'all.0.value: the value of "equal"',
    ],
    [
      'no value',
      { all: [{ fact: 'event', path: '$.type', operator: 'equal' }] },
      'all.0: the condition has no "value"',
    ],
    [
      'an ifAbsent that is not known',
      { all: [{ ...leaf, ifAbsent: 'ignore' }] },
      'all.0.ifAbsent: ifAbsent is one of',
    ],
    [
      'a slip in a name',
      { all: [{ ...leaf, ifAbsnt: 'match' }] },
      'all.0.ifAbsnt: unknown member "ifAbsnt"; did you mean "ifAbsent"?',
    ],
    [
      'a word on absence beside the question for it',
      { all: [{ ...leaf, operator: 'exists', value: true, ifAbsent: 'match' }] },
      'all.0.ifAbsent: for "exists" absence is an answer',
    ],
    [
      'many ways through long lists',
      { any: Array(21).fill({ ...leaf, operator: 'contains' }) },
      '21 conditions go through a list or a text',
    ],
    [
      'patterns that together take too long',
      { any: Array(3).fill({ ...leaf, operator: 'matches', value: '(a|b){200}c' }) },
      'the patterns take',
    ],
    ['groups that are too deep', nested(CONDITIONS_DEPTH_MAX + 1), 'groups are nested more than'],
    ['too many', { all: Array(CONDITIONS_MAX).fill(leaf) }, 'there are more than 200 conditions'],
  ])('may not be %s', (_, conditions, problem) => {
    expect(problemsOf(conditions).join('\n')).toContain(problem);
  });

  it('may go as deep and be as many as the limits say', () => {
    expect(problemsOf(nested(CONDITIONS_DEPTH_MAX))).toEqual([]);
    expect(problemsOf({ all: Array(CONDITIONS_MAX - 1).fill(leaf) })).toEqual([]);
  });

  it('are looked at no further than the limit, however many there are', () => {
    let touched = 0;
    const many = new Proxy(Array<unknown>(100_000).fill(leaf), {
      get(target, key, receiver) {
        if (typeof key === 'string' && /^\d+$/.test(key)) touched += 1;
        return Reflect.get(target, key, receiver) as unknown;
      },
    });
    expect(problemsOf({ all: many }).join()).toContain('there are more than 200 conditions');
    expect(touched).toBeLessThanOrEqual(CONDITIONS_MAX + 1);
    expect(problemsOf(nested(1_000)).join()).toContain('groups are nested more than');
  });

  it('report everything that is wrong at once', () => {
    expect(
      problemsOf({
        all: [
          { ...leaf, path: 'x' },
          { ...leaf, operator: 'x' },
        ],
      }),
    ).toHaveLength(2);
  });
});

it('the leaves come with their position in the tree', () => {
  const other = { ...leaf, value: 'b' };
  const conditions: Conditions = { all: [leaf, { not: { any: [other, leaf] } }] };
  expect(leavesOf(conditions)).toEqual([
    { position: 'all.0', leaf },
    { position: 'all.1.not.any.0', leaf: other },
    { position: 'all.1.not.any.1', leaf },
  ]);
});
