import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Condition, Conditions, Leaf } from '../../src/domain/conditions.ts';
import type { JsonObject, JsonValue } from '../../src/domain/json.ts';
import type { Operator } from '../../src/domain/operator.ts';
import { operators } from '../../src/domain/operators.ts';
import { compileRule, excerpt, type RuleAnswer } from '../../src/domain/rules.ts';
import { conditionsOver, factsOf, leaf, payloads } from '../support/conditions.ts';

const ask = (conditions: Conditions, data: JsonValue) => compileRule(conditions).ask(factsOf(data));
describe('a rule', () => {
  it('answers by its conditions, and shows what each of them saw', async () => {
    const answer = await ask(
      { all: [leaf('a', 'equal', 1), leaf('b', 'startsWith', 'x')] },
      { a: 1, b: 'y' },
    );
    expect(answer).toEqual({
      result: 'not matched',
      evidence: [
        {
          position: 'all.0',
          fact: 'event',
          path: '$.data.a',
          operator: 'equal',
          expected: 1,
          actual: 1,
          result: 'held',
        },
        {
          position: 'all.1',
          fact: 'event',
          path: '$.data.b',
          operator: 'startsWith',
          expected: 'x',
          actual: 'y',
          result: 'not held',
        },
      ],
    });
  });

  it.each<[string, Conditions, JsonValue]>([
    [
      'notEqual on an absent path, which the engine would let hold',
      { all: [leaf('a', 'notEqual', 'x')] },
      {},
    ],
    ['notIn on an absent path, likewise', { all: [leaf('a', 'notIn', ['x'])] }, {}],
    ['not around an absent path', { not: leaf('a', 'equal', 'x') }, {}],
    ['a string compared with a number', { all: [leaf('a', 'lessThan', 10)] }, { a: '7' }],
    ['notEqual on null', { all: [leaf('a', 'notEqual', 'x')] }, { a: null }],
    ['data that is no object', { all: [leaf('a', 'notEqual', 'x')] }, 'text'],
    [
      'an unknown beside an any that holds',
      { any: [leaf('a', 'equal', 1), leaf('b', 'equal', 1)] },
      { a: 1 },
    ],
    [
      'an unknown beside an all that fails',
      { all: [leaf('a', 'equal', 2), leaf('b', 'equal', 1)] },
      { a: 1 },
    ],
    ['a member that is only inherited', { all: [leaf('constructor', 'notEqual', 'x')] }, {}],
  ])('is unknown for %s', async (_, conditions, data) => {
    expect(await ask(conditions, data)).toMatchObject({ result: 'unknown' });
  });

  it.each<[Leaf['ifAbsent'], RuleAnswer['result']]>([
    ['match', 'matched'],
    ['noMatch', 'not matched'],
    ['unknown', 'unknown'],
  ])('says what ifAbsent: %s says, of an absent path and of null', async (ifAbsent, result) => {
    for (const data of [{}, { a: null }]) {
      const answer = await ask({ all: [leaf('a', 'equal', 'x', ifAbsent)] }, data);
      expect(answer.result).toBe(result);
      expect(answer.evidence[0]).not.toHaveProperty('actual');
      expect(answer.evidence[0]?.reason).toContain('absent');
    }
  });

  it('takes absence for an answer where existence is asked', async () => {
    for (const data of [{}, { a: null }]) {
      expect(await ask({ all: [leaf('a', 'exists', false)] }, data)).toMatchObject({
        result: 'matched',
      });
      expect(await ask({ all: [leaf('a', 'exists', true)] }, data)).toMatchObject({
        result: 'not matched',
      });
    }
    expect(await ask({ all: [leaf('a', 'exists', true)] }, { a: {} })).toMatchObject({
      result: 'matched',
    });
  });

  it('compares with null where it was asked to', async () => {
    expect(await ask({ all: [leaf('a', 'equal', null)] }, { a: null })).toMatchObject({
      result: 'matched',
    });
    expect(await ask({ all: [leaf('a', 'in', ['x', null])] }, { a: null })).toMatchObject({
      result: 'matched',
    });
  });

  it('says why a value could not be compared', async () => {
    const { evidence } = await ask({ all: [leaf('a', 'lessThan', 10)] }, { a: '7' });
    expect(evidence[0]).toMatchObject({
      actual: '7',
      result: 'unknown',
      reason: 'the value is a string, not a number',
    });
  });

  it('shows of a long list the elements that decided', async () => {
    const files = [
      ...Array.from({ length: 500 }, (_, n) => `src/${n}`),
      '.github/workflows/ci.yml',
    ];
    const { evidence } = await ask(
      { all: [leaf('f', 'someStartsWith', '.github/')] },
      { f: files },
    );
    expect(evidence[0]?.actual).toEqual(['.github/workflows/ci.yml']);
  });

  it('is unknown, and does not throw, when its facts are not what they must be', async () => {
    const rule = compileRule({ all: [leaf('a', 'notEqual', 'x')] });
    for (const event of [null, 'text', []]) {
      expect(await rule.ask({ event } as never)).toMatchObject({
        result: 'unknown',
        fault: expect.stringContaining('event'),
      });
    }
    expect(await rule.ask({} as never)).toMatchObject({
      result: 'unknown',
      fault: 'Undefined fact: event',
    });
    expect(await rule.ask(factsOf({ a: 'y' }))).toMatchObject({ result: 'matched' });
  });

  it('answers every question, however the asking of several interleaves', async () => {
    const rule = compileRule({ all: [leaf('a', 'equal', 1)] });
    const facts = factsOf({ a: 1 });
    const results: string[] = [];
    const askers = Array.from({ length: 8 }, async (_, pace) => {
      for (let round = 0; round < 200; round += 1) {
        for (let step = 0; step < (round * pace) % 11; step += 1) await Promise.resolve();
        results.push((await rule.ask(facts)).result);
      }
    });
    await Promise.all(askers);
    expect(results.filter((result) => result !== 'matched')).toEqual([]);
    expect(results).toHaveLength(1600);
  });

  it('cannot be reached by what an event says', async () => {
    const data: JsonObject = JSON.parse(
      '{"__proto__": {"a": 1}, "then": 1, "fact": "event", "path": "$..x"}',
    );
    expect(await ask({ all: [leaf('a', 'equal', 1, 'noMatch')] }, data)).toMatchObject({
      result: 'not matched',
    });
  });
});

