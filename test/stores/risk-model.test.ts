import { afterAll, beforeAll, expect, it } from 'vitest';
import { modelDraftOf } from '../../src/domain/risk.ts';
import type { Timestamp } from '../../src/domain/time.ts';
import type { Database } from '../../src/stores/database.ts';
import { openRiskModelStore, type RiskModelStore } from '../../src/stores/risk-model.ts';
import { modelOf } from '../support/documents.ts';
import { openWeighedDatabase, type WeighedDatabase } from '../support/weighed.ts';

let database: WeighedDatabase;
let risk: Database;
beforeAll(async () => {
  database = await openWeighedDatabase();
  risk = database.open('risk');
});
afterAll(() => database.close());

const within = <T>(work: (store: RiskModelStore) => Promise<T>) =>
  risk.transact((tx) => work(openRiskModelStore(tx)));
const [earlier, later] = [
  '2026-01-02T03:04:05.000001Z',
  '2026-01-02T03:04:05.000002Z',
] as Timestamp[];

it('takes versions through their states, each once, and tells the phase of each', async () => {
  const drafts = [modelDraftOf(modelOf()), modelDraftOf(modelOf({ version: 2 }))];
  const [first, second] = drafts;
  const phases = async () =>
    (await within((store) => store.versionsOf(['plain'], []))).map(
      ({ version, phase }) => `${version} ${phase}`,
    );

  await within((store) => store.keepDefined(drafts, database.author, earlier!));
  await within((store) => store.keepDefined(drafts, database.approver, later!));
  expect(await phases()).toEqual(['1 waiting', '2 waiting']);

  await within((store) => store.activate([first!], database.approver, earlier!));
  await within((store) => store.activate([first!], database.approver, later!));
  expect(await phases()).toEqual(['1 in force', '2 waiting']);

  await within(async (store) => {
    await store.supersede([first!, second!], later!);
    await store.activate([first!, second!], database.approver, later!);
  });
  expect(await phases()).toEqual(['1 retired', '2 in force']);
  const { rows } = await database.client.query(
    `select version, author, approver, active_from = $1 as "from earlier", active_to = $2 as "to later"
     from risk.risk_model order by version`,
    [earlier, later],
  );
  const people = { author: database.author, approver: database.approver };
  expect(rows).toEqual([
    { version: 1, ...people, 'from earlier': true, 'to later': true },
    { version: 2, ...people, 'from earlier': false, 'to later': null },
  ]);
});

it('finds what is in force in a context under whatever name', async () => {
  expect(await within((store) => store.versionsOf(['other'], ['default']))).toMatchObject([
    { name: 'plain', version: 2, place: 'default', phase: 'in force' },
  ]);
});
