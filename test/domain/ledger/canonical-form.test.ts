import fc from 'fast-check';
import { expect, it } from 'vitest';
import { canonicalJson } from '../../../src/domain/canonical.ts';
import { isCanonicalObject } from '../../../src/domain/ledger/canonical-form.ts';

const leafValue = fc.oneof(fc.constant(null), fc.boolean(), fc.string({ unit: 'binary' }));
const { record } = fc.letrec((tie) => ({
  value: fc.oneof({ depthSize: 'small' }, leafValue, fc.array(tie('value')), tie('record')),
  record: fc.dictionary(fc.string({ unit: 'binary' }), tie('value')),
}));

it('agrees with the canonicaliser that writes', () => {
  fc.assert(
    fc.property(record, (value) => {
      let text: string;
      try {
        text = canonicalJson(value);
      } catch {
        // Has no canonical form; JSON.stringify prints it all the same.
        expect(isCanonicalObject(JSON.stringify(value))).toBe(false);
        return;
      }
      expect(isCanonicalObject(text)).toBe(true);
      const other = JSON.stringify(value);
      expect(isCanonicalObject(other)).toBe(other === text);
    }),
  );
});

it('is not fooled by one character more', () => {
  fc.assert(
    fc.property(
      record,
      fc.nat(),
      fc.constantFrom(' ', '\n', '"', ',', '0', '\\'),
      (value, at, character) => {
        let text: string;
        try {
          text = canonicalJson(value);
        } catch {
          return;
        }
        const place = at % (text.length + 1);
        const longer = text.slice(0, place) + character + text.slice(place);
        const parsed = parse(longer);
        // Inside a string another character may well give another canonical text; anywhere else it must not.
        expect(isCanonicalObject(longer)).toBe(
          parsed !== undefined && canonicalOrNot(parsed) === longer,
        );
      },
    ),
  );
});

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function canonicalOrNot(value: unknown): string | undefined {
  try {
    return canonicalJson(value);
  } catch {
    return undefined;
  }
}

it.each([
  ['white space', '{"a": "b"}'],
  ['white space around it', ' {"a":"b"}'],
  ['a duplicate key', '{"a":"b","a":"b"}'],
  ['members in another order', '{"b":"1","a":"2"}'],
  ['a number', '{"a":1}'],
  ['a number in an array', '{"a":["x",-0.5]}'],
  ['NUL', '{"a":"\\u0000"}'],
  ['a lone surrogate', '{"a":"\\ud800"}'],
  ['an escape that is not needed', '{"a":"\\u0041"}'],
  ['an upper-case escape', '{"a":"\\u001F"}'],
  ['an escaped slash', '{"a":"\\/"}'],
  ['an array', '["a"]'],
  ['a string', '"a"'],
  ['nothing', ''],
  ['half an object', '{"a":"b"'],
  ['33 levels', `${'{"o":'.repeat(33)}{}${'}'.repeat(33)}`],
])('refuses %s', (_name, text) => {
  expect(isCanonicalObject(text)).toBe(false);
});

it.each([
  ['an empty object', '{}'],
  ['members that look like numbers, in order of their characters', '{"10":"a","9":"b"}'],
  ['__proto__', '{"__proto__":"a"}'],
  ['literals', '{"a":[null,true,false]}'],
  ['32 levels', `${'{"o":'.repeat(32)}{}${'}'.repeat(32)}`],
])('accepts %s', (_name, text) => {
  expect(isCanonicalObject(text)).toBe(true);
});
