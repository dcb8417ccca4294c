import canonicalize from 'canonicalize';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type CanonicalRecord,
  canonicalJson,
  canonicalRecord,
  NotCanonical,
} from '../../src/domain/canonical.ts';
import { sha256 } from '../../src/domain/digest.ts';
import { rfc8785Vectors } from './rfc-8785-vectors.ts';

describe('canonicalJson', () => {
  it.each(Object.entries(rfc8785Vectors))('writes the bytes of RFC 8785: %s', (_name, vector) => {
    expect(sha256(canonicalJson(JSON.parse(vector.input))).slice(0, 8)).toBe(vector.outputSha256);
  });

  it('sorts members by UTF-16 code units', () => {
    const keys = Object.keys(JSON.parse(canonicalJson(JSON.parse(rfc8785Vectors.weird.input))));
    // JSON.parse moves the key that looks like an index to the front.
    expect(keys).toEqual(['1', '\n', '\r', '</script>', '\u0080', 'ö', '€', '😂', '\ufb33']);
  });

  it.each([
    ['333333333.33333329', '333333333.3333333'],
    ['1E30', '1e+30'],
    ['4.50', '4.5'],
    ['2e-3', '0.002'],
    ['0.000000000000000000000000001', '1e-27'],
    ['-0', '0'],
  ])('writes the number %s as %s', (number, text) => {
    expect(canonicalJson(JSON.parse(number))).toBe(text);
  });

  it('escapes what JSON must, in lower case, and nothing else', () => {
    expect(canonicalJson('"\\\b\t\n\f\r\u0001\u001f /\u007f\u2028é😂')).toBe(
      '"\\"\\\\\\b\\t\\n\\f\\r\\u0001\\u001f /\u007f\u2028é😂"',
    );
  });

  it('writes the bytes of the package, whether the keys stand in order or not', () => {
    const written = { ordered: 0, other: 0 };
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: jsonText }), (value) => {
        const expected = canonicalize(value)!;
        const ordered = inOrder(value);
        written[JSON.stringify(value) === expected ? 'ordered' : 'other'] += 1;
        expect(canonicalJson(value)).toBe(expected);
        expect(canonicalJson(ordered)).toBe(expected);
      }),
      { numRuns: 2_000 },
    );
    expect(written.ordered).toBeGreaterThan(100);
    expect(written.other).toBeGreaterThan(100);
  });

  it('gives JSON data back as it was, in one spelling', () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: jsonText }), (value) => {
        const text = canonicalJson(value);
        fc.pre(isReadRight(text));
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
        expect(canonicalJson(JSON.parse(text))).toBe(text);
      }),
    );
  });
});

/** The same value with the keys of its objects in canonical order, except those that look like an index. */
function inOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inOrder);
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).toSorted(([one], [other]) => (one < other ? -1 : 1));
  return Object.fromEntries(members.map(([key, member]) => [key, inOrder(member)]));
}

/** V8 may read a key that is written with escapes as another one (nodejs/node #63785); json-text.ts has more. */
const isReadRight = (text: string) => !/[{,]"[^"\\]*\\.(?:[^"\\]|\\.)*":/.test(text);

/** No NUL and no lone surrogate: strings of these are always well-formed. */
const jsonText = fc.constantFrom(
  'a',
  'B',
  '1',
  '"',
  '\\',
  '\n',
  '\u001f',
  '\u007f',
  'é',
  '€',
  '😂',
  '\u2028',
);

describe('canonicalRecord', () => {
  it('does not depend on the order of members', () => {
    const entries = fc.uniqueArray(fc.tuple(fc.string({ unit: jsonText }), fc.boolean()), {
      selector: ([key]) => key,
    });
    fc.assert(
      fc.property(entries, (pairs) => {
        const forwards: CanonicalRecord = Object.fromEntries(pairs);
        const backwards: CanonicalRecord = Object.fromEntries(pairs.toReversed());
        expect(canonicalRecord(forwards)).toBe(canonicalRecord(backwards));
      }),
    );
  });

  it.each<[string, unknown]>([
    ['a number', { n: 1 }],
    ['undefined', { a: undefined }],
    ['a function', { f: () => 1 }],
    ['a symbol', { s: Symbol('s') }],
    ['a symbol as key', { [Symbol('s')]: 'x' }],
    ['a big integer', { n: 1n }],
    ['a date', { d: new Date(0) }],
    ['a map', { m: new Map() }],
    ['an object with toJSON', { o: { toJSON: () => 'x' } }],
    ['an array with a hole', { a: Object.assign([], { 1: 'x' }) }],
    ['a lone surrogate', { s: '\ud800' }],
    ['a lone surrogate as key', { '\udc00': 'x' }],
    ['U+0000', { s: 'a\u0000b' }],
    ['more than 32 levels', nested(33)],
    ['more than 64 KiB', { s: 'x'.repeat(65_536) }],
  ])('refuses %s', (_name, record) => {
    expect(() => canonicalRecord(record as CanonicalRecord)).toThrow(NotCanonical);
  });

  it('accepts 32 levels and 64 KiB', () => {
    expect(canonicalRecord(nested(32))).toContain('{}');
    expect(canonicalRecord({ s: 'x'.repeat(65_536 - '{"s":""}'.length) })).toHaveLength(65_536);
  });
});

/** An object with `depth` objects in it, one in the other. */
function nested(depth: number): CanonicalRecord {
  let record: CanonicalRecord = {};
  for (let level = 0; level < depth; level += 1) record = { o: record };
  return record;
}
