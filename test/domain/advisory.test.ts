import { describe, expect, it } from 'vitest';
import {
  type Advisory,
  advisoryDigest,
  type AssessedEvent,
  evaluate,
  evaluationDigest,
  type KeptEvaluation,
} from '../../src/domain/advisory.ts';
import {
  advisoryIdOf,
  assessmentIdOf,
  evaluationIdOf,
  eventIdOf,
  policyIdOf,
} from '../../src/domain/ids.ts';
import type { JsonValue } from '../../src/domain/json.ts';
import {
  arrangePolicies,
  type PolicyDefinition,
  type Recommendation,
} from '../../src/domain/policy.ts';
import type { RiskLevel } from '../../src/domain/risk-level.ts';
import type { Timestamp } from '../../src/domain/time.ts';
import { compiled, leafOn, policyOf } from '../support/documents.ts';

function eventOf(data: JsonValue, level: RiskLevel = 'MEDIUM'): AssessedEvent {
  const score = level === 'UNKNOWN' ? null : '40.0000';
  return {
    facts: {
      event: {
        source: 's',
        id: '1',
        type: 'com.example.a',
        subject: 'thing',
        time: '2026-01-02T03:04:05.000000Z',
        data,
      },
      risk: {
        score: score === null ? null : Number(score),
        level,
        contributions: [{ factor: 'f', points: 40 }],
      },
    },
    assessment: {
      score,
      level,
      contributions: [
        {
          factor: 'f',
          title: 'A factor',
          points: 40,
          held: level === 'UNKNOWN' ? 'unknown' : true,
        },
      ],
    },
  };
}
const evaluateWith = (event: AssessedEvent, ...policies: PolicyDefinition[]) =>
  evaluate(event, arrangePolicies(policies.map(compiled)));

describe('an evaluation', () => {
  it('names every policy that was asked, and none that was not', async () => {
    const evaluation = await evaluateWith(
      eventOf({ bad: false }),
      policyOf('one'),
      policyOf('elsewhere', { applies_to: { event_types: ['com.other'] } }),
    );
    expect(evaluation).toEqual({
      outcome: 'NO_MATCH',
      asked: [{ policy: 'one@1', result: 'not matched' }],
      proposals: [],
    });
  });

  it('proposes what each policy that fired recommends, filled in', async () => {
    const { outcome, proposals } = await evaluateWith(
      eventOf({ bad: true }),
      policyOf('second', { priority_level: 2 }),
      policyOf('first', { priority_level: 1 }),
    );
    expect(outcome).toBe('MATCH');
    expect(proposals.map(({ policyId }) => policyId)).toEqual([
      policyIdOf('first'),
      policyIdOf('second'),
    ]);
    expect(proposals[0]).toMatchObject({
      policyVersion: 1,
      riskLevel: 'MEDIUM',
      basis: 'matched',
      conflict: false,
      options: [
        {
          option: 'mend',
          title: 'Mend it',
          target: 'audit-log',
          command: { mend: 'thing' },
          effect: 'none',
          resource: null,
        },
      ],
      conditions: [{ path: '$.data.bad', actual: true, result: 'held' }],
    });
  });

  it('is UNKNOWN when one policy cannot be answered, even if another fires or none does', async () => {
    for (const bad of [true, false]) {
      const { outcome, asked, proposals } = await evaluateWith(
        eventOf({ bad }),
        policyOf('plain'),
        policyOf('needs-more', { conditions: { all: [leafOn('$.data.absent', 1)] } }),
      );
      expect(outcome).toBe('UNKNOWN');
      expect(asked).toContainEqual({ policy: 'needs-more@1', result: 'unknown' });
      expect(proposals.find(({ policyId }) => policyId === policyIdOf('needs-more'))).toMatchObject(
        {
          basis: 'unknown',
          riskLevel: 'UNKNOWN',
        },
      );
    }
  });

  it('does not offer an option that cannot be filled in, and says so', async () => {
    const options: Recommendation[] = [
      { option: 'good', title: 'Good', target: 'log', command: { of: '{{event.subject}}' } },
      {
        option: 'broken',
        title: 'Broken',
        target: 'log',
        command: { of: '{{event.data.absent}}' },
      },
    ];
    const { outcome, proposals } = await evaluateWith(
      eventOf({ bad: true }),
      policyOf('p', { recommendations: options }),
    );
    expect(outcome).toBe('UNKNOWN');
    expect(proposals[0]).toMatchObject({
      basis: 'unknown',
      riskLevel: 'UNKNOWN',
      options: [{ option: 'good' }],
    });
    expect(proposals[0]?.justification).toContain(
      'option "broken": {{event.data.absent}} is absent',
    );
  });

  it('keeps the level UNKNOWN of an event that could not be weighed', async () => {
    const { outcome, proposals } = await evaluateWith(
      eventOf({ bad: true }, 'UNKNOWN'),
      policyOf('p'),
    );
    expect(outcome).toBe('MATCH');
    expect(proposals[0]).toMatchObject({ basis: 'matched', riskLevel: 'UNKNOWN' });
  });
});

