import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { html } from '../../../src/admin/console/html.ts';
import { jsonText, prose, text, visibleLines } from '../../../src/admin/console/text.ts';

const shown = (value: string) => text(value).toString();

describe('text from outside', () => {
  it('is never markup', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (value) => {
        for (const made of [text(value), prose(value), html`<i title="${value}">${value}</i>`]) {
          const inside = made
            .toString()
            .replaceAll(/<\/?(?:bdi|div|mark|i)(?: (?:class|dir|title)="[^"<>]*")*>/g, '');
          expect(inside).not.toMatch(/[<>"']/);
        }
      }),
    );
    expect(shown('<img src=x onerror=alert(1)>')).toBe(
      '<bdi>&lt;img src=x onerror=alert(1)&gt;</bdi>',
    );
  });

  it.each([
    ['turns the direction of writing', 'abc\u202edef', '202E'],
    ['isolates', 'a\u2066b', '2066'],
    ['is not drawn', 'a\u200bb', '200B'],
    ['joins', 'a\u2060b', '2060'],
    ['is an empty letter', 'a\u3164b', '3164'],
    ['is a blank of another script', 'a\u2800b', '2800'],
    ['tags', 'a\u{e0041}b', 'E0041'],
    ['controls', 'a\u0007b', '0007'],
    ['breaks the line', 'a\nb', '000A'],
    ['breaks it in another way', 'a\u2028b', '2028'],
  ])('shows the code point of what %s', (_, value, code) => {
    expect(shown(value)).toContain(`<mark title="a character that is not seen">U+${code}</mark>`);
    expect(shown(value)).not.toContain(value.slice(1, -1));
  });

  it('leaves what is seen as it is, whatever its script', () => {
    for (const value of ['Ünïcödé', 'שלום', 'مرحبا', '中文', '❤\ufe0f', 'a b']) {
      expect(shown(value)).toBe(`<bdi>${value}</bdi>`);
    }
  });

  it('of several lines keeps them', () => {
    expect(prose('a\n\tb\u202e').toString()).toContain('a\n\tb<mark');
    expect(visibleLines('a\n\u202eb')).toBe('a\n[U+202E]b');
  });

  it('inside JSON stays JSON, and shows what is not seen', () => {
    const value = { 'a\u202e': ['\u200b', '\u{e0041}', 'plain'] };
    expect(jsonText(value)).toContain('\\u202E');
    expect(jsonText(value)).not.toMatch(/[\u202e\u200b]/);
    expect(JSON.parse(jsonText(value))).toEqual(value);
  });
});
