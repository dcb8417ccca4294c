/** Conditions, facts, and generators of both. */
import fc from 'fast-check';
import type { Condition, Leaf } from '../../src/domain/conditions.ts';
import type { JsonValue } from '../../src/domain/json.ts';
import { type OperatorName, operatorNames, operators } from '../../src/domain/operators.ts';
import type { Facts } from '../../src/domain/rules.ts';

export function factsOf(data: JsonValue): Facts {
  return { event: { source: 's', id: '1', type: 'com.x', subject: null, time: 't', data } };
}

/** A leaf on a path below `$.data`. */
export const leaf = (
  path: string,
  operator: OperatorName,
  value: JsonValue,
  ifAbsent?: Leaf['ifAbsent'],
): Leaf => ({
  fact: 'event',
  path: `$.data.${path}`,
  operator,
  value,
  ...(ifAbsent && { ifAbsent }),
});

const ADDRESS = '10.1.2.3';
const INSTANT = '2026-01-05T07:00:00Z';
const HOURS: JsonValue = { from: '07:00', to: '08:00', zone: 'UTC' };
const texts = ['a', 'b', 'ab', ADDRESS, INSTANT] as const;
const scalars = fc.constantFrom<JsonValue>(...texts, 1, 2, true, false, null);
const kinds = [
  [...texts, null],
  [1, 2],
  [true, false],
] as const;
const lists = fc
  .constantFrom(...kinds)
  .chain((kind) => fc.array(fc.constantFrom<JsonValue>(...kind), { minLength: 1, maxLength: 3 }));

/** Trees of conditions whose leaves follow these paths, with every operator. */
export function conditionsOver(paths: readonly string[]): fc.Arbitrary<Condition> {
  const leaves: fc.Arbitrary<Leaf> = fc
    .record({
      path: fc.constantFrom(...paths),
      operator: fc.constantFrom(...operatorNames),
      value: fc.oneof(scalars, lists, fc.constant(HOURS)),
      ifAbsent: fc.constantFrom(undefined, 'match', 'noMatch', 'unknown'),
    })
    .filter(({ operator, value }) => operators[operator].accepts(value))
    .map(({ path, operator, value, ifAbsent }) => leaf(path, operator, value, ifAbsent as never));
  return fc.letrec<{ condition: Condition }>((tie) => ({
    condition: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      leaves,
      fc.record({ all: fc.array(tie('condition'), { minLength: 1, maxLength: 3 }) }),
      fc.record({ any: fc.array(tie('condition'), { minLength: 1, maxLength: 3 }) }),
      fc.record({ not: tie('condition') }),
    ),
  })).condition;
}

const values: fc.Arbitrary<JsonValue> = fc.oneof(scalars, fc.array(scalars, { maxLength: 3 }));
const nested = fc.record(
  { b: fc.oneof(values, fc.record({ c: values }, { requiredKeys: [] })) },
  { requiredKeys: [] },
);
/** Data in which paths over `a`, `b` and `c` lead somewhere, to lists and objects too, or nowhere. */
export const payloads = fc.record(
  { a: fc.oneof(values, nested, fc.array(nested, { maxLength: 3 })), b: values },
  { requiredKeys: [] },
) as fc.Arbitrary<JsonValue>;
