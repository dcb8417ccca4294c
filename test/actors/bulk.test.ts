import type pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createDecideInBulk } from '../../src/actors/bulk.ts';
import { createDecide } from '../../src/actors/decision.ts';
import type { BulkAnswer, BulkRequest, DecideInBulk } from '../../src/domain/bulk.ts';
import { decisionIdOf, type PersonId, reviewIdOf } from '../../src/domain/ids.ts';
import { silentLog } from '../../src/domain/log.ts';
import { isRefusal } from '../../src/domain/problem.ts';
import type { Message } from '../../src/queues/messages.ts';
import type { Database } from '../../src/stores/database.ts';
import { cloneDatabase, type TestDatabase } from '../support/database.ts';
import { type EvaluationFacts, type Facts, openFacts } from '../support/facts.ts';
import { openReview, type ReviewToDecide } from '../support/reviews.ts';

let database: TestDatabase;
let decision: Database;
let client: pg.Client;
let facts: Facts;
let inBulk: DecideInBulk;
let ada: PersonId;
const sent: Message<'awaiting-decision'>[] = [];

beforeAll(async () => {
  database = await cloneDatabase();
  decision = database.open('decision');
  client = await database.superuser();
  facts = await openFacts(client);
  ada = await facts.person('ada', 'Administrator');
  const send = async (messages: readonly Message<'awaiting-decision'>[]) =>
    void sent.push(...messages);
  const decide = createDecide({ database: decision, send, log: silentLog });
  inBulk = createDecideInBulk(decide, decision);
});
afterAll(() => database.close());

const review = (wanted?: EvaluationFacts) => openReview(decision, facts, wanted);
const bulk = (
  reviews: readonly ReviewToDecide[],
  more: Partial<BulkRequest> = {},
): BulkRequest => ({
  personId: ada,
  act: 'approve',
  option: 'restore',
  justification: 'All of them are the release of today.',
  reviews: reviews.map(({ reviewId, viewDigest }) => ({ reviewId, viewDigest })),
  ...more,
});
const outcomes = ({ results }: BulkAnswer) =>
  results.map(({ answer }) => (isRefusal(answer) ? answer.reason : answer.state));

async function resolved(request: BulkRequest): Promise<BulkAnswer> {
  const answer = await inBulk(request);
  if (isRefusal(answer)) throw new Error(answer.detail);
  return answer;
}

it('each review gets its own decision, digest and entry, under one justification', async () => {
  const reviews = [await review(), await review(), await review({ level: 'MEDIUM' })];
  const answer = await resolved(bulk(reviews));
  expect(outcomes(answer)).toEqual(['approved', 'approved', 'pending']);
  const { rows } = await client.query<{ digest: string; justification: string; bulk: string }>(
    `select d.row_digest as digest, a.justification, a.bulk_id as bulk from decision.approval a
     join decision.decision d using (decision_id) where d.review_id = any($1)`,
    [reviews.map(({ reviewId }) => reviewId)],
  );
  expect(new Set(rows.map(({ digest }) => digest)).size).toBe(3);
  expect(new Set(rows.map(({ justification }) => justification)).size).toBe(1);
  expect(new Set(rows.map((row) => row.bulk))).toEqual(new Set([answer.bulkId]));
  for (const { advisoryId } of reviews.slice(0, 2)) {
    expect(sent).toContainEqual({ type: 'DECISION', id: decisionIdOf(advisoryId, 1) });
  }
});

it('a repeat gets the same answers and records nothing', async () => {
  const request = bulk([await review(), await review()]);
  const first = await resolved(request);
  const again = await resolved(request);
  expect(outcomes(again)).toEqual(outcomes(first));
  expect(again.bulkId).toBe(first.bulkId);
  expect(again.results.every(({ answer }) => !isRefusal(answer) && answer.isRepeat)).toBe(true);
});

it('what keeps a person from one of them is the answer to that one, and the others are done', async () => {
  const reviews = [
    await review(),
    await review({ level: 'HIGH' }),
    await review({ conflict: true }),
    await review({ subject: 'ada' }),
  ];
  const stale = { ...(await review()), viewDigest: reviews[0]!.viewDigest };
  const answer = await resolved(bulk([...reviews, stale], { act: 'reject', option: undefined }));
  expect(outcomes(answer)).toEqual([
    'rejected',
    'bulk_not_allowed',
    'bulk_not_allowed',
    'subject_excluded',
    'view_changed',
  ]);
});

it.each<[string, () => Promise<BulkRequest>, string]>([
  ['of nothing', async () => bulk([]), 'bulk_size'],
  [
    'of one review twice',
    async () => {
      const one = await review();
      return bulk([one, one]);
    },
    'bulk_size',
  ],
  [
    'without a word',
    async () => bulk([await review()], { justification: ' ' }),
    'justification_required',
  ],
  [
    'of several policies',
    async () => bulk([await review(), await review({ policies: ['another'] })]),
    'bulk_policies',
  ],
  [
    'of a review that is not there',
    async () => bulk([{ ...(await review()), reviewId: reviewIdOf('none' as never) }]),
    'unknown_review',
  ],
])('a bulk %s is refused as a whole', async (_, request, reason) => {
  expect(await inBulk(await request())).toMatchObject({ kind: 'refusal', reason });
});

it.each(['HIGH', 'CRITICAL', 'UNKNOWN'] as const)(
  'the database refuses an act in bulk on a review of %s risk, whoever sends it',
  async (level) => {
    const open = await review({ level });
    const forged = client.query(
      `insert into decision.approval (approval_id, decision_id, person_id, role, act, justification, view_digest, approved_at, bulk_id)
       values (gen_random_uuid(), $1, $2, 'Administrator', 'reject', 'x', $3, clock_timestamp(), gen_random_uuid())`,
      [decisionIdOf(open.advisoryId, 1), ada, open.viewDigest],
    );
    await expect(forged).rejects.toMatchObject({ code: '42501' });
  },
);
