import fc from 'fast-check';
import { expect, it } from 'vitest';
import { compileRule } from '../../src/domain/rules.ts';
import { conditionsOver, factsOf, leaf, payloads } from '../support/conditions.ts';

const EVENTS_OF_A_RULE = 10;
const RULES = 10_000;

it(`excludes nothing that the engine does not answer with "not matched": ${RULES * EVENTS_OF_A_RULE} cases`, async () => {
  const seen = { excluded: 0, asked: 0 };
  const conditions = conditionsOver([
    'a',
    'b',
    'a.b',
    'a.b.c',
    'a[*]',
    'a[*].b',
    'a[*].b[*]',
    'toString',
  ]);
  const events = fc.array(payloads, { minLength: EVENTS_OF_A_RULE, maxLength: EVENTS_OF_A_RULE });
  await fc.assert(
    fc.asyncProperty(conditions, events, async (condition, all) => {
      const rule = compileRule({ all: [condition] });
      for (const facts of all.map(factsOf)) {
        if (!rule.excludes(facts)) {
          seen.asked += 1;
          continue;
        }
        seen.excluded += 1;
        expect((await rule.ask(facts)).result).toBe('not matched');
      }
    }),
    { numRuns: RULES },
  );
  // Neither a screen that excludes nothing nor one that is asked about little would be a test.
  expect(seen.excluded).toBeGreaterThan(10_000);
  expect(seen.asked).toBeGreaterThan(10_000);
}, 300_000);

it('leaves a rule with one unknown condition to the engine, even beside one that fails', () => {
  const rule = compileRule({ all: [leaf('a', 'equal', 1), leaf('b', 'equal', 1)] });
  expect(rule.excludes(factsOf({ a: 2, b: 1 }))).toBe(true);
  expect(rule.excludes(factsOf({ a: 2 }))).toBe(false);
  expect(rule.excludes(factsOf({ a: 2, b: 'text' }))).toBe(false);
});

it('leaves facts that are none to the engine', () => {
  const rule = compileRule({ all: [leaf('a', 'equal', 1, 'noMatch')] });
  for (const event of [null, 'text', []]) expect(rule.excludes({ event } as never)).toBe(false);
  expect(rule.excludes({} as never)).toBe(false);
  expect(rule.excludes(factsOf({}))).toBe(true);
});

it('leaves to the engine what throws', () => {
  const rule = compileRule({ all: [leaf('a', 'equal', 1, 'noMatch')] });
  const data = {
    get a(): number {
      throw new Error('no');
    },
  };
  expect(rule.excludes(factsOf(data))).toBe(false);
});
