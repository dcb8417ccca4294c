import type pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { viewDigest } from '../../src/domain/decision.ts';
import { newSalt, sha256 } from '../../src/domain/digest.ts';
import { approvalIdOf, decisionIdOf, type PersonId, reviewIdOf } from '../../src/domain/ids.ts';
import { startRound } from '../../src/domain/review.ts';
import type { Database } from '../../src/stores/database.ts';
import { type DecisionStore, openDecisionStore } from '../../src/stores/decision.ts';
import { cloneDatabase, type TestDatabase } from '../support/database.ts';
import { type Facts, openFacts } from '../support/facts.ts';
import { openReview } from '../support/reviews.ts';

let database: TestDatabase;
let decision: Database;
let client: pg.Client;
let facts: Facts;
let ada: PersonId;
beforeAll(async () => {
  database = await cloneDatabase();
  decision = database.open('decision');
  client = await database.superuser();
  facts = await openFacts(client);
  ada = await facts.person('ada', 'Administrator', 'Auditor');
});
afterAll(() => database.close());

const within = <T>(work: (store: DecisionStore) => Promise<T>) =>
  decision.transact((tx) => work(openDecisionStore(tx)));
const NOBODY = '00000000-0000-8000-8000-000000000000';

it('tells the evaluations that exist from those that do not', async () => {
  const { evaluationId } = await facts.evaluation();
  const found = await within((store) => store.evaluationsAmong([evaluationId, NOBODY as never]));
  expect([...found]).toEqual([evaluationId]);
});

it('reads the advisories of several evaluations with all that a view shows', async () => {
  await facts.policy('strict', { priority: 1, authority: 'HIGH' });
  const one = await facts.evaluation({ level: 'HIGH', policies: ['strict'], conflict: true });
  const two = await facts.evaluation({ policies: ['strict', 'branch-protection'] });
  const read = await within((store) => store.advisoriesOf([one.evaluationId, two.evaluationId]));
  expect(read).toHaveLength(3);
  const { rows } = await client.query<Record<string, unknown>>(
    `select e.row_digest as event, s.row_digest as assessment, a.row_digest as advisory
     from advisory.advisory a join event.event e using (event_id) join risk.risk_assessment s using (assessment_id)
     where a.advisory_id = $1`,
    [one.advisoryIds[0]],
  );
  expect(read.find((advisory) => advisory.advisoryId === one.advisoryIds[0])).toMatchObject({
    eventId: one.eventId,
    eventDigest: rows[0]!['event'],
    assessmentDigest: rows[0]!['assessment'],
    advisoryDigest: rows[0]!['advisory'],
    modelVersion: 1,
    policyVersion: 1,
    riskLevel: 'HIGH',
    conflict: true,
    priorityLevel: 1,
    policyAuthor: facts.author,
    policyAuthority: 'HIGH',
    options: [{ option: 'restore', target: 'access-control' }, { option: 'ignore' }],
  });
});

it('opening a review again changes nothing: the first round with its salt stands', async () => {
  const { evaluationId, advisoryIds } = await facts.evaluation();
  const open = () =>
    within(async (store) => {
      const [advisory] = await store.advisoriesOf([evaluationId]);
      await store.openReviews([{ advisory: advisory!, round: startRound(advisory!, 1) }]);
      return store.roundOf(decisionIdOf(advisoryIds[0]!, 1));
    });
  const first = await open();
  expect(await open()).toEqual(first);
  await within((store) => store.openReviews([]));
});

it('reads a review as it stands: newest round, acts in order, roles, health, view recomputed', async () => {
  const review = await openReview(decision, facts, { level: 'HIGH' });
  const decisionId = decisionIdOf(review.advisoryId, 1);
  const acts = ['bob', 'cora'] as const;
  for (const name of acts) {
    const personId = await facts.person(name, 'Compliance Officer');
    await within(async (store) =>
      store.keepApproval(decisionId, {
        approvalId: approvalIdOf(decisionId, personId),
        personId,
        role: 'Compliance Officer',
        act: 'approve',
        optionId: 'restore',
        onBehalfOf: null,
        delegationId: null,
        bulkId: null,
        justification: '',
        viewDigest: review.viewDigest,
        approvedAt: (await store.caseOf(review.reviewId, ada))!.now,
      }),
    );
  }
  await facts.revoke(await facts.person('bob'), 'Compliance Officer');
  const found = await within((store) => store.caseOf(review.reviewId, ada));
  expect(found).toMatchObject({
    standing: { decisionId, round: 1, state: 'pending' },
    approvals: [{ inOffice: false }, { inOffice: true }],
    open: { viewDigest: review.viewDigest, ledgerHealthy: true, options: ['restore', 'ignore'] },
    reviewer: { personId: ada },
  });
  expect(found?.reviewer.roles.toSorted()).toEqual(['Administrator', 'Auditor']);
  const { requirement, round, validForS } = found!.standing;
  expect(viewDigest({ ...found!.advisory, requirement, round, validForS })).toBe(review.viewDigest);
  expect(await within((store) => store.caseOf(NOBODY as never, ada))).toBeUndefined();
});

it('finds the act of a person in the round that they were shown, and in no other', async () => {
  const review = await openReview(decision, facts);
  const decisionId = decisionIdOf(review.advisoryId, 1);
  await within(async (store) =>
    store.keepApproval(decisionId, {
      approvalId: approvalIdOf(decisionId, ada),
      personId: ada,
      role: 'Administrator',
      act: 'escalate',
      optionId: null,
      onBehalfOf: null,
      delegationId: null,
      bulkId: null,
      justification: 'higher',
      viewDigest: review.viewDigest,
      approvedAt: (await store.caseOf(review.reviewId, ada))!.now,
    }),
  );
  const actOf = (person: PersonId, digest: string) =>
    within((store) => store.actOf(person, review.reviewId, digest));
  expect(await actOf(ada, review.viewDigest)).toEqual({
    decisionId,
    role: 'Administrator',
    act: 'escalate',
    optionId: null,
    onBehalfOf: null,
  });
  expect(await actOf(ada, sha256('other'))).toBeUndefined();
  expect(await actOf(facts.author, review.viewDigest)).toBeUndefined();
});

it('the lock of a review holds until its transaction ends', async () => {
  const review = await openReview(decision, facts);
  const order: string[] = [];
  let release: () => void = () => {};
  const held = new Promise<void>((resolve) => (release = resolve));
  let taken: () => void = () => {};
  const isTaken = new Promise<void>((resolve) => (taken = resolve));
  const first = within(async (store) => {
    expect(await store.lockReview(review.reviewId)).toBe(true);
    taken();
    await held;
    order.push('first ends');
  });
  await isTaken;
  const second = within(async (store) => {
    await store.lockReview(review.reviewId);
    order.push('second locks');
  });
  release();
  await Promise.all([first, second]);
  expect(order).toEqual(['first ends', 'second locks']);
  expect(await within((store) => store.lockReview(reviewIdOf(NOBODY as never)))).toBe(false);
});

it('refuses to read a round whose required authority is not one', async () => {
  const review = await openReview(decision, facts);
  await client.query('alter table decision.decision disable trigger user');
  await client.query(
    `update decision.decision set required_authority = '{"seats": [["King"]], "roles": 1}', salt = $2 where review_id = $1`,
    [review.reviewId, newSalt()],
  );
  await client.query('alter table decision.decision enable trigger user');
  await expect(within((store) => store.caseOf(review.reviewId, ada))).rejects.toThrow(
    'has no readable required_authority',
  );
});
