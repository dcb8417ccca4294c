import type pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createDeadlineWatch, keepDeadlines } from '../../src/actors/deadlines.ts';
import { createDecide } from '../../src/actors/decision.ts';
import { createLedgerActor } from '../../src/actors/ledger.ts';
import { requirementFor } from '../../src/domain/authority.ts';
import { type DecisionId, decisionIdOf, type PersonId } from '../../src/domain/ids.ts';
import { type Log, silentLog } from '../../src/domain/log.ts';
import type { RiskLevel } from '../../src/domain/risk-level.ts';
import { systemClock } from '../../src/domain/time.ts';
import type { Message } from '../../src/queues/messages.ts';
import type { Database } from '../../src/stores/database.ts';
import { openDecisionStore } from '../../src/stores/decision.ts';
import { cloneDatabase, type TestDatabase } from '../support/database.ts';
import { type Facts, openFacts } from '../support/facts.ts';
import { openReview, type ReviewToDecide, saying } from '../support/reviews.ts';

let database: TestDatabase;
let decision: Database;
let client: pg.Client;
let facts: Facts;
let ada: PersonId;
const sent: Message<'awaiting-decision'>[] = [];
const said: string[] = [];
const log: Log = { ...silentLog, warn: (_, words) => void said.push(words) };
const send = async (messages: readonly Message<'awaiting-decision'>[]) =>
  void sent.push(...messages);

beforeAll(async () => {
  database = await cloneDatabase();
  decision = database.open('decision');
  client = await database.superuser();
  facts = await openFacts(client);
  ada = await facts.person('ada', 'Administrator');
});
afterAll(() => database.close());

/** Lets the open round of a review have started so long ago. */
async function aged({ reviewId }: ReviewToDecide, time: string): Promise<void> {
  await client.query('begin');
  await client.query('alter table decision.decision disable trigger user');
  await client.query(
    `update decision.decision set created_at = now() - $2::interval where review_id = $1 and decision_type = 'pending'`,
    [reviewId, time],
  );
  const { rows } = await client.query<{ name: string }>(
    `select tgname as name from pg_trigger where tgrelid = 'decision.decision'::regclass and not tgisinternal`,
  );
  for (const { name } of rows) {
    await client.query(`alter table decision.decision enable always trigger ${name}`);
  }
  await client.query('commit');
}
async function waiting(level: RiskLevel, time: string): Promise<ReviewToDecide> {
  const review = await openReview(decision, facts, { level });
  await aged(review, time);
  return review;
}
const look = () => keepDeadlines({ database: decision, send, log });

async function roundsOf({ reviewId }: ReviewToDecide) {
  const { rows } = await client.query<Record<string, unknown>>(
    `select d.decision_type as type, d.decision_maker_id as maker, d.decision_maker_role as role,
       d.row_digest is not null as digested, d.required_authority as requirement, w.warned_at is not null as warned
     from decision.decision d left join decision.round_warning w using (decision_id)
     where review_id = $1 order by round`,
    [reviewId],
  );
  return rows;
}
const pending = { type: 'pending', maker: null, role: null, digested: false };
const escalated = { type: 'escalated', maker: null, role: 'System', digested: true };

it.each<[RiskLevel, string, string, string]>([
  ['LOW', '125 hours', '127 hours', '169 hours'],
  ['MEDIUM', '53 hours', '55 hours', '73 hours'],
  ['HIGH', '17 hours', '19 hours', '25 hours'],
])(
  'a %s review is left alone after %s, warned of after %s, and goes a role higher after %s',
  async (level, early, late, over) => {
    const review = await waiting(level, early);
    const first = requirementFor(level);
    await look();
    expect(await roundsOf(review)).toEqual([{ ...pending, requirement: first, warned: false }]);
    await aged(review, late);
    said.length = 0;
    await look();
    await look();
    expect(await roundsOf(review)).toEqual([{ ...pending, requirement: first, warned: true }]);
    expect(said).toEqual(['a review goes a role higher unless decided']);
    await aged(review, over);
    await look();
    await look();
    expect(await roundsOf(review)).toEqual([
      { ...escalated, requirement: first, warned: true },
      { ...pending, requirement: requirementFor(level, { raisedBy: 1 }), warned: false },
    ]);
    expect(sent).toContainEqual({ type: 'DECISION', id: decisionIdOf(review.advisoryId, 1) });
  },
);

