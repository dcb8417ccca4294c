import { describe, expect, it } from 'vitest';
import { type PolicyCase, runCase } from '../../src/domain/policy-case.ts';
import { compiled, policyOf } from '../support/documents.ts';

const policy = compiled(policyOf('cased'));
const event = { type: 'com.example.changed', subject: 'a', data: { bad: true } };

describe('a case', () => {
  it.each<[PolicyCase['expect'], Partial<PolicyCase['event']>]>([
    ['matched', {}],
    ['not matched', { data: { bad: false } }],
    ['unknown', { data: {} }],
    ['not asked', { type: 'com.elsewhere' }],
  ])('is %s as the pipeline would say', async (expected, more) => {
    const tested = { case: 'one', event: { ...event, ...more }, expect: expected };
    expect(await runCase(policy, tested)).toMatchObject({ passed: true, actual: expected });
    expect(
      await runCase(policy, { ...tested, expect: expected === 'matched' ? 'unknown' : 'matched' }),
    ).toMatchObject({ passed: false, actual: expected });
  });

  it('is unknown when the command could not be filled in, as it is in the pipeline', async () => {
    const { subject: _, ...nameless } = event;
    const tested = { case: 'one', event: nameless, expect: 'unknown' } as const;
    expect(await runCase(policy, tested)).toMatchObject({ passed: true });
  });

  it('compares the options when it names some', async () => {
    const tested = { case: 'one', event, expect: 'matched', options: ['mend'] } as const;
    expect(await runCase(policy, tested)).toMatchObject({ passed: true });
    expect(await runCase(policy, { ...tested, options: ['break'] })).toMatchObject({
      passed: false,
      options: { expected: ['break'], actual: ['mend'] },
    });
  });

  it('shows what the conditions saw', async () => {
    const { evidence } = await runCase(policy, { case: 'one', event, expect: 'matched' });
    expect(evidence).toMatchObject([{ position: 'all.0', actual: true, result: 'held' }]);
  });
});
