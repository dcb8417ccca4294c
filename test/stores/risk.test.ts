import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { assessmentIdOf, type EventId, eventIdOf } from '../../src/domain/ids.ts';
import type { Assessment } from '../../src/domain/risk.ts';
import type { Timestamp } from '../../src/domain/time.ts';
import type { Database } from '../../src/stores/database.ts';
import { openRiskStore, type RiskStore } from '../../src/stores/risk.ts';
import { openRiskModelStore } from '../../src/stores/risk-model.ts';
import { modelOf, storedModelOf } from '../support/documents.ts';
import { openWeighedDatabase, untilWaiting, type WeighedDatabase } from '../support/weighed.ts';

let database: WeighedDatabase;
let risk: Database;
beforeAll(async () => {
  database = await openWeighedDatabase();
  risk = database.open('risk');
});
afterAll(() => database.close());

const within = <T>(work: (store: RiskStore) => Promise<T>) =>
  risk.transact((tx) => work(openRiskStore(tx)));

function assessmentOf(eventId: EventId, change: Partial<Assessment> = {}): Assessment {
  return {
    assessmentId: assessmentIdOf(eventId, 'default'),
    eventId,
    context: 'default',
    modelId: null,
    modelVersion: null,
    score: null,
    level: 'UNKNOWN',
    contributions: [{ factor: 'model', title: 'é "quoted" {1}', points: 0, held: 'unknown' }],
    evaluatedAt: '2026-01-02T03:04:05.678901Z' as Timestamp,
    salt: 'a'.repeat(64),
    ...change,
  };
}

describe('the risk store', () => {
  it("reads events as they were stated, in the database's own microseconds", async () => {
    const [eventId] = await database.keepEvents([{ a: [1, 'x', null] }]);
    expect(
      await within((store) => store.eventsById([eventId!, eventIdOf('acme', 'none')])),
    ).toEqual([
      {
        eventId,
        source: 'acme',
        externalId: expect.any(String),
        type: 'com.example.thing',
        subject: expect.stringMatching(/^thing /),
        occurredAt: '2026-01-02T03:04:05.678000Z',
        data: { a: [1, 'x', null] },
      },
    ]);
  });

  it('keeps the first assessment of an event, and tells which one stands in a context', async () => {
    const [one, two] = await database.keepEvents([1, 2]);
    await within((store) => store.keepAssessments([assessmentOf(two!), assessmentOf(one!)]));
    await within((store) => store.keepAssessments([assessmentOf(one!, { salt: 'b'.repeat(64) })]));
    const { rows } = await database.client.query(
      `select salt, contributions from risk.risk_assessment where event_id = $1`,
      [one],
    );
    expect(rows).toEqual([
      { salt: 'a'.repeat(64), contributions: assessmentOf(one!).contributions },
    ]);
    expect(
      await within((store) => store.standing([one!, two!, eventIdOf('x', 'y')], 'default')),
    ).toEqual(
      new Map([
        [one, assessmentIdOf(one!, 'default')],
        [two, assessmentIdOf(two!, 'default')],
      ]),
    );
    expect(await within((store) => store.standing([one!], 'other'))).toEqual(new Map());
  });

  it('answers for no events without asking', async () => {
    expect(await within((store) => store.eventsById([]))).toEqual([]);
    expect(await within((store) => store.standing([], 'default'))).toEqual(new Map());
    await within((store) => store.keepAssessments([]));
  });

  it('knows the model in force, whose definition comes back as it was hashed', async () => {
    expect(await within((store) => store.modelInForce('default'))).toMatchObject({ stamp: null });
    expect(await within((store) => store.loadModel('default'))).toBeUndefined();
    await database.load([], [modelOf()]);
    const { definitionSha256, modelId } = storedModelOf(modelOf());
    expect(await within((store) => store.modelInForce('default'))).toMatchObject({
      stamp: `${modelId}@1 ${definitionSha256}`,
    });
    expect(await within((store) => store.loadModel('default'))).toEqual(storedModelOf(modelOf()));
    expect(await within((store) => store.modelInForce('other'))).toMatchObject({ stamp: null });
  });

  it('holds a change of models up until the assessments under way are kept', async () => {
    const { promise: mayEnd, resolve: end } = Promise.withResolvers<void>();
    const { promise: locked, resolve: hasLocked } = Promise.withResolvers<Timestamp>();
    const assessing = within(async (store) => {
      hasLocked((await store.modelInForce('default')).at);
      await mayEnd;
    });
    const evaluatedAt = await locked;
    // Others that only assess are not held up.
    await within((store) => store.modelInForce('default'));
    const changing = risk.transact((tx) => openRiskModelStore(tx).lockActivation());
    await untilWaiting(database.client, 'risk');
    end();
    await assessing;
    const changedAt = await changing;
    expect(changedAt > evaluatedAt).toBe(true);
  });
});