describe('a conflict', () => {
  const acting = (
    name: string,
    effect: Recommendation['effect'],
    more: Partial<Recommendation> = {},
  ) =>
    policyOf(name, {
      recommendations: [
        {
          option: 'o',
          title: 'O',
          target: 'github',
          command: { a: 1 },
          effect,
          resource: 'repository/{{event.subject}}',
          ...more,
        } as Recommendation,
      ],
    });
  const conflicts = async (...policies: PolicyDefinition[]) =>
    (await evaluateWith(eventOf({ bad: true }), ...policies)).proposals.map(
      ({ conflict }) => conflict,
    );

  it('marks both when one would restrict what the other would restore', async () => {
    expect(await conflicts(acting('a', 'restrict'), acting('b', 'restore'), policyOf('c'))).toEqual(
      [true, true, false],
    );
  });

  it.each<[string, PolicyDefinition]>([
    ['both restrict', acting('b', 'restrict')],
    ['one does neither', acting('b', 'none')],
    ['the targets differ', acting('b', 'restore', { target: 'gitlab' })],
    ['the resources differ', acting('b', 'restore', { resource: 'branch/{{event.subject}}' })],
  ])('is none when %s', async (_, other) => {
    expect(await conflicts(acting('a', 'restrict'), other)).toEqual([false, false]);
  });
});

describe('digests', () => {
  const at = '2026-01-02T03:04:05.000000Z' as Timestamp;
  const eventId = eventIdOf('s', '1');
  const assessmentId = assessmentIdOf(eventId, 'default');
  const evaluationId = evaluationIdOf(assessmentId);

  it('cover every column of an evaluation', () => {
    const row: KeptEvaluation = {
      evaluationId,
      eventId,
      assessmentId,
      outcome: 'MATCH',
      asked: [],
      evaluatedAt: at,
    };
    const changed: Partial<KeptEvaluation>[] = [
      { evaluationId: evaluationIdOf(assessmentIdOf(eventId, 'x')) },
      { eventId: eventIdOf('s', '2') },
      { assessmentId: assessmentIdOf(eventId, 'x') },
      { outcome: 'UNKNOWN' },
      { asked: [{ policy: 'p@1', result: 'matched' }] },
      { evaluatedAt: '2026-01-02T03:04:05.000001Z' as Timestamp },
    ];
    const digests = [{}, ...changed].map((change) => evaluationDigest({ ...row, ...change }));
    expect(new Set(digests).size).toBe(Object.keys(row).length + 1);
  });

  it('cover every column of an advisory', () => {
    const row: Advisory = {
      advisoryId: advisoryIdOf(evaluationId, policyIdOf('p')),
      eventId,
      evaluationId,
      assessmentId,
      policyId: policyIdOf('p'),
      policyVersion: 1,
      riskLevel: 'LOW',
      basis: 'matched',
      options: [],
      justification: 'why',
      conditions: [],
      conflict: false,
      advisoryVersion: 1,
      createdAt: at,
      salt: 'a'.repeat(64),
    };
    const changed: Partial<Advisory>[] = [
      { advisoryId: advisoryIdOf(evaluationId, policyIdOf('q')) },
      { eventId: eventIdOf('s', '2') },
      { evaluationId: evaluationIdOf(assessmentIdOf(eventId, 'x')) },
      { assessmentId: assessmentIdOf(eventId, 'x') },
      { policyId: policyIdOf('q') },
      { policyVersion: 2 },
      { riskLevel: 'HIGH' },
      { basis: 'unknown' },
      {
        options: [
          { option: 'o', title: 'O', target: 't', command: {}, effect: 'none', resource: null },
        ],
      },
      { justification: 'other' },
      {
        conditions: [
          {
            position: 'all.0',
            fact: 'event',
            path: '$.a',
            operator: 'equal',
            expected: 1,
            result: 'held',
          },
        ],
      },
      { conflict: true },
      { advisoryVersion: 2 },
      { createdAt: '2026-01-02T03:04:05.000001Z' as Timestamp },
      { salt: 'b'.repeat(64) },
    ];
    const digests = [{}, ...changed].map((change) => advisoryDigest({ ...row, ...change }));
    expect(new Set(digests).size).toBe(Object.keys(row).length + 1);
  });
});
