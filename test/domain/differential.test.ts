/**
 * Policies as the pipeline asks them (index, screen, strict operators) against plain json-rules-engine with its own
 * operators and its own paths, on events that have every member in its type: there both must say the same, always.
 * Where a member is absent or of another type the engine guesses and we do not; rules.test.ts holds that side.
 *
 * 20,000 pairs of policy and event here; DIFFERENTIAL_PAIRS=1000000 for a release. The seed is printed with a failure.
 */
import fc from 'fast-check';
import { Engine, type TopLevelCondition } from 'json-rules-engine';
import { expect, it } from 'vitest';
import { type AssessedEvent, evaluate } from '../../src/domain/advisory.ts';
import type { Condition, Conditions, Leaf } from '../../src/domain/conditions.ts';
import type { JsonObject, JsonValue } from '../../src/domain/json.ts';
import { arrangePolicies } from '../../src/domain/policy.ts';
import { compiled, policyOf } from '../support/documents.ts';

const PAIRS = Number(process.env['DIFFERENTIAL_PAIRS'] ?? 20_000);
const POLICIES_PER_ROUND = 40;
const EVENTS_PER_ROUND = 250;

const words = fc.constantFrom<JsonValue>('a', 'b', 'ab', 'main', '');
const numbers = fc.constantFrom<JsonValue>(-1, 0, 1, 2.5, 7, 1_000_000);
const flags = fc.boolean() as fc.Arbitrary<JsonValue>;
const listsOf = (of: fc.Arbitrary<JsonValue>) =>
  fc.array(of, { minLength: 1, maxLength: 4 }) as fc.Arbitrary<JsonValue>;

/** Members of the data, each with its type. */
const members = {
  word: words,
  'deep.word': words,
  number: numbers,
  'deep.number': numbers,
  flag: flags,
  'deep.er.flag': flags,
  words: listsOf(words),
  'deep.numbers': listsOf(numbers),
} as const;

const payloads = fc
  .record({
    word: words,
    number: numbers,
    flag: flags,
    words: listsOf(words),
    deep: fc.record({
      word: words,
      number: numbers,
      numbers: listsOf(numbers),
      er: fc.record({ flag: flags }),
    }),
  })
  .map((data) => data as JsonObject);

const leaves: fc.Arbitrary<Leaf> = fc
  .constantFrom(...(Object.keys(members) as (keyof typeof members)[]))
  .chain((path) => {
    const isList = path.endsWith('s');
    const of = path.includes('umber') ? numbers : path.includes('flag') ? flags : words;
    const shapes = isList
      ? [{ names: ['contains', 'doesNotContain'], value: of }]
      : [
          { names: ['equal', 'notEqual'], value: of },
          { names: ['in', 'notIn'], value: listsOf(of) },
          ...(of === numbers
            ? [
                {
                  names: ['lessThan', 'lessThanInclusive', 'greaterThan', 'greaterThanInclusive'],
                  value: of,
                },
              ]
            : []),
        ];
    return fc.constantFrom(...shapes).chain(({ names, value }) =>
      fc.record({
        fact: fc.constant('event' as const),
        path: fc.constant(`$.data.${path}`),
        operator: fc.constantFrom(...names) as fc.Arbitrary<Leaf['operator']>,
        value,
      }),
    );
  });

const trees = fc.letrec<{ condition: Condition }>((tie) => {
  const some = fc.array(tie('condition'), { minLength: 1, maxLength: 4 });
  return {
    condition: fc.oneof(
      { depthSize: 'small' },
      leaves,
      fc.record({ all: some }),
      fc.record({ any: some }),
      fc.record({ not: tie('condition') }),
    ),
  };
}).condition;
const conditions: fc.Arbitrary<Conditions> = trees.map((tree) =>
  'fact' in tree ? { all: [tree] } : tree,
);

function plainRule(tree: Conditions): Engine {
  const engine = new Engine();
  engine.addRule({ conditions: tree as unknown as TopLevelCondition, event: { type: 'fired' } });
  return engine;
}

function assessed(data: JsonObject, number: number): AssessedEvent {
  const event = {
    source: 'differential',
    id: String(number),
    type: 'com.example.thing',
    subject: 'a thing',
    time: '2026-01-01T00:00:00.000000Z',
    data,
  };
  return {
    facts: { event, risk: { score: 0, level: 'LOW', contributions: [] } },
    assessment: { score: '0.0000', level: 'LOW', contributions: [] },
  };
}

it('the pipeline says what plain json-rules-engine says', { timeout: 0 }, async () => {
  const seed = Date.now();
  const rounds = Math.ceil(PAIRS / (POLICIES_PER_ROUND * EVENTS_PER_ROUND));
  const said = { matched: 0, 'not matched': 0 };
  for (let round = 0; round < rounds; round += 1) {
    const sampleSeed = seed + round;
    const all = fc.sample(conditions, { numRuns: POLICIES_PER_ROUND, seed: sampleSeed });
    const events = fc.sample(payloads, { numRuns: EVENTS_PER_ROUND, seed: sampleSeed });
    const definitions = all.map((tree, index) => policyOf(`policy-${index}`, { conditions: tree }));
    const policies = arrangePolicies(definitions.map(compiled));
    const plain = all.map(plainRule);
    for (const [number, data] of events.entries()) {
      const { asked } = await evaluate(assessed(data, number), policies);
      const answers = new Map(asked.map(({ policy, result }) => [policy, result]));
      for (const [index, engine] of plain.entries()) {
        const { events: fired } = await engine.run({ event: { data } });
        const expected = fired.length > 0 ? 'matched' : 'not matched';
        said[expected] += 1;
        if (answers.get(`policy-${index}@1`) !== expected) {
          expect.fail(
            `seed ${sampleSeed}: ${JSON.stringify(all[index])} on ${JSON.stringify(data)} is ${expected}, not ${answers.get(`policy-${index}@1`)}`,
          );
        }
      }
    }
  }
  // A comparison that only ever saw one answer would prove little.
  expect(said.matched).toBeGreaterThan(PAIRS / 10);
  expect(said['not matched']).toBeGreaterThan(PAIRS / 10);
});
