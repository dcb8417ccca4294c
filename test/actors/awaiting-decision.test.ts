import type pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { awaitingDecisionActor } from '../../src/actors/awaiting-decision.ts';
import { createDecide } from '../../src/actors/decision.ts';
import { requirementFor } from '../../src/domain/authority.ts';
import { decisionIdOf, reviewIdOf } from '../../src/domain/ids.ts';
import { silentLog } from '../../src/domain/log.ts';
import { systemClock } from '../../src/domain/time.ts';
import type { Message } from '../../src/queues/messages.ts';
import type { Database } from '../../src/stores/database.ts';
import { openDecisionStore } from '../../src/stores/decision.ts';
import { cloneDatabase, type TestDatabase } from '../support/database.ts';
import { type Facts, openFacts } from '../support/facts.ts';
import { openReview, saying } from '../support/reviews.ts';

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

const receive = (...messages: Message<'awaiting-decision'>[]) =>
  decision.transact((tx) =>
    awaitingDecisionActor.receive(messages, openDecisionStore(tx), systemClock),
  );
const evaluation = (id: string) => ({ type: 'EVALUATION', id }) as const;
const decided = (id: string) => ({ type: 'DECISION', id }) as const;
const NOBODY = '00000000-0000-8000-8000-000000000000';
const unknown = { kind: 'reject', rejection: expect.objectContaining({ reason: 'unknown_id' }) };

async function roundsOf(evaluationIds: readonly string[]) {
  const { rows } = await client.query<Record<string, unknown>>(
    `select r.review_id, r.priority_level, r.conflict, d.decision_id, d.decision_type, d.round, d.risk_level, d.required_authority
     from decision.review r join decision.decision d on d.review_id = r.review_id
     where r.evaluation_id = any($1::uuid[]) order by array_position($1::uuid[], r.evaluation_id), r.priority_level`,
    [evaluationIds],
  );
  return rows;
}

it('opens one review with a pending first round for each advisory of an evaluation', async () => {
  await facts.policy('first', { priority: 1 });
  await facts.policy('second', { priority: 2, authority: 'CRITICAL' });
  const { evaluationId, advisoryIds } = await facts.evaluation({
    level: 'HIGH',
    policies: ['first', 'second'],
  });
  expect(await receive(evaluation(evaluationId))).toEqual([{ kind: 'settle' }]);
  expect(await roundsOf([evaluationId])).toEqual(
    advisoryIds.map((advisoryId, index) => ({
      review_id: reviewIdOf(advisoryId),
      priority_level: index + 1,
      conflict: false,
      decision_id: decisionIdOf(advisoryId, 1),
      decision_type: 'pending',
      round: 1,
      risk_level: 'HIGH',
      required_authority: requirementFor(index === 0 ? 'HIGH' : 'CRITICAL'),
    })),
  );
});

it('asks for one role more where advisories contradict each other', async () => {
  const { evaluationId } = await facts.evaluation({ level: 'MEDIUM', conflict: true });
  await receive(evaluation(evaluationId));
  expect(await roundsOf([evaluationId])).toMatchObject([
    { conflict: true, required_authority: requirementFor('MEDIUM', { raisedBy: 1 }) },
  ]);
});

it('opens a review of unknown risk where a policy could not be evaluated', async () => {
  const { evaluationId } = await facts.evaluation({ level: 'LOW', basis: 'unknown' });
  await receive(evaluation(evaluationId));
  expect(await roundsOf([evaluationId])).toMatchObject([
    { risk_level: 'UNKNOWN', required_authority: requirementFor('UNKNOWN') },
  ]);
});

it('settles an evaluation in which nothing matched, and opens nothing', async () => {
  const { evaluationId } = await facts.evaluation({ policies: [] });
  expect(await receive(evaluation(evaluationId))).toEqual([{ kind: 'settle' }]);
  expect(await roundsOf([evaluationId])).toEqual([]);
});

it('answers a batch in order: repeats within it, unknown ids and good messages side by side', async () => {
  const one = await facts.evaluation();
  const two = await facts.evaluation();
  const outcomes = await receive(
    evaluation(one.evaluationId),
    evaluation(NOBODY),
    evaluation(two.evaluationId),
    evaluation(one.evaluationId),
    decided(NOBODY),
  );
  const settled = { kind: 'settle' };
  expect(outcomes).toEqual([settled, unknown, settled, settled, unknown]);
  expect(await roundsOf([one.evaluationId, two.evaluationId])).toHaveLength(2);
});

it('leaves what stands as it is when the same evaluation comes again, even after the decision', async () => {
  const review = await openReview(decision, facts);
  const { rows: before } = await client.query(
    'select * from decision.decision where review_id = $1',
    [review.reviewId],
  );
  const { evaluation_id: evaluationId } = (
    await client.query('select evaluation_id from decision.review where review_id = $1', [
      review.reviewId,
    ])
  ).rows[0] as { evaluation_id: string };
  await receive(evaluation(evaluationId));
  const { rows: after } = await client.query(
    'select * from decision.decision where review_id = $1',
    [review.reviewId],
  );
  expect(after).toEqual(before);

  const administrator = await facts.person('redelivered', 'Administrator');
  const decide = createDecide({ database: decision, send: async () => {}, log: silentLog });
  await decide({ ...saying('approve', review), ...review, personId: administrator });
  expect(await receive(evaluation(evaluationId))).toEqual([{ kind: 'settle' }]);
  expect(await roundsOf([evaluationId])).toMatchObject([{ decision_type: 'approved' }]);
});

it('opens each review once when two workers are handed the same evaluations', async () => {
  const messages: Message<'awaiting-decision'>[] = [];
  for (let count = 0; count < 4; count += 1) {
    messages.push(evaluation((await facts.evaluation()).evaluationId));
  }
  await Promise.all([receive(...messages), receive(...messages.toReversed())]);
  expect(await roundsOf(messages.map(({ id }) => id))).toHaveLength(4);
});

it('forwards a decision to the ledger when it is final or escalated, every time that it comes', async () => {
  const administrator = await facts.person('forwarded', 'Administrator', 'Senior Authority');
  const decide = createDecide({ database: decision, send: async () => {}, log: silentLog });
  const approved = await openReview(decision, facts);
  const rejected = await openReview(decision, facts);
  const pending = await openReview(decision, facts);
  const escalated = await openReview(decision, facts);
  for (const [act, review] of [
    ['approve', approved],
    ['reject', rejected],
    ['escalate', escalated],
  ] as const) {
    await decide({
      ...saying(act, review, 'Administrator'),
      reviewId: review.reviewId,
      personId: administrator,
    });
  }
  const ids = [approved, rejected, pending, escalated].map(({ advisoryId }) =>
    decisionIdOf(advisoryId, 1),
  );
  const forwarded = (id: string) => ({
    kind: 'forward',
    to: [{ queue: 'ledger', message: decided(id) }],
  });
  const settled = { kind: 'settle' };
  const expected = [forwarded(ids[0]!), forwarded(ids[1]!), settled, forwarded(ids[3]!)];
  expect(await receive(...ids.map(decided))).toEqual(expected);
  expect(await receive(...ids.map(decided))).toEqual(expected);
});
