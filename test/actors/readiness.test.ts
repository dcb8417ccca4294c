import type pg from 'pg';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { createGapWatch, type GapWatch, type LatestLook } from '../../src/actors/gap-watch.ts';
import { createReadiness, type ReadinessOptions } from '../../src/actors/readiness.ts';
import { silentLog } from '../../src/domain/log.ts';
import type { Database } from '../../src/stores/database.ts';
import { cloneDatabase, type TestDatabase } from '../support/database.ts';
import { type Facts, openFacts } from '../support/facts.ts';

let clone: TestDatabase;
let database: Database;
let client: pg.Client;
let facts: Facts;
let gaps: GapWatch;

beforeAll(async () => {
  clone = await cloneDatabase();
  client = await clone.superuser();
  facts = await openFacts(client);
  database = clone.open('audit');
});
afterAll(() => clone.close());
beforeEach(async () => {
  await facts.ledgerBeat(-3_600);
  gaps = createGapWatch({ database, log: silentLog });
  await gaps.look();
});

const broker = { ping: async () => undefined };
const look = (options: Partial<ReadinessOptions> = {}) =>
  createReadiness({ database, broker, gaps, ...options })();
const well = { postgres: null, queue_store: null, ledger: null, gaps: null, actors: null };

it('finds nothing wrong where nothing is', async () => {
  expect(await look()).toEqual(well);
});

it('names the store that does not answer, within a second', async () => {
  const refuse = () => Promise.reject(Object.assign(new Error('no'), { code: 'ECONNREFUSED' }));
  expect(await look({ broker: { ping: refuse } })).toEqual({
    ...well,
    queue_store: 'does not answer: ECONNREFUSED',
  });
  const startedMs = performance.now();
  const hang = () => new Promise<never>(() => undefined);
  const silent = await look({ database: { transact: hang }, broker: { ping: hang } });
  expect(performance.now() - startedMs).toBeLessThan(1_000);
  expect(silent).toEqual({
    ...well,
    postgres: 'does not answer: Error',
    queue_store: 'does not answer: Error',
    ledger: 'is not known while PostgreSQL does not answer',
  });
});

it('says when the ledger cannot be appended to', async () => {
  await facts.ledgerBeat(10);
  expect((await look()).ledger).toMatch(/^cannot be appended to/);
});

it('says why the ledger is halted', async () => {
  await client.query(
    `insert into ledger.halt (stream, code, detail) values (0, 'STATE_MISMATCH', 'It had 5 entries.')`,
  );
  expect((await look()).ledger).toBe(
    'is halted, and nothing is executed: STATE_MISMATCH: It had 5 entries.',
  );
  await client.query('update ledger.halt set lifted_at = clock_timestamp()');
});

it('says when gaps are old, when nobody has looked, and when nobody could look for long', async () => {
  await facts.evaluation();
  const latest = { found: await gaps.look(), ageMs: 0 };
  expect((await look({ gaps: { latest: () => latest } })).gaps).toBeNull();
  const found = new Map(
    [...latest.found].map(([hop, { listed, open }]) => [
      hop,
      { open, listed: listed.map((gap) => ({ ...gap, ageMs: 130_000 })) },
    ]),
  );
  const reasonOf = async (look_: LatestLook | undefined) =>
    (await look({ gaps: { latest: () => look_ } })).gaps;
  expect(await reasonOf({ found, ageMs: 0 })).toBe(
    'are older than 120 s: review (1, 130 s), entry (3, 130 s)',
  );
  expect(await reasonOf(undefined)).toBe('have not been looked for yet');
  expect(await reasonOf({ ...latest, ageMs: 121_000 })).toBe('were last looked for 121 s ago');
});

it('says when an actor of this process has stopped itself', async () => {
  expect((await look({ isWorking: () => false })).actors).toMatch(/stopped itself/);
});

it('asks the stores once a second, however often it is asked', async () => {
  let pings = 0;
  let nowMs = 0;
  const ping = async () => {
    pings += 1;
    await Promise.resolve();
  };
  const readiness = createReadiness({
    database,
    broker: { ping },
    gaps,
    monotonicMs: () => nowMs,
  });
  await Promise.all([readiness(), readiness()]);
  nowMs = 999;
  await readiness();
  expect(pings).toBe(1);
  nowMs = 1_000;
  await readiness();
  expect(pings).toBe(2);
});
