import type pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { timestampOfMs } from '../../src/domain/time.ts';
import type { Database } from '../../src/stores/database.ts';
import { openInboxStore } from '../../src/stores/inbox.ts';
import { openReviewStore } from '../../src/stores/review.ts';
import { cloneDatabase, type TestDatabase } from '../support/database.ts';
import { type Facts, openFacts, SOURCE } from '../support/facts.ts';
import { openReview } from '../support/reviews.ts';

let database: TestDatabase;
let decision: Database;
let client: pg.Client;
let facts: Facts;
beforeAll(async () => {
  database = await cloneDatabase();
  decision = database.open('decision');
  client = await database.superuser();
  facts = await openFacts(client);
});
afterAll(() => database.close());

const inbox = <T>(read: (store: ReturnType<typeof openInboxStore>) => Promise<T>) =>
  decision.transact((tx) => read(openInboxStore(tx)));

/** Moves reviews and their rounds into the past. */
async function setBack(reviewId: string, by: string): Promise<void> {
  for (const [table, column] of [
    ['review', 'opened_at'],
    ['decision', 'created_at'],
  ]) {
    await client.query(`alter table decision.${table} disable trigger user`);
    await client.query(
      `update decision.${table} set ${column} = ${column} - $1::interval where review_id = $2`,
      [by, reviewId],
    );
    await client.query(`alter table decision.${table} enable trigger user`);
  }
}

it('says of nothing that it is nothing', async () => {
  expect(await inbox((store) => store.standing())).toMatchObject({
    openByLevel: {},
    ledgerHealthy: true,
  });
  expect(await inbox((store) => store.facets())).toEqual({ policies: [], sources: [] });
  expect(await inbox((store) => store.backlog())).toEqual({
    ages: [],
    oldestOpenedAt: null,
    overdue: 0,
  });
});

it('counts what is open by level and age, and what is overdue by the time of its level', async () => {
  const critical = await openReview(decision, facts, { level: 'CRITICAL' });
  const medium = await openReview(decision, facts, { level: 'MEDIUM', policies: ['another'] });
  await openReview(decision, facts, { level: 'MEDIUM' });
  await setBack(critical.reviewId, '5 hours');
  await setBack(medium.reviewId, '5 hours');
  const backlog = await inbox((store) => store.backlog());
  expect(new Map(backlog.ages.map(({ level, counts }) => [level, counts]))).toEqual(
    new Map([
      ['CRITICAL', [0, 0, 1, 0, 0]],
      ['MEDIUM', [1, 0, 1, 0, 0]],
    ]),
  );
  expect(backlog.overdue).toBe(1);
  expect(Date.now() - Date.parse(backlog.oldestOpenedAt!)).toBeGreaterThan(4 * 3_600_000);
  expect((await inbox((store) => store.standing())).openByLevel).toEqual({
    CRITICAL: 1,
    MEDIUM: 2,
  });
  expect(await inbox((store) => store.facets())).toEqual({
    policies: ['another', 'branch-protection'],
    sources: [SOURCE],
  });
});

it('says when the ledger does not answer', async () => {
  await facts.ledgerBeat(6);
  expect((await inbox((store) => store.standing())).ledgerHealthy).toBe(false);
});

it('reads of a list what came since, under its filter', async () => {
  const before = timestampOfMs(Date.now());
  const news = (source: string, level: 'LOW' | 'HIGH') =>
    decision.transact((tx) => openReviewStore(tx).newsOf({ state: 'open', source, level }, before));
  expect(await news(SOURCE, 'LOW')).toEqual({ count: 0, opened: 0 });
  await openReview(decision, facts, { level: 'LOW' });
  const late = await openReview(decision, facts, { level: 'LOW' });
  await setBack(late.reviewId, '1 hour');
  expect(await news(SOURCE, 'LOW')).toEqual({ count: 2, opened: 1 });
  expect(await news('another', 'LOW')).toEqual({ count: 0, opened: 0 });
  expect(await news(SOURCE, 'HIGH')).toEqual({ count: 0, opened: 0 });
});
