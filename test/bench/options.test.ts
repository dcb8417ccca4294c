import { expect, it } from 'vitest';
import { readOptions } from '../../bench/options.ts';

it('runs five rounds, with --quick one', () => {
  expect(readOptions([]).rounds).toBe(5);
  expect(readOptions(['--quick']).rounds).toBe(1);
  expect(readOptions(['--quick', '--rounds', '3']).rounds).toBe(3);
});

it('takes sections by name, beside options', () => {
  expect(readOptions(['pipeline', '--json', 'rows.json', 'ledger'])).toMatchObject({
    sections: ['pipeline', 'ledger'],
    json: 'rows.json',
  });
});

it('refuses a count that is none, and an option that it does not know', () => {
  expect(() => readOptions(['--rounds', 'many'])).toThrow('--rounds');
  expect(() => readOptions(['--rounds', '0'])).toThrow('--rounds');
  expect(() => readOptions(['--fast'])).toThrow(TypeError);
});
