import { describe, expect, it } from 'vitest';
import {
  type EventLoad,
  matchesAmong,
  messageOf,
  SOURCE,
  SOURCE_SECRET,
  USUAL_LOAD,
} from '../../bench/load/events.ts';
import { policiesOf, riskModel } from '../../bench/load/policies.ts';
import { evaluate } from '../../src/domain/advisory.ts';
import type { Claim } from '../../src/domain/event.ts';
import { arrangePolicies, checkPolicy, compilePolicy, draftOf } from '../../src/domain/policy.ts';
import { isRefusal } from '../../src/domain/problem.ts';
import { checkRiskModel, compileRiskModel, modelDraftOf } from '../../src/domain/risk.ts';
import { admit, readInbound, type Statement } from '../../src/domain/source.ts';
import { parseTimestamp } from '../../src/domain/time.ts';
import { sourceKinds } from '../../src/sources/sources.ts';

const SECONDS = 1_764_000_000;
const NOW = parseTimestamp('2025-11-24T16:00:00Z')!;

const compiled = (count: number) =>
  arrangePolicies(
    policiesOf(count).map((definition) => {
      const draft = draftOf(definition);
      const { policyId, version, name, definitionSha256 } = draft;
      const { title, description } = definition;
      return compilePolicy({
        policyId,
        version,
        name,
        title,
        description,
        regulatoryReference: definition.regulatory_reference,
        priorityLevel: definition.priority_level,
        definition,
        definitionSha256,
      });
    }),
  );

function statementOf(index: number, load: EventLoad): Statement {
  const read = readInbound(sourceKinds, messageOf(index, load, SECONDS));
  if ('batch' in read) throw new TypeError('not one event');
  return read;
}

/** How many policies were asked about each event, and how many fired. */
async function answersTo(load: EventLoad, events: number) {
  const policies = compiled(load.policies);
  const { modelId, version, definition, definitionSha256 } = modelDraftOf(riskModel);
  const model = compileRiskModel({ modelId, version, definition, definitionSha256 });
  return Promise.all(
    Array.from({ length: events }, async (_, index) => {
      const claim = statementOf(index, load).claim as Claim;
      const { source, id, type, subject, data } = claim;
      const event = { source, id, type, subject, time: NOW, data };
      const fact = event;
      const { score, level, contributions } = await model.weigh(fact);
      const risk = { score: Number(score), level, contributions: [] };
      const { asked, proposals } = await evaluate(
        { facts: { event, risk }, assessment: { score, level, contributions } },
        policies,
      );
      return { level, asked: asked.length, bases: proposals.map(({ basis }) => basis) };
    }),
  );
}

describe('the policies of the benchmark', () => {
  it.each([1, 5, 20, 50, 500])('are %i policies that the product accepts', (count) => {
    const definitions = policiesOf(count);
    expect(definitions).toHaveLength(count);
    expect(definitions.flatMap(checkPolicy)).toEqual([]);
    expect(checkRiskModel(riskModel)).toEqual([]);
  });

  it.each([5, 20, 50, 500])('match one event in ten, by one of %i, and no other', async (count) => {
    const load = { ...USUAL_LOAD, policies: count };
    const events = 300;
    const answers = await answersTo(load, events);
    const matched = answers.filter(({ bases }) => bases.length > 0);
    expect(matched).toHaveLength(matchesAmong(events, load));
    expect(new Set(matched.map(({ bases }) => bases.join()))).toEqual(new Set(['matched']));
    expect(new Set(answers.map(({ level }) => level))).toEqual(new Set(['LOW']));
  });

  it('are all asked about every event, up to twenty', async () => {
    const askedOf = async (policies: number) =>
      new Set((await answersTo({ ...USUAL_LOAD, policies }, 100)).map(({ asked }) => asked));
    expect(await askedOf(5)).toEqual(new Set([5]));
    expect(await askedOf(20)).toEqual(new Set([20]));
    expect(await askedOf(500)).toEqual(new Set([20]));
  });
});

describe('an event of the benchmark', () => {
  const source = {
    name: SOURCE,
    kind: 'cloudevents',
    signatureRequired: true,
    queueAgeMaxS: 86_400,
    retired: false,
    keys: [{ algorithm: 'hmac-sha256' as const, material: SOURCE_SECRET }],
  };

  it('is signed as its source must sign', () => {
    const signedAt = parseTimestamp(new Date(SECONDS * 1_000).toISOString())!;
    const sources = new Map([[SOURCE, source]]);
    const [verdict] = admit([statementOf(7, USUAL_LOAD)], sources, 'queue', signedAt);
    expect(isRefusal(verdict!)).toBe(false);
  });

  it.each([1_024, 20_480])('has a payload of %i bytes, but for one position', (payloadBytes) => {
    for (const index of [0, 1, 12_345]) {
      const { data } = statementOf(index, { ...USUAL_LOAD, payloadBytes }).claim as Claim;
      const { length } = JSON.stringify(data);
      expect(length).toBeLessThanOrEqual(payloadBytes);
      expect(length).toBeGreaterThan(payloadBytes - 100);
    }
  });
});
