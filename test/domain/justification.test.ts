import { describe, expect, it } from 'vitest';
import { type AssessedEvent, evaluate } from '../../src/domain/advisory.ts';
import type { JsonValue } from '../../src/domain/json.ts';
import { arrangePolicies, type PolicyDefinition } from '../../src/domain/policy.ts';
import { compiled, policyOf } from '../support/documents.ts';

async function justify(
  data: JsonValue,
  more: Partial<PolicyDefinition> = {},
  assessment: Partial<AssessedEvent['assessment']> = {},
): Promise<string> {
  const weighed = {
    score: '52.5000',
    level: 'HIGH' as const,
    contributions: [
      { factor: 'f', title: 'Something is bad', points: 60, held: true },
      { factor: 'g', title: 'It was mended', points: -7.5, held: true },
      { factor: 'h', title: 'It is far away', points: 10, held: false },
    ],
    ...assessment,
  };
  const facts = {
    event: {
      source: 'github-acme',
      id: '1',
      type: 'com.example.a',
      subject: 'octo/repo',
      time: '2026-01-02T03:04:05.000000Z',
      data,
    },
    risk: { score: 52.5, level: weighed.level, contributions: [] },
  };
  const evaluation = await evaluate(
    { facts, assessment: weighed },
    arrangePolicies([compiled(policyOf('watch', { title: 'Bad things', ...more }))]),
  );
  return evaluation.proposals[0]?.justification ?? '';
}

describe('the justification of an advisory', () => {
  it('says which policy fired on what, with the values, and how the risk came about', async () => {
    expect(await justify({ bad: true }, { justification: '{{event.subject}} went bad.' })).toBe(
      [
        'Policy watch@1, "Bad things", priority 3.',
        'Serves SOC 2 CC6.1.',
        'What watch watches.',
        '',
        'The policy fired on com.example.a about octo/repo from github-acme at 2026-01-02T03:04:05.000000Z:',
        '- event $.data.bad equal true: held (found true)',
        '',
        'octo/repo went bad.',
        '',
        'Risk HIGH, score 52.5:',
        '- Something is bad: +60',
        '- It was mended: -7.5',
      ].join('\n'),
    );
  });

  it('says what could not be evaluated, and that this is not the same as compliant', async () => {
    const text = await justify({ bad: 'yes' });
    expect(text).toContain('could not be fully evaluated');
    expect(text).toContain('not the same as compliant');
    expect(text).toContain(
      '- event $.data.bad equal true: unknown (found "yes", the value is a string, not a boolean)',
    );
    expect(await justify({})).toContain('unknown (the path is absent from the event)');
  });

  it('says that the risk is unknown, and which factor is the cause', async () => {
    const contributions = [
      {
        factor: 'f',
        title: 'Something is bad',
        points: 60,
        held: 'unknown',
        reason: 'the engine failed',
      },
      { factor: 'g', title: 'It was mended', points: -7.5, held: true },
    ] as const;
    const text = await justify({ bad: true }, {}, { level: 'UNKNOWN', score: null, contributions });
    expect(text).toContain('Risk UNKNOWN');
    expect(text).toContain('- Something is bad: the engine failed');
    expect(text).not.toContain('It was mended');
  });

  it('says so when no factor held', async () => {
    const text = await justify(
      { bad: true },
      {},
      { level: 'LOW', score: '0.0000', contributions: [] },
    );
    expect(text).toContain('Risk LOW, score 0; no factor held.');
  });
});
