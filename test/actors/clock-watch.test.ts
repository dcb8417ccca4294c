import { afterAll, beforeAll, expect, it } from 'vitest';
import { createClockWatch } from '../../src/actors/clock-watch.ts';
import { type Log, silentLog } from '../../src/domain/log.ts';
import type { Database } from '../../src/stores/database.ts';
import { cloneDatabase, type TestDatabase } from '../support/database.ts';

let clone: TestDatabase;
let database: Database;
beforeAll(async () => {
  clone = await cloneDatabase();
  database = clone.open('risk');
});
afterAll(() => clone.close());

it('says again and again that the clocks differ, and nothing when they do not', async () => {
  const skews: number[] = [];
  const log: Log = {
    ...silentLog,
    warn: (fields) => skews.push((fields as { skewMs: number }).skewMs),
  };
  let aheadMs = 0;
  const now = () => Date.now() + aheadMs;
  const watch = createClockWatch(database, log, { intervalMs: 10, now });
  watch.start();
  aheadMs = 7_200_000;
  await expect.poll(() => skews.length).toBeGreaterThan(2);
  aheadMs = 0;
  await watch.stop();
  // The first look may have been between the two clocks.
  expect(skews.slice(1).every((skewMs) => Math.abs(skewMs + 7_200_000) < 5_000)).toBe(true);
});
