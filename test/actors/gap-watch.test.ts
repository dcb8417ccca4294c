import type pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createGapWatch, type GapWatch } from '../../src/actors/gap-watch.ts';
import { laggingHops, overloadOf, summaryOf } from '../../src/domain/gap.ts';
import { type Log, silentLog } from '../../src/domain/log.ts';
import type { Database } from '../../src/stores/database.ts';
import { cloneDatabase, type TestDatabase } from '../support/database.ts';
import { type Facts, openFacts } from '../support/facts.ts';

let clone: TestDatabase;
let database: Database;
let client: pg.Client;
let facts: Facts;
let watch: GapWatch;
let nowMs: number;

beforeEach(async () => {
  clone = await cloneDatabase();
  client = await clone.superuser();
  facts = await openFacts(client);
  database = clone.open('audit');
  nowMs = 0;
  watch = createGapWatch({ database, log: silentLog, monotonicMs: () => nowMs });
});
afterEach(async () => {
  await watch.stop();
  await clone.close();
});

/** Moves everything that is recorded into the past. */
async function age(interval: string): Promise<void> {
  const tables = { event: 'event.event', assessment: 'risk.risk_assessment' };
  const rest = { evaluation: 'advisory.evaluation', advisory: 'advisory.advisory' };
  for (const table of Object.values({ ...tables, ...rest })) {
    await client.query(`alter table ${table} disable trigger user`);
    await client.query(`update ${table} set created_at = created_at - '${interval}'::interval`);
  }
}
const openIn = (found: Awaited<ReturnType<GapWatch['look']>>) =>
  Object.fromEntries(summaryOf(found).map(({ hop, open }) => [hop, open]));

describe('a look', () => {
  it('finds what waits for its successor, in every hop', async () => {
    await facts.evaluation({ policies: ['a', 'b'] });
    expect(openIn(await watch.look())).toEqual({
      assessment: 0,
      evaluation: 0,
      review: 1,
      'decision-entry': 0,
      execution: 0,
      entry: 4,
    });
  });

  it('is remembered with its age', async () => {
    expect(watch.latest()).toBeUndefined();
    const found = await watch.look();
    nowMs += 1_500;
    expect(watch.latest()).toEqual({ found, ageMs: 1_500 });
  });

  it('looks back an hour at first; at everything, further, and knows from then on what it has found', async () => {
    await facts.evaluation();
    await age('2 hours');
    expect(openIn(await watch.look())).toMatchObject({ review: 0, entry: 0 });
    expect(openIn(await watch.look('everything'))).toMatchObject({ review: 1, entry: 3 });
    expect(openIn(await watch.look())).toMatchObject({ review: 1, entry: 3 });
  });

  it('finds what became visible long after it was stamped, when its writer had begun before', async () => {
    await watch.look();
    await client.query('begin');
    await facts.evaluation();
    await client.query(
      `alter table event.event disable trigger user;
       update event.event set created_at = now() - interval '10 minutes'`,
    );
    for (let looks = 0; looks < 3; looks += 1) await watch.look();
    await client.query('commit');
    expect(openIn(await watch.look())).toMatchObject({ review: 1 });
  });

  it('fails when the database does not answer, and what is remembered stays', async () => {
    const found = await watch.look();
    await database.close();
    await expect(watch.look()).rejects.toThrow();
    expect(watch.latest()?.found).toBe(found);
  });
});

describe('a watch', () => {
  it('looks by itself until it is stopped', async () => {
    const looking = createGapWatch({ database, log: silentLog, intervalMs: 20 });
    looking.start();
    await expect.poll(() => looking.latest()).toBeDefined();
    const { eventId } = await facts.evaluation();
    expect(eventId).toBeDefined();
    await expect.poll(() => openIn(looking.latest()!.found)).toMatchObject({ review: 1 });
    await looking.stop();
    const last = looking.latest()!.found;
    await facts.evaluation();
    expect(looking.latest()!.found).toBe(last);
  });

  it('says so when it cannot look', async () => {
    const warned: string[] = [];
    const log: Log = { ...silentLog, warn: (_fields, message) => warned.push(message) };
    const down: Database = { ...database, transact: () => Promise.reject(new Error('down')) };
    const blind = createGapWatch({ database: down, log, intervalMs: 20 });
    blind.start();
    await expect.poll(() => warned.at(-1)).toBe('gaps could not be looked for');
    await blind.stop();
  });
});

describe('what follows from gaps', () => {
  it('nothing as long as they are young', async () => {
    await facts.evaluation();
    const found = await watch.look();
    expect(laggingHops(found)).toEqual([]);
    expect(overloadOf(found)).toBeUndefined();
  });

  it('a hop lags after two minutes, and nothing is taken in after a quarter of an hour', async () => {
    await facts.evaluation();
    await age('3 minutes');
    const lagging = await watch.look();
    expect(laggingHops(lagging).map(({ hop }) => hop)).toEqual(['review', 'entry']);
    expect(overloadOf(lagging)).toBeUndefined();
    await age('13 minutes');
    expect(overloadOf(await watch.look('everything'))).toMatch(
      /waits for its successor for 16 minutes/,
    );
  });
});