/** What the engine must say, written down once more and as plainly as possible. */
function reference(condition: Condition, data: JsonValue): boolean | 'unknown' {
  if ('not' in condition) return negate(reference(condition.not, data));
  if ('all' in condition)
    return combine(
      condition.all.map((one) => reference(one, data)),
      true,
    );
  if ('any' in condition)
    return combine(
      condition.any.map((one) => reference(one, data)),
      false,
    );
  let value: JsonValue | undefined = data;
  for (const name of condition.path.split('.').slice(2)) {
    const object: unknown = value;
    const isObject = typeof object === 'object' && object !== null && !Array.isArray(object);
    value = isObject && Object.hasOwn(object, name) ? (object as JsonObject)[name] : undefined;
  }
  const { operator: name, value: expected, ifAbsent } = condition;
  if (name === 'exists') return (value !== undefined && value !== null) === expected;
  const wantsNull = expected === null || (Array.isArray(expected) && expected.includes(null));
  if (value === undefined || (value === null && !wantsNull)) {
    return ifAbsent === 'match' ? true : ifAbsent === 'noMatch' ? false : 'unknown';
  }
  const operator: Operator = operators[name];
  return operator.mismatch(value, expected) === undefined
    ? operator.holds(value, expected)
    : 'unknown';
}
const negate = (answer: boolean | 'unknown') => (answer === 'unknown' ? answer : !answer);
const combine = (answers: readonly (boolean | 'unknown')[], isAll: boolean) => {
  if (answers.includes('unknown')) return 'unknown';
  return isAll ? !answers.includes(false) : answers.includes(true);
};

const conditions = conditionsOver(['a', 'b', 'a.b', 'a.b.c', 'toString']);

it('the engine says what a reference evaluator says', async () => {
  const seen = new Map<unknown, number>();
  await fc.assert(
    fc.asyncProperty(conditions, payloads, async (condition, data) => {
      const expected = reference(condition, data as JsonValue);
      seen.set(expected, (seen.get(expected) ?? 0) + 1);
      const { result } = await ask({ all: [condition] }, data as JsonValue);
      expect(result).toBe(
        expected === 'unknown' ? 'unknown' : expected ? 'matched' : 'not matched',
      );
    }),
    { numRuns: 4000 },
  );
  // A comparison that only ever saw one answer would prove little.
  for (const answer of [true, false, 'unknown']) expect(seen.get(answer)).toBeGreaterThan(100);
});

describe('an excerpt', () => {
  it('keeps what is short and cuts what is long', () => {
    expect(excerpt('a')).toBe('a');
    expect(excerpt('a'.repeat(300))).toBe(`${'a'.repeat(200)}…`);
    expect(excerpt(Array(12).fill(1))).toEqual([...Array(10).fill(1), '… and 2 more']);
    expect(excerpt({ a: 1 })).toBe('{…}');
    expect(excerpt([{ a: 1 }])).toEqual(['{…}']);
  });

  it('never ends in half a character', () => {
    expect((excerpt(`${'a'.repeat(199)}😀`.padEnd(300, 'b')) as string).isWellFormed()).toBe(true);
  });
});

it('facts are frozen to the bottom as soon as the engine is asked', async () => {
  const facts = factsOf({ a: [{ b: 1 }] });
  const { event } = facts;
  await compileRule({ all: [leaf('a', 'equal', 1)] }).ask(facts);
  const data = event.data as { a: { b: number }[] };
  expect(() => {
    data.a[0]!.b = 2;
  }).toThrow(TypeError);
});
