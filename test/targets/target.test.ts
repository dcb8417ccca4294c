import fc from 'fast-check';
import { expect, it } from 'vitest';
import { oneLine } from '../../src/targets/target.ts';

it('makes one line of what another system says', () => {
  expect(oneLine(' reset\r\n{"level":"error"}\u001b[31m\u2028\u0000end ')).toBe(
    'reset {"level":"error"} [31m end',
  );
});

it('never gives more than fits, nor what Postgres would refuse', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 1_000 }), (text) => {
      const line = oneLine(text);
      expect(line.length).toBeLessThanOrEqual(300);
      expect(line.isWellFormed()).toBe(true);
      expect(line).not.toMatch(/[\p{Cc}\u2028\u2029]/u);
    }),
  );
});
