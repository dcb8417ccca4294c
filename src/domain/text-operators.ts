/** Operators that search texts: for a part, for a pattern with wildcards, for a regular expression. */
import { GLOB_CHARACTERS_MAX, type Glob, parseGlob } from './glob.ts';
import type { JsonValue } from './json.ts';
import { isString, kindOf, type Operator, TEXT_CHARACTERS_MAX, VALUES_MAX } from './operator.ts';
import { EXPRESSION_CHARACTERS_MAX, regularExpression } from './regular-expression.ts';

/** What a value means as a test of one text. */
interface Search extends Pick<Operator, 'expects' | 'accepts' | 'stepsPerCharacter'> {
  testOf(expected: JsonValue): (text: string) => boolean;
}

const part: Search = {
  expects: 'a string that is not empty',
  accepts: (expected) => isString(expected) && expected !== '',
  testOf: (expected) => (text) => text.includes(expected as string),
};

const ending: Search = {
  ...part,
  testOf: (expected) => (text) => text.endsWith(expected as string),
};

const expression: Search = {
  expects: `a regular expression in the syntax of RE2, at most ${EXPRESSION_CHARACTERS_MAX} characters, without look-around and back-references`,
  accepts: (expected) => isString(expected) && regularExpression(expected) !== undefined,
  testOf: (expected) => regularExpression(expected as string)!.isIn,
  stepsPerCharacter: (expected) => regularExpression(expected as string)!.size,
};

const patternsOf = (expected: JsonValue): readonly string[] =>
  (Array.isArray(expected) ? expected : [expected]) as readonly string[];

/** Values are lists that live as long as their policy; what is read out of one lives as long as it does. */
const globs = new WeakMap<object, readonly Glob[]>();

function globsOf(expected: JsonValue): readonly Glob[] {
  if (!Array.isArray(expected)) return [parseGlob(expected as string)];
  const known = globs.get(expected);
  if (known !== undefined) return known;
  const parsed = patternsOf(expected).map(parseGlob);
  globs.set(expected, parsed);
  return parsed;
}

const isPattern = (pattern: unknown): boolean =>
  isString(pattern) && pattern !== '' && pattern.length <= GLOB_CHARACTERS_MAX;

const wildcards: Search = {
  expects: `a text with * and ?, or a list of 1 to ${VALUES_MAX} of them, of at most ${GLOB_CHARACTERS_MAX} characters each`,
  accepts: (expected) =>
    Array.isArray(expected)
      ? expected.length > 0 && expected.length <= VALUES_MAX && expected.every(isPattern)
      : isPattern(expected),
  testOf(expected) {
    const patterns = globsOf(expected);
    return (text) => {
      const lowerCase = text.toLowerCase();
      return patterns.some((glob) => glob.covers(lowerCase));
    };
  },
  stepsPerCharacter: (expected) => globsOf(expected).reduce((sum, { size }) => sum + size, 0),
};

const tooLong = (characters: number): string | undefined =>
  characters > TEXT_CHARACTERS_MAX
    ? `has ${characters} characters, and at most ${TEXT_CHARACTERS_MAX} are searched`
    : undefined;

/** Only what costs more than reading the text is limited in the length of it. */
const oneText = (search: Search, holdsWhenFound: boolean): Operator => ({
  ...search,
  ...(search.stepsPerCharacter ? {} : { sweeps: true }),
  mismatch(actual) {
    if (!isString(actual)) return `is ${kindOf(actual)}, not a string`;
    return search.stepsPerCharacter ? tooLong(actual.length) : undefined;
  },
  holds: (actual, expected) => search.testOf(expected)(actual as string) === holdsWhenFound,
});

/** Elements that are null are passed over, as they are by every operator on lists. */
const someText = (search: Search): Operator => ({
  ...search,
  sweeps: true,
  mismatch(actual) {
    if (!Array.isArray(actual)) return `is ${kindOf(actual)}, not an array`;
    const elements = (actual as readonly JsonValue[]).filter((element) => element !== null);
    const other = elements.find((element) => !isString(element));
    if (other !== undefined) return `has an element that is ${kindOf(other)}, not a string`;
    const texts = elements as readonly string[];
    return search.stepsPerCharacter
      ? tooLong(texts.reduce((sum, text) => sum + text.length, 0))
      : undefined;
  },
  holds(actual, expected) {
    const test = search.testOf(expected);
    return (actual as readonly JsonValue[]).some((text) => isString(text) && test(text));
  },
  deciding(actual, expected) {
    const test = search.testOf(expected);
    return actual.filter((text) => isString(text) && test(text));
  },
});

export const textOperators = {
  containsText: oneText(part, true),
  doesNotContainText: oneText(part, false),
  like: oneText(wildcards, true),
  notLike: oneText(wildcards, false),
  matches: oneText(expression, true),
  doesNotMatch: oneText(expression, false),
  someContainsText: someText(part),
  someEndsWith: someText(ending),
  someLike: someText(wildcards),
  someMatches: someText(expression),
} as const satisfies Record<string, Operator>;
