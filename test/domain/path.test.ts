import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonObject, JsonValue } from '../../src/domain/json.ts';
import { absent, follow, PATH_VALUES_MAX, parsePath, tooMany } from '../../src/domain/path.ts';

const at = (path: string, fact: JsonObject) => follow(parsePath(path)!, fact);

describe('a path', () => {
  it.each(['$.data', '$.data.repository.full_name', '$.a.b.c.d.e.f.g.h', '$.commits[*].added[*]'])(
    'may be %s',
    (text) => {
      expect(parsePath(text)?.text).toBe(text);
    },
  );

  it.each([
    '',
    '$',
    'data.a',
    '$.a.b.c.d.e.f.g.h.i',
    '$..a',
    '$.*',
    '$[0]',
    '$.a[0]',
    "$.a['b']",
    '$.a[?(@.b)]',
    '$.a[(@.length-1)]',
    '$.a.b()',
    '$.a[*][*]',
    '$.a[*].b[*].c[*]',
    '$.a-b',
    '$.a\n',
    `$.${'a'.repeat(66)}`,
    "$.constructor.constructor('return process')()",
  ])('is not %j', (text) => {
    expect(parsePath(text)).toBeUndefined();
  });

  it('is parsed in time that grows with its length, whatever it says', () => {
    const begun = performance.now();
    parsePath(`$${'.a'.repeat(100_000)}!`);
    expect(performance.now() - begun).toBeLessThan(100);
  });
});

describe('following a path', () => {
  const fact: JsonObject = {
    data: { name: 'x', none: null, list: [1, 2] },
    commits: [{ added: ['a', 'b'] }, { added: [] }, { added: ['c'] }],
  };

  it('leads to the value, null among them', () => {
    expect(at('$.data.name', fact)).toBe('x');
    expect(at('$.data.none', fact)).toBeNull();
    expect(at('$.data.list', fact)).toEqual([1, 2]);
  });

  it('collects the elements of arrays where it has [*]', () => {
    expect(at('$.data.list[*]', fact)).toEqual([1, 2]);
    expect(at('$.commits[*].added[*]', fact)).toEqual(['a', 'b', 'c']);
    expect(at('$.commits[*].added', fact)).toEqual([['a', 'b'], [], ['c']]);
  });

  it.each([
    ['a member that is not there', '$.data.other'],
    ['a member of a string', '$.data.name.length'],
    ['a member of null', '$.data.none.x'],
    ['a member of an array', '$.data.list.length'],
    ['elements of what is no array', '$.data.name[*]'],
    ['a member that one of the elements lacks', '$.commits[*].removed'],
  ])('is absent for %s', (_, path) => {
    expect(at(path, fact)).toBe(absent);
  });

  it('gives up on more values than a condition may look at', () => {
    const rows = Array.from({ length: 2 }, () => ({ n: Array(PATH_VALUES_MAX / 2 + 1).fill(0) }));
    expect(at('$.rows[*].n[*]', { rows })).toBe(tooMany);
  });

  it('never leads to anything that the object only inherits', () => {
    const names = fc.constantFrom(
      ...Object.getOwnPropertyNames(Object.prototype),
      'length',
      'prototype',
    );
    fc.assert(
      fc.property(
        fc.jsonValue(),
        fc.array(names, { minLength: 1, maxLength: 7 }),
        (value, path) => {
          const found = at(`$.data.${path.join('.')}`, { data: value as JsonValue });
          // fast-check makes own members of any name; where there is none, nothing may be found.
          let own: unknown = value;
          for (const name of path) {
            const isThere =
              typeof own === 'object' &&
              own !== null &&
              !Array.isArray(own) &&
              Object.hasOwn(own, name);
            own = isThere ? (own as Record<string, unknown>)[name] : absent;
            if (own === absent) break;
          }
          expect(found).toBe(own);
        },
      ),
      { numRuns: 1000 },
    );
  });
});
