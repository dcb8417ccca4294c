/** Replay over what the actors really stored: the same comes out, and each change behind their backs is named. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createAdvisoryActor } from '../../src/actors/advisory.ts';
import { createRiskActor } from '../../src/actors/risk.ts';
import { advisoryDigest } from '../../src/domain/advisory.ts';
import { assessmentIdOf, type EventId } from '../../src/domain/ids.ts';
import { createReplayer, type ReplayCause } from '../../src/domain/replay.ts';
import { whatIf } from '../../src/domain/what-if.ts';
import { systemClock } from '../../src/domain/time.ts';
import {
  pinnedVersions,
  recordedRuns,
  type ReplayPlace,
  type ReplayRange,
} from '../../src/stores/audit-replay.ts';
import type { Database } from '../../src/stores/database.ts';
import { compiled, leafOn, modelOf, policyOf } from '../support/documents.ts';
import { alterBehind, openWeighedDatabase, type WeighedDatabase } from '../support/weighed.ts';

let database: WeighedDatabase;
let audit: Database;
let events: readonly EventId[];
beforeAll(async () => {
  database = await openWeighedDatabase();
  audit = database.test.open('audit');
  const second = { conditions: { all: [leafOn('$.data.worse', true)] } };
  await database.load([policyOf('first'), policyOf('second', second)], [modelOf()]);
  events = await database.keepEvents([
    { bad: true, worse: false },
    { bad: false, worse: false },
    { bad: true },
    {},
  ]);
  const riskActor = createRiskActor();
  await database.open('risk').transact((tx) =>
    riskActor.receive(
      events.map((eventId) => ({ eventId })),
      riskActor.openStore(tx),
      systemClock,
    ),
  );
  const advisoryActor = createAdvisoryActor();
  await database.open('advisory').transact((tx) =>
    advisoryActor.receive(
      events.map((eventId) => ({ assessmentId: assessmentIdOf(eventId, 'default') })),
      advisoryActor.openStore(tx),
      systemClock,
    ),
  );
  // What is in force later is no matter of what was then.
  await database.load([policyOf('first', { version: 2, conditions: second.conditions })]);
});
afterAll(() => database.close());

const ALL = { from: '1970-01-01T00:00:00Z', to: '2199-01-01T00:00:00Z' };

async function replay(range: ReplayRange) {
  return audit.transact(async (tx) => {
    const runs = await recordedRuns(tx, range, { limit: 100 });
    const replayer = createReplayer(await pinnedVersions(tx, runs));
    const found = [];
    for (const run of runs) found.push(...(await replayer.replay(run)));
    return { runs, found };
  });
}

it('matches, misses and unknowns come out as they were recorded', async () => {
  const { runs, found } = await replay(ALL);
  expect(runs.map(({ eventId }) => eventId).toSorted()).toEqual([...events].toSorted());
  expect(new Set(runs.map(({ evaluation }) => evaluation?.outcome))).toEqual(
    new Set(['MATCH', 'NO_MATCH', 'UNKNOWN']),
  );
  expect(found).toEqual([]);
});

it('one event is found by its id, and a page goes on where the last one ended', async () => {
  expect((await replay({ eventId: events[0]! })).runs).toHaveLength(1);
  const seen: string[] = [];
  let after: ReplayPlace | undefined;
  do {
    const [run] = await audit.transact((tx) => recordedRuns(tx, ALL, { after, limit: 1 }));
    if (run !== undefined) seen.push(run.eventId);
    after = run;
  } while (after !== undefined);
  expect(seen.toSorted()).toEqual([...events].toSorted());
});

/** What replay says of the first event after a change behind everybody's back, which is taken back again. */
async function causesAfter(table: string, change: string, undo: string): Promise<ReplayCause[]> {
  await alterBehind(database.client, table, change);
  try {
    const { found } = await replay({ eventId: events[0]! });
    return found.map(({ cause }) => cause);
  } finally {
    await alterBehind(database.client, table, undo);
  }
}

it.each<[ReplayCause, string, string, string]>([
  [
    'payload_changed',
    'event.event_payload',
    `update event.event_payload set payload_data = payload_data || '{"bad": false}' where event_id = '%'`,
    `update event.event_payload set payload_data = payload_data || '{"bad": true}' where event_id = '%'`,
  ],
  [
    'model_changed',
    'risk.risk_model',
    `update risk.risk_model set threshold_definition = threshold_definition || '{"MEDIUM": 21}'`,
    `update risk.risk_model set threshold_definition = threshold_definition || '{"MEDIUM": 20}'`,
  ],
  [
    'policy_changed',
    'policy.policy',
    `update policy.policy set definition = definition || '{"title": "Another"}' where name = 'first' and version = 1`,
    `update policy.policy set definition = definition || '{"title": "Title of first"}' where name = 'first' and version = 1`,
  ],
  [
    'record_changed',
    'advisory.advisory',
    `update advisory.advisory set conflict = true where event_id = '%'`,
    `update advisory.advisory set conflict = false where event_id = '%'`,
  ],
])('names the cause: %s', async (cause, table, change, undo) => {
  const of = (statement: string) => statement.replace('%', events[0]!);
  expect(await causesAfter(table, of(change), of(undo))).toContain(cause);
  expect((await replay(ALL)).found).toEqual([]);
});

it('says that the program has changed when nothing else has', async () => {
  const [run] = await audit.transact((tx) =>
    recordedRuns(tx, { eventId: events[0]! }, { limit: 1 }),
  );
  const versions = await audit.transact((tx) => pinnedVersions(tx, [run!]));
  // A program that answers differently, seen from the other side: a record that another one would have kept.
  const advisories = run!.advisories.map((advisory) => {
    const other = { ...advisory, justification: 'as another program would say it' };
    return { ...other, rowDigest: advisoryDigest(other) };
  });
  const found = await createReplayer(versions).replay({ ...run!, advisories });
  expect(found).toMatchObject([{ what: 'evaluation', cause: 'program_changed' }]);
});

it('names a version that is not stored', async () => {
  const [run] = await audit.transact((tx) =>
    recordedRuns(tx, { eventId: events[0]! }, { limit: 1 }),
  );
  const nothing = { model: () => undefined, policy: () => undefined };
  const found = await createReplayer(nothing).replay(run!);
  expect(found.map(({ cause }) => cause)).toEqual(['model_missing', 'policy_missing']);
});

it('what-if: a version that is not in force says what it would have, with what every condition sees', async () => {
  const [run] = await audit.transact((tx) =>
    recordedRuns(tx, { eventId: events[0]! }, { limit: 1 }),
  );
  const onWorse = { all: [leafOn('$.data.worse', false), leafOn('$.data.bad', true)] };
  const said = await whatIf(compiled(policyOf('draft', { conditions: onWorse })), run!);
  expect(said).toMatchObject({
    policy: 'draft@1',
    outcome: 'matched',
    conditions: [
      { position: 'all.0', actual: false, result: 'held' },
      { position: 'all.1', actual: true, result: 'held' },
    ],
    options: [{ option: 'mend', command: { mend: run!.event.subject } }],
    justification: expect.stringContaining('draft'),
    recorded: [
      { policy: 'first@1', result: 'matched' },
      { policy: 'second@1', result: 'not matched' },
    ],
  });
  const elsewhere = policyOf('draft', { applies_to: { event_types: ['com.elsewhere'] } });
  expect(await whatIf(compiled(elsewhere), run!)).toMatchObject({
    outcome: 'not asked',
    conditions: [{ result: 'held' }],
    justification: null,
  });
});
