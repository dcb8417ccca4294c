import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  arrangePolicies,
  checkPolicy,
  compilePolicy,
  draftOf,
  type PolicyDefinition,
  type Recommendation,
} from '../../src/domain/policy.ts';
import { isAtLeast, type RiskLevel, riskLevels } from '../../src/domain/risk-level.ts';
import { patternsOf } from '../../src/domain/type-pattern.ts';
import { compiled, leafOn, policyOf, storedPolicyOf } from '../support/documents.ts';

const facts = {
  event: {
    source: 's',
    id: '1',
    type: 'com.example.a',
    subject: 'x',
    time: 't',
    data: { bad: true },
  },
  risk: { score: 1, level: 'LOW' as const, contributions: [] },
};
const option = (more: Partial<Recommendation> = {}): Recommendation => ({
  option: 'a',
  title: 'A',
  target: 'log',
  command: { x: 1 },
  ...more,
});

describe('checking a policy', () => {
  const problemsOf = (more: Partial<PolicyDefinition>) =>
    checkPolicy(policyOf('p', more)).map(({ at, problem }) => `${at.join('.')}: ${problem}`);

  it('accepts what the house accepts', () => {
    expect(problemsOf({})).toEqual([]);
    const onRisk = { all: [{ ...leafOn('$.level', 'HIGH'), fact: 'risk' as const }] };
    expect(problemsOf({ conditions: onRisk, required_authority: 'CRITICAL' })).toEqual([]);
    const seats = { seats: [['Compliance Officer'], ['Governance Board']], roles: 2 } as const;
    expect(problemsOf({ required_authority: seats })).toEqual([]);
  });

  it.each<[string, Partial<PolicyDefinition>, string]>([
    ['an empty group', { conditions: { all: [] } }, 'conditions.all: "all" needs a list'],
    [
      'two options of one name',
      { recommendations: [option(), option()] },
      'recommendations.1.option: the option "a" is there already',
    ],
    [
      'an effect on nothing',
      { recommendations: [option({ effect: 'restrict' })] },
      'recommendations.0: an option with effect "restrict" needs the "resource"',
    ],
    [
      'a placeholder that leads nowhere',
      { recommendations: [option({ command: { x: ['{{data.x}}'] } })] },
      'recommendations.0.command.x.0: {{data.x}} is no placeholder',
    ],
    [
      'such a resource',
      { recommendations: [option({ resource: '{{x}}' })] },
      'recommendations.0.resource: {{x}} is no placeholder',
    ],
    [
      'such a justification',
      { justification: '{{event.a' },
      'justification: a placeholder starts with {{',
    ],
    [
      'an authority that nobody has',
      { required_authority: 'UNKNOWN' as never },
      'required_authority: write MEDIUM',
    ],
    [
      'seats that no role fills',
      { required_authority: { seats: [['Operator']], roles: 1 } as never },
      'required_authority: write MEDIUM',
    ],
  ])('refuses %s', (_, more, problem) => {
    expect(problemsOf(more).join('\n')).toContain(problem);
  });
});

describe('a compiled policy', () => {
  it('answers by its conditions', async () => {
    expect(await compiled(policyOf('p')).rule.ask(facts)).toMatchObject({ result: 'matched' });
  });

  it.each([
    [
      'is not what was approved',
      { ...storedPolicyOf(policyOf('p')), definition: policyOf('p', { title: 'other' }) },
    ],
    [
      'has conditions that cannot be compiled',
      storedPolicyOf(policyOf('p', { conditions: { all: [] } })),
    ],
    [
      'is no policy at all',
      { ...storedPolicyOf(policyOf('p')), definition: {} as PolicyDefinition },
    ],
  ])('is asked about everything and answers unknown when it %s', async (_, stored) => {
    const policy = compilePolicy(stored);
    expect(arrangePolicies([policy]).concerning({ source: 'x', type: 'y' }, 'LOW')).toEqual([
      policy,
    ]);
    expect(await policy.rule.ask(facts)).toMatchObject({
      result: 'unknown',
      fault: expect.stringContaining('p@1 cannot be used'),
    });
  });
});

