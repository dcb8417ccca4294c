import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assessmentIdOf, eventIdOf } from '../../src/domain/ids.ts';
import type { JsonValue } from '../../src/domain/json.ts';
import {
  type Assessment,
  assessmentDigest,
  checkRiskModel,
  compileRiskModel,
  type Factor,
  type RiskModelDefinition,
  unweighed,
} from '../../src/domain/risk.ts';
import type { Timestamp } from '../../src/domain/time.ts';
import { leafOn, modelOf, storedModelOf } from '../support/documents.ts';

function weigh(definition: RiskModelDefinition, data: JsonValue, type = 'com.example.thing') {
  const event = { source: 's', id: '1', type, subject: null, time: 't', data };
  return compileRiskModel(storedModelOf(definition)).weigh(event);
}
const factor = (name: string, points: number, more: Partial<Factor> = {}): Factor => ({
  factor: name,
  title: name,
  points,
  conditions: { all: [leafOn('$.data.bad', true)] },
  ...more,
});

describe('weighing an event', () => {
  it('adds the points of the factors that hold, and keeps every factor', async () => {
    const weighing = await weigh(modelOf(), { bad: true });
    expect(weighing).toMatchObject({ score: '52.5000', level: 'HIGH' });
    expect(weighing.contributions).toMatchObject([
      { factor: 'bad', points: 40, held: true, conditions: [{ actual: true, result: 'held' }] },
      { factor: 'ours', points: 12.5, held: true },
    ]);
  });

  it('keeps factors that did not hold, without what they saw', async () => {
    const weighing = await weigh(modelOf(), { bad: false });
    expect(weighing).toMatchObject({ score: '12.5000', level: 'LOW' });
    expect(weighing.contributions[0]).toEqual({
      factor: 'bad',
      title: expect.any(String),
      points: expect.any(Number),
      held: false,
    });
  });

  it('does not ask factors that concern other types of event', async () => {
    const weighing = await weigh(modelOf(), { bad: true }, 'com.other');
    expect(weighing).toMatchObject({ score: '40.0000', level: 'MEDIUM' });
    expect(weighing.contributions[1]).toEqual({
      factor: 'ours',
      title: 'It is one of ours',
      points: 12.5,
      held: false,
    });
  });

  it.each([
    [19.9999, 'LOW'],
    [20, 'MEDIUM'],
    [49.9999, 'MEDIUM'],
    [50, 'HIGH'],
    [90, 'CRITICAL'],
    [-5, 'LOW'],
  ])('a score of %d is %s', async (points, level) => {
    const weighing = await weigh(modelOf({ factors: [factor('f', points)] }), { bad: true });
    expect(weighing).toMatchObject({ level, score: points.toFixed(4) });
  });

  it('is UNKNOWN, with no score, when one factor cannot be answered, and says which', async () => {
    const weighing = await weigh(modelOf(), {});
    expect(weighing).toMatchObject({ score: null, level: 'UNKNOWN' });
    expect(weighing.contributions).toMatchObject([
      {
        factor: 'bad',
        held: 'unknown',
        conditions: [{ reason: 'the path is absent from the event' }],
      },
      { factor: 'ours', held: true },
    ]);
  });

  it('is UNKNOWN under a model that is not what was approved', async () => {
    const stored = {
      ...storedModelOf(modelOf()),
      definition: modelOf({ thresholds: { MEDIUM: 1, HIGH: 2, CRITICAL: 3 } }),
    };
    const event = {
      source: 's',
      id: '1',
      type: 'com.example.x',
      subject: null,
      time: 't',
      data: { bad: true },
    };
    expect(await compileRiskModel(stored).weigh(event)).toMatchObject({
      level: 'UNKNOWN',
      score: null,
      contributions: [{ held: 'unknown', reason: expect.stringContaining('digest') }],
    });
  });

  it('is UNKNOWN under a model that cannot be compiled', async () => {
    const broken = modelOf({ factors: [factor('f', 1, { conditions: { all: [] } })] });
    expect(await weigh(broken, { bad: true })).toMatchObject({ level: 'UNKNOWN', score: null });
    expect(unweighed('why')).toMatchObject({ level: 'UNKNOWN', score: null });
  });

  it('does not depend on the order of the factors', async () => {
    const points = fc.integer({ min: -10_000_000, max: 10_000_000 }).map((units) => units / 10_000);
    await fc.assert(
      fc.asyncProperty(fc.array(points, { minLength: 1, maxLength: 12 }), async (all) => {
        const score = async (list: readonly number[]) => {
          const factors = list.map((one, index) => factor(`f${index}`, one));
          return (await weigh(modelOf({ factors }), { bad: true })).score;
        };
        const exact = all.reduce((sum, one) => sum + BigInt(Math.round(one * 10_000)), 0n);
        expect(await score(all)).toBe(await score(all.toReversed()));
        expect(Math.round(Number(await score(all)) * 10_000)).toBe(Number(exact));
      }),
      { numRuns: 50 },
    );
  });
});

describe('a risk model', () => {
  const problemsOf = (definition: RiskModelDefinition) =>
    checkRiskModel(definition).map(({ at, problem }) => `${at.join('.')}: ${problem}`);

  it.each<[string, RiskModelDefinition, string]>([
    [
      'repeats a factor',
      modelOf({ factors: [factor('f', 1), factor('f', 2)] }),
      'factors.1.factor: "f" is there already',
    ],
    [
      'has finer points than a score',
      modelOf({ factors: [factor('f', 0.00001)] }),
      'factors.0.points: write at most four decimals',
    ],
    [
      'has thresholds that do not rise',
      modelOf({ thresholds: { MEDIUM: 5, HIGH: 5, CRITICAL: 9 } }),
      'thresholds: MEDIUM, HIGH and CRITICAL must rise',
    ],
    [
      'asks about the risk that it is to find',
      modelOf({
        factors: [
          factor('f', 1, { conditions: { all: [{ ...leafOn('$.level', 'LOW'), fact: 'risk' }] } }),
        ],
      }),
      'factors.0.conditions.all.0.fact: the fact must be "event"',
    ],
  ])('is refused when it %s', (_, definition, problem) => {
    expect(problemsOf(definition).join('\n')).toContain(problem);
  });

  it('is accepted otherwise', () => {
    expect(problemsOf(modelOf())).toEqual([]);
  });
});

it('the digest of an assessment covers every column', () => {
  const eventId = eventIdOf('s', '1');
  const assessment: Assessment = {
    assessmentId: assessmentIdOf(eventId, 'default'),
    eventId,
    context: 'default',
    modelId: storedModelOf(modelOf()).modelId,
    modelVersion: 1,
    score: '1.0000',
    level: 'LOW',
    contributions: [],
    evaluatedAt: '2026-01-02T03:04:05.000000Z' as Timestamp,
    salt: 'a'.repeat(64),
  };
  const changed: Partial<Assessment>[] = [
    { assessmentId: assessmentIdOf(eventId, 'other') },
    { eventId: eventIdOf('s', '2') },
    { context: 'other' },
    { modelId: null },
    { modelVersion: 2 },
    { score: '2.0000' },
    { level: 'MEDIUM' },
    { contributions: [{ factor: 'f', title: 'F', points: 1, held: true }] },
    { evaluatedAt: '2026-01-02T03:04:05.000001Z' as Timestamp },
    { salt: 'b'.repeat(64) },
  ];
  const digests = [{}, ...changed].map((change) => assessmentDigest({ ...assessment, ...change }));
  expect(new Set(digests).size).toBe(Object.keys(assessment).length + 1);
});
