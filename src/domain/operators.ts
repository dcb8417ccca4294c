/**
 * The operators of a condition: the allow-list, with the types that each can compare. An operator never guesses: a
 * string is not compared with a number, so `"7"` is not less than 10, it is a mismatch, and a mismatch is unknown.
 * Every comparison takes time in proportion to its operands; the regular expressions among them are of a linear engine.
 */
import type { JsonValue } from './json.ts';
import { networkOperators } from './network-operators.ts';
import { isString, kindOf, type Operator, type Scalar, VALUES_MAX } from './operator.ts';
import { textOperators } from './text-operators.ts';
import { timeOperators } from './time-operators.ts';

const isScalar = (value: unknown): value is Scalar =>
  value === null || ['boolean', 'number', 'string'].includes(typeof value);

const isComparableNumber = (value: unknown): value is number =>
  typeof value === 'number' &&
  (Number.isSafeInteger(value) || !Number.isInteger(value)) &&
  Number.isFinite(value);

const isListOfScalars = (value: unknown): value is readonly Scalar[] =>
  Array.isArray(value) &&
  value.length > 0 &&
  value.length <= VALUES_MAX &&
  value.every(isScalar) &&
  new Set(value.filter((element) => element !== null).map((element) => typeof element)).size <= 1;

/** Null compares with anything, by being equal to nothing else; every other pair must be of one kind. */
function scalarMismatch(actual: JsonValue, expected: Scalar): string | undefined {
  if (actual === null || expected === null) return undefined;
  if (typeof actual !== typeof expected) return `is ${kindOf(actual)}, not ${kindOf(expected)}`;
  if (typeof actual === 'number' && !isComparableNumber(actual)) {
    return 'is a whole number too large to be compared exactly';
  }
  return undefined;
}

function elementMismatch(actual: JsonValue, expected: Scalar): string | undefined {
  if (!Array.isArray(actual)) return `is ${kindOf(actual)}, not an array`;
  for (const element of actual as readonly JsonValue[]) {
    const mismatch = scalarMismatch(element, expected);
    if (mismatch !== undefined) return `has an element that ${mismatch}`;
  }
  return undefined;
}

/** The kind of a list is that of its first element that is not null. */
const sampleOf = (expected: JsonValue): Scalar =>
  (expected as readonly Scalar[]).find((element) => element !== null) ?? null;

const equality = (holds: Operator['holds']): Operator => ({
  expects: 'a string, a number, true, false or null',
  accepts: (expected) =>
    isScalar(expected) && (typeof expected !== 'number' || isComparableNumber(expected)),
  mismatch: (actual, expected) => scalarMismatch(actual, expected as Scalar),
  holds,
});

const membership = (holds: Operator['holds']): Operator => ({
  expects: `a list of 1 to ${VALUES_MAX} strings, or of numbers, or of booleans`,
  accepts: isListOfScalars,
  mismatch: (actual, expected) => scalarMismatch(actual, sampleOf(expected)),
  holds,
});

const order = (holds: (actual: number, expected: number) => boolean): Operator => ({
  expects: 'a number',
  accepts: isComparableNumber,
  mismatch: (actual, expected) =>
    actual === null ? 'is null, not a number' : scalarMismatch(actual, expected as Scalar),
  holds: (actual, expected) => holds(actual as number, expected as number),
});

const text = (holds: (actual: string, expected: string) => boolean): Operator => ({
  expects: 'a string that is not empty',
  accepts: (expected) => isString(expected) && expected !== '',
  mismatch: (actual) => (isString(actual) ? undefined : `is ${kindOf(actual)}, not a string`),
  holds: (actual, expected) => holds(actual as string, expected as string),
});

/** Operators that ask whether some elements of an array pass a test. */
const elements = (
  { expects, accepts }: Pick<Operator, 'expects' | 'accepts'>,
  sample: (expected: JsonValue) => Scalar,
  test: (expected: JsonValue) => (element: JsonValue) => boolean,
  holdsWhenFound: boolean,
): Operator => ({
  expects,
  accepts,
  sweeps: true,
  mismatch: (actual, expected) => elementMismatch(actual, sample(expected)),
  holds: (actual, expected) =>
    (actual as readonly JsonValue[]).some(test(expected)) === holdsWhenFound,
  deciding: (actual, expected) => actual.filter(test(expected)),
});

/** Sets of the lists that conditions compare with; a list lives as long as the version of its policy. */
const sets = new WeakMap<object, ReadonlySet<JsonValue>>();
const oneOf = (expected: JsonValue): ((element: JsonValue) => boolean) => {
  const list = expected as readonly JsonValue[];
  const wanted = sets.get(list) ?? new Set(list);
  sets.set(list, wanted);
  return (element) => wanted.has(element);
};
const same = (expected: JsonValue) => (element: JsonValue) => element === expected;
const itself = (expected: JsonValue): Scalar => expected as Scalar;
const scalar = equality(() => false);
const list = membership(() => false);
const prefix = text(() => false);

/** What a person wants to see of the list are the elements that are not among the expected ones. */
const everyElement = (holdsWhenAll: boolean): Operator => ({
  ...elements(list, sampleOf, oneOf, true),
  holds: (actual, expected) =>
    (actual as readonly JsonValue[]).every(oneOf(expected)) === holdsWhenAll,
  deciding: (actual, expected) => actual.filter((element) => !oneOf(expected)(element)),
});

/** Asked only about a path that leads somewhere; of one that does not, conditions.ts knows the answer. */
const existence: Operator = {
  expects: 'true or false',
  accepts: (expected) => typeof expected === 'boolean',
  mismatch: () => undefined,
  holds: (_, expected) => expected === true,
};

export const operators = {
  equal: equality((actual, expected) => actual === expected),
  notEqual: equality((actual, expected) => actual !== expected),
  in: membership((actual, expected) => oneOf(expected)(actual)),
  notIn: membership((actual, expected) => !oneOf(expected)(actual)),
  lessThan: order((actual, expected) => actual < expected),
  lessThanInclusive: order((actual, expected) => actual <= expected),
  greaterThan: order((actual, expected) => actual > expected),
  greaterThanInclusive: order((actual, expected) => actual >= expected),
  startsWith: text((actual, expected) => actual.startsWith(expected)),
  endsWith: text((actual, expected) => actual.endsWith(expected)),
  contains: elements(scalar, itself, same, true),
  doesNotContain: elements(scalar, itself, same, false),
  containsAny: elements(list, sampleOf, oneOf, true),
  containsNone: elements(list, sampleOf, oneOf, false),
  containsAll: {
    ...elements(list, sampleOf, oneOf, true),
    holds: (actual, expected) => {
      const found = new Set(actual as readonly JsonValue[]);
      return (expected as readonly JsonValue[]).every((element) => found.has(element));
    },
  },
  subsetOf: everyElement(true),
  notSubsetOf: everyElement(false),
  someStartsWith: elements(
    prefix,
    itself,
    (expected) => (element) => isString(element) && element.startsWith(expected as string),
    true,
  ),
  exists: existence,
  ...textOperators,
  ...networkOperators,
  ...timeOperators,
} as const satisfies Record<string, Operator>;

export type OperatorName = keyof typeof operators;
export const operatorNames = Object.keys(operators) as OperatorName[];

export function isOperatorName(name: unknown): name is OperatorName {
  return typeof name === 'string' && Object.hasOwn(operators, name);
}