describe('the arrangement of policies', () => {
  const names = (
    policies: readonly PolicyDefinition[],
    type: string,
    level: RiskLevel = 'LOW',
    source = 's',
  ) =>
    arrangePolicies(policies.map(compiled))
      .concerning({ source, type }, level)
      .map(({ stored }) => stored.name);

  it('picks by type, source and level, by priority and then by name', () => {
    const policies = [
      policyOf('every', { applies_to: { event_types: ['*'] }, priority_level: 5 }),
      policyOf('group', { applies_to: { event_types: ['com.example.*', 'com.example.a'] } }),
      policyOf('exact', { applies_to: { event_types: ['com.example.a'] } }),
      policyOf('first', { applies_to: { event_types: ['com.example.a'] }, priority_level: 1 }),
      policyOf('other-source', { applies_to: { event_types: ['*'], sources: ['t'] } }),
      policyOf('high', { applies_to: { event_types: ['*'], minimum_level: 'HIGH' } }),
      policyOf('unknown', { applies_to: { event_types: ['*'], minimum_level: 'UNKNOWN' } }),
    ];
    expect(names(policies, 'com.example.a')).toEqual(['first', 'exact', 'group', 'every']);
    expect(names(policies, 'com.example')).toEqual(['every']);
    expect(names(policies, 'com.example.b', 'CRITICAL', 't')).toEqual([
      'group',
      'high',
      'other-source',
      'every',
    ]);
    expect(names(policies, 'x', 'UNKNOWN')).toEqual(['high', 'unknown', 'every']);
  });

  it('leaves out exactly what applies_to leaves out', () => {
    const types = fc.constantFrom('a', 'a.b', 'a.b.c', 'a.c', 'b');
    const patterns = fc.constantFrom('*', 'a', 'a.*', 'a.b', 'a.b.*', 'a.b.c', 'b.*');
    const appliesTo = fc.record(
      {
        event_types: fc.array(patterns, { minLength: 1, maxLength: 3 }),
        sources: fc.uniqueArray(fc.constantFrom('s', 't'), { minLength: 1 }),
        minimum_level: fc.constantFrom(...riskLevels),
      },
      { requiredKeys: ['event_types'] },
    );
    fc.assert(
      fc.property(
        fc.array(appliesTo, { maxLength: 8 }),
        types,
        fc.constantFrom('s', 't'),
        fc.constantFrom(...riskLevels),
        (all, type, source, level) => {
          const policies = all.map((applies_to, n) => policyOf(`p${n}`, { applies_to }));
          const expected = policies.filter(
            ({ applies_to: { event_types, sources, minimum_level } }) => {
              const ofType = event_types.some((pattern) => patternsOf(type).includes(pattern));
              const ofSource = sources === undefined || sources.includes(source);
              return ofType && ofSource && isAtLeast(level, minimum_level ?? 'LOW');
            },
          );
          expect(names(policies, type, level, source).toSorted()).toEqual(
            expected.map(({ policy }) => policy).toSorted(),
          );
        },
      ),
    );
  });
});

it('a draft carries its conditions one by one, under ids of their own', () => {
  const conditions = { all: [leafOn('$.type', 'a'), { not: leafOn('$.type', 'b') }] };
  const draft = draftOf(policyOf('p', { conditions }));
  expect(draft.conditions.map(({ position }) => position)).toEqual(['all.0', 'all.1.not']);
  const next = draftOf(policyOf('p', { conditions, version: 2 }));
  const ids = [draft, next].flatMap((one) => one.conditions.map(({ conditionId }) => conditionId));
  expect(new Set(ids).size).toBe(4);
  expect(next.policyId).toBe(draft.policyId);
});
