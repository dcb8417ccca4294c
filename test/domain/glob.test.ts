import fc from 'fast-check';
import { expect, it } from 'vitest';
import { parseGlob } from '../../src/domain/glob.ts';

const covers = (pattern: string, text: string) => parseGlob(pattern).covers(text.toLowerCase());

it.each([
  ['abc', 'ABC', true],
  ['abc', 'abcd', false],
  ['*', '', true],
  ['?', '', false],
  ['a*', 'a', true],
  ['*b', 'aab', true],
  ['a*b*c', 'a1b2b3c', true],
  ['a*b*c', 'a1c2b', false],
  ['a?c', 'abc', true],
  ['a?c', 'ac', false],
  ['a\\*c', 'a*c', true],
  ['a\\*c', 'abc', false],
  ['a\\\\*', 'a\\bc', true],
  ['C:\\Windows', 'c:\\windows', true],
  ['line*end', 'line\nend', true],
])('%j on %j: %s', (pattern, text, covered) => {
  expect(covers(pattern, text)).toBe(covered);
});

it('says what a backtracking regular expression says', () => {
  const letters = (alphabet: readonly string[]) =>
    fc.array(fc.constantFrom(...alphabet), { maxLength: 8 }).map((all) => all.join(''));
  fc.assert(
    fc.property(letters(['a', 'b', '*', '?']), letters(['a', 'b', 'A']), (pattern, text) => {
      const source = pattern.replaceAll('*', '.*').replaceAll('?', '.');
      expect(covers(pattern, text)).toBe(new RegExp(`^${source}$`, 'is').test(text));
    }),
    { numRuns: 2_000 },
  );
});
