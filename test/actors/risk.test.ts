import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createRiskActor } from '../../src/actors/risk.ts';
import { assessmentIdOf, type EventId, eventIdOf, modelIdOf } from '../../src/domain/ids.ts';
import { type Assessment, assessmentDigest } from '../../src/domain/risk.ts';
import { systemClock } from '../../src/domain/time.ts';
import type { Database } from '../../src/stores/database.ts';
import { leafOn, modelOf } from '../support/documents.ts';
import { alterBehind, openWeighedDatabase, type WeighedDatabase } from '../support/weighed.ts';

let database: WeighedDatabase;
let risk: Database;
let actor: ReturnType<typeof createRiskActor>;
beforeAll(async () => {
  database = await openWeighedDatabase();
  risk = database.open('risk');
});
beforeEach(() => {
  actor = createRiskActor();
});
afterAll(() => database.close());

const receive = (events: readonly EventId[], by = actor) =>
  risk.transact((tx) =>
    by.receive(
      events.map((eventId) => ({ eventId })),
      by.openStore(tx),
      systemClock,
    ),
  );

function forwarded(eventId: EventId) {
  const assessmentId = assessmentIdOf(eventId, 'default');
  return {
    kind: 'forward',
    to: [
      { queue: 'advisory', message: { assessmentId } },
      { queue: 'ledger', message: { type: 'RISK_ASSESSMENT', id: assessmentId } },
    ],
  };
}

async function assessmentsOf(events: readonly EventId[]) {
  const { rows } = await database.client.query<Assessment & { row_digest: string }>(
    `select assessment_id as "assessmentId", event_id as "eventId", context, risk_model_id as "modelId",
       risk_model_version as "modelVersion", risk_score::text as "score", risk_level as "level", contributions,
       to_char(evaluated_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as "evaluatedAt", salt, row_digest
     from risk.risk_assessment where event_id = any($1::uuid[]) order by array_position($1::uuid[], event_id)`,
    [events],
  );
  return rows;
}

describe('before any model is in force', () => {
  it('assesses events as UNKNOWN, without a model, and sends them on', async () => {
    const events = await database.keepEvents([{ bad: true }]);
    expect(await receive(events)).toEqual(events.map(forwarded));
    expect(await assessmentsOf(events)).toMatchObject([
      {
        score: null,
        level: 'UNKNOWN',
        modelId: null,
        modelVersion: null,
        contributions: [{ held: 'unknown', reason: 'no risk model is in force' }],
      },
    ]);
  });
});

describe('under a model', () => {
  beforeAll(() => database.load([], [modelOf()]));

  it('assesses each event of a batch and sends it to its successors, in order', async () => {
    const events = await database.keepEvents([{ bad: true }, { bad: false }, {}, 'text']);
    expect(await receive(events)).toEqual(events.map(forwarded));
    const model = { modelId: modelIdOf('plain'), modelVersion: 1 };
    expect(await assessmentsOf(events)).toMatchObject([
      {
        ...model,
        score: '52.5000',
        level: 'HIGH',
        contributions: [{ held: true }, { held: true }],
      },
      {
        ...model,
        score: '12.5000',
        level: 'LOW',
        contributions: [{ held: false }, { held: true }],
      },
      {
        ...model,
        score: null,
        level: 'UNKNOWN',
        contributions: [{ held: 'unknown' }, { held: true }],
      },
      {
        ...model,
        score: null,
        level: 'UNKNOWN',
        contributions: [{ held: 'unknown' }, { held: true }],
      },
    ]);
  });

  it('does nothing twice: the same batch again is forwarded again and leaves every row as it was', async () => {
    const events = await database.keepEvents([{ bad: true }, { bad: false }]);
    const first = await receive(events);
    const before = await assessmentsOf(events);
    expect(await receive(events)).toEqual(first);
    expect(await receive(events.toReversed(), createRiskActor())).toEqual(first.toReversed());
    expect(await assessmentsOf(events)).toEqual(before);
  });

  it('answers a duplicate within a batch like its first', async () => {
    const [event] = await database.keepEvents([{ bad: true }]);
    expect(await receive([event!, event!])).toEqual([forwarded(event!), forwarded(event!)]);
    expect(await assessmentsOf([event!])).toHaveLength(1);
  });

  it('refuses an unknown id alone; the good ones around it go through', async () => {
    const [one, two] = await database.keepEvents([{ bad: true }, { bad: true }]);
    const unknown = eventIdOf('acme', 'never sent');
    expect(await receive([one!, unknown, two!])).toEqual([
      forwarded(one!),
      {
        kind: 'reject',
        rejection: { reason: 'unknown_id', detail: `no event ${unknown} is stored` },
      },
      forwarded(two!),
    ]);
    expect(await receive([unknown])).toMatchObject([{ kind: 'reject' }]);
  });

  it('forwards what stands when two workers assess the same events at once', async () => {
    const events = await database.keepEvents(
      Array.from({ length: 20 }, (_, n) => ({ bad: n % 2 === 0 })),
    );
    const outcomes = await Promise.all([
      receive(events),
      receive(events.toReversed(), createRiskActor()),
      receive(events, createRiskActor()),
    ]);
    expect(outcomes[0]).toEqual(events.map(forwarded));
    expect(outcomes[1]).toEqual(events.toReversed().map(forwarded));
    expect(outcomes[2]).toEqual(outcomes[0]);
    expect(await assessmentsOf(events)).toHaveLength(20);
  });

  it('stores the digest of each row as it can be computed from the row', async () => {
    const events = await database.keepEvents([{ bad: true }, {}, { bad: 'é "x" \\' }]);
    await receive(events);
    for (const { row_digest, ...assessment } of await assessmentsOf(events)) {
      expect(assessmentDigest(assessment)).toBe(row_digest);
    }
  });

  it('weighs every batch under the model that is in force then', async () => {
    const [before, after] = await database.keepEvents([{ bad: true }, { bad: true }]);
    await receive([before!]);
    const only = {
      factor: 'only',
      title: 'Only',
      points: 95,
      conditions: { all: [leafOn('$.data.bad', true)] },
    };
    await database.load([], [modelOf({ version: 2, factors: [only] })]);
    await receive([before!, after!]);
    expect(await assessmentsOf([before!, after!])).toMatchObject([
      { modelVersion: 1, level: 'HIGH' },
      { modelVersion: 2, level: 'CRITICAL' },
    ]);
    const { rows } = await database.client.query(
      `select count(*)::integer as outside from risk.risk_assessment a
       join risk.risk_model m on m.model_id = a.risk_model_id and m.version = a.risk_model_version
       where (a.evaluated_at >= m.active_from and a.evaluated_at < coalesce(m.active_to, 'infinity')) is not true`,
    );
    expect(rows).toEqual([{ outside: 0 }]);
  });

  it('assesses as UNKNOWN under a model whose definition was altered behind its back', async () => {
    await alterBehind(
      database.client,
      'risk.risk_model',
      `update risk.risk_model set threshold_definition = '{"MEDIUM": 1000, "HIGH": 2000, "CRITICAL": 3000}'
       where status = 'active'`,
    );
    const events = await database.keepEvents([{ bad: true }]);
    await receive(events, createRiskActor());
    expect(await assessmentsOf(events)).toMatchObject([
      {
        level: 'UNKNOWN',
        score: null,
        modelVersion: 2,
        contributions: [{ reason: expect.stringContaining('digest') }],
      },
    ]);
  });
});
