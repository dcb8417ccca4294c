import type pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createDecide } from '../../src/actors/decision.ts';
import { policyIdOf } from '../../src/domain/ids.ts';
import { silentLog } from '../../src/domain/log.ts';
import type { Database } from '../../src/stores/database.ts';
import { openReviewStore, type ReviewStore } from '../../src/stores/review.ts';
import { cloneDatabase, type TestDatabase } from '../support/database.ts';
import { type Facts, openFacts } from '../support/facts.ts';
import { openReview, openReviews, type ReviewToDecide, saying } from '../support/reviews.ts';

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

const within = <T>(work: (store: ReviewStore) => Promise<T>) =>
  decision.transact((tx) => work(openReviewStore(tx)));

async function escalate(review: ReviewToDecide): Promise<void> {
  const personId = await facts.person('sue', 'Senior Authority');
  const decide = createDecide({ database: decision, send: async () => {}, log: silentLog });
  await decide({ ...saying('escalate', review), reviewId: review.reviewId, personId });
}

it('pages through reviews that were opened at the same instant, each once', async () => {
  const policies = Array.from({ length: 7 }, (_, index) => `batch-${index}`);
  const opened = await openReviews(decision, facts, { level: 'HIGH', policies });
  const { rows } = await client.query<{ instants: string }>(
    'select count(distinct opened_at) as instants from decision.review',
  );
  expect(rows[0]!.instants).toBe('1');
  for (const state of ['open', 'all'] as const) {
    const seen: string[] = [];
    let page = await within((store) => store.list({ state }, 3));
    while (page.length > 0) {
      seen.push(...page.map(({ reviewId }) => reviewId));
      const last = page.at(-1)!;
      page = await within((store) => store.list({ state }, 3, last));
    }
    expect(seen.toSorted()).toEqual(opened.map(({ reviewId }) => reviewId).toSorted());
  }
});

it('a review that is resolved while somebody pages is not shown twice, nor another one lost', async () => {
  await facts.policy('paging');
  const filter = { state: 'open' as const, policyId: policyIdOf('paging') };
  const opened: ReviewToDecide[] = [];
  for (let index = 0; index < 4; index += 1) {
    opened.push(await openReview(decision, facts, { policies: ['paging'] }));
  }
  const first = await within((store) => store.list(filter, 2));
  const personId = await facts.person('ada', 'Administrator');
  const decide = createDecide({ database: decision, send: async () => {}, log: silentLog });
  await decide({
    ...saying('reject', opened[0]!),
    reviewId: opened[0]!.reviewId,
    personId,
  });
  const second = await within((store) => store.list(filter, 2, first.at(-1)));
  expect([...first, ...second].map(({ reviewId }) => reviewId)).toEqual(
    opened.map(({ reviewId }) => reviewId),
  );
});

it('shows of a review the newest round only', async () => {
  const review = await openReview(decision, facts, { policies: ['escalating'] });
  await escalate(review);
  const policyId = policyIdOf('escalating');
  expect(await within((store) => store.list({ state: 'open', policyId }, 10))).toMatchObject([
    { reviewId: review.reviewId, round: 2, state: 'pending', approvals: 0 },
  ]);
  expect(await within((store) => store.chainOf(review.reviewId))).toMatchObject([
    { round: 1, state: 'escalated', makerName: 'sue', makerRole: 'Senior Authority' },
    { round: 2, state: 'pending', makerName: null },
  ]);
});

it('finds no contradictions for a review that is not in conflict', async () => {
  const [one, two] = await openReviews(decision, facts, { policies: ['calm', 'quiet'] });
  expect(await within((store) => store.contradictionsOf(one!.reviewId))).toEqual([]);
  expect(await within((store) => store.contradictionsOf(two!.reviewId))).toEqual([]);
});

it('names people, also those who hold no role any more', async () => {
  const gone = await facts.person('gone', 'Administrator');
  await facts.revoke(gone, 'Administrator');
  expect([...(await within((store) => store.namesOf([gone])))]).toEqual([[gone, 'gone']]);
});

it('finds a page of what is open through an index, in order, however much there is', async () => {
  await client.query('set enable_seqscan = off');
  const { rows } = await client.query<Record<'QUERY PLAN', string>>(
    `explain select * from decision.review r where r.resolved_at is null
       and (decision.urgency(r.risk_level), r.opened_at, r.review_id) > (3, now(), '00000000-0000-8000-8000-000000000000')
     order by decision.urgency(r.risk_level), r.opened_at, r.review_id limit 50`,
  );
  const plan = rows.map((row) => row['QUERY PLAN']).join('\n');
  expect(plan).toContain('idx_review_urgency');
  expect(plan).not.toContain('Sort');
});