it('an escalation of the system is an entry of the ledger, without anybody who approved', async () => {
  const review = await waiting('LOW', '169 hours');
  await look();
  const id = decisionIdOf(review.advisoryId, 1);
  const actor = createLedgerActor({ onFactConflict: () => expect.unreachable() });
  const outcomes = await database
    .open('ledger')
    .transact((tx) => actor.receive([{ type: 'DECISION', id }], actor.openStore(tx), systemClock));
  expect(outcomes).toEqual([{ kind: 'settle' }]);
  const { rows } = await client.query<{ data: Record<string, unknown>; digest: string }>(
    `select l.entry_data as data, d.row_digest as digest from ledger.ledger_entry l
     join decision.decision d on d.decision_id = l.linked_entity_id where d.decision_id = $1`,
    [id],
  );
  expect(rows[0]!.data).toMatchObject({
    decision_type: 'escalated',
    approvals: [],
    digest: rows[0]!.digest,
  });
  const gaps = await client.query('select id from audit.gap_decision_entry where id = $1', [id]);
  expect(gaps.rows).toEqual([]);
});

it('above the Governance Board there is nobody: such a review stays open, and overdue', async () => {
  const review = await waiting('CRITICAL', '5 hours');
  await look();
  expect(await roundsOf(review)).toMatchObject([{ ...pending, warned: true }]);
  const { rows } = await client.query('select review_id from audit.overdue_round');
  expect(rows).toContainEqual({ review_id: review.reviewId });
});

it('a review rises to the Board by waiting alone, and is never approved by it', async () => {
  const review = await waiting('LOW', '169 hours');
  for (let round = 1; round <= 5; round += 1) {
    await look();
    await aged(review, '169 hours');
  }
  const rounds = await roundsOf(review);
  expect(rounds.map(({ type }) => type)).toEqual([
    'escalated',
    'escalated',
    'escalated',
    'pending',
  ]);
  expect(rounds.at(-1)!['requirement']).toEqual({ seats: [['Governance Board']], roles: 1 });
});

it('approvals given before do not count in the next round', async () => {
  const review = await openReview(decision, facts, { level: 'MEDIUM' });
  const decide = createDecide({ database: decision, send, log: silentLog });
  await decide({ ...saying('approve', review), reviewId: review.reviewId, personId: ada });
  // The act is dated now: only its round is made to look old.
  await aged(review, '73 hours');
  await look();
  const [open] = await decision.transact((tx) =>
    openDecisionStore(tx).openCases([review.reviewId]),
  );
  expect(open).toMatchObject({ standing: { round: 2 }, approvals: [] });
});

it('what a person acts on at this moment, or nobody could record, is left for the next look', async () => {
  const review = await waiting('LOW', '169 hours');
  const person = await database.superuser();
  await person.query('begin');
  await person.query('select from decision.review where review_id = $1 for update', [
    review.reviewId,
  ]);
  await look();
  await person.query('rollback');
  expect(await roundsOf(review)).toMatchObject([pending]);
  await facts.ledgerBeat(6);
  await look();
  expect(await roundsOf(review)).toMatchObject([pending]);
  await facts.ledgerBeat(-3_600);
  await look();
  expect(await roundsOf(review)).toMatchObject([escalated, pending]);
});

it('two looks at once escalate each review once', async () => {
  const reviews: ReviewToDecide[] = [];
  for (let n = 0; n < 6; n += 1) reviews.push(await waiting('LOW', '169 hours'));
  await Promise.all([look(), look(), look()]);
  for (const review of reviews) expect(await roundsOf(review)).toMatchObject([escalated, pending]);
});

it('a queue store that refuses takes nothing back', async () => {
  const review = await waiting('LOW', '169 hours');
  const refusing = () => Promise.reject(new Error('ECONNREFUSED'));
  await keepDeadlines({ database: decision, send: refusing, log });
  expect(await roundsOf(review)).toMatchObject([escalated, pending]);
});

it('looks at once when it is started, and again until it is stopped', async () => {
  const review = await waiting('LOW', '169 hours');
  const told = new Promise<DecisionId>((resolve) => {
    const watch = createDeadlineWatch({
      database: decision,
      log,
      send: async ([message]) => {
        resolve(message!.id as DecisionId);
        void watch.stop();
      },
    });
    watch.start();
  });
  expect(await told).toBe(decisionIdOf(review.advisoryId, 1));
});
