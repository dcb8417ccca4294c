import type pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { executionActor } from '../../src/actors/execution.ts';
import { viewDigest } from '../../src/domain/decision.ts';
import { sha256 } from '../../src/domain/digest.ts';
import { requestOf } from '../../src/domain/execution.ts';
import { type DecisionId, type EventId, executionIdOf } from '../../src/domain/ids.ts';
import { systemClock, type Timestamp } from '../../src/domain/time.ts';
import type { Database } from '../../src/stores/database.ts';
import { openExecutionStore } from '../../src/stores/execution.ts';
import { type Approvals, openApprovals } from '../support/approvals.ts';
import { cloneDatabase, type TestDatabase } from '../support/database.ts';
import { executionsWithWrongDigest, storedExecutions } from '../support/executions.ts';
import { openFacts } from '../support/facts.ts';
import { reviewView } from '../support/review-view.ts';

let database: TestDatabase;
let execution: Database;
let client: pg.Client;
let approvals: Approvals;
beforeAll(async () => {
  database = await cloneDatabase();
  execution = database.open('execution');
  client = await database.superuser();
  approvals = await openApprovals(database, await openFacts(client));
});
afterAll(() => database.close());

const receive = (...decisionIds: readonly string[]) =>
  execution.transact((tx) =>
    executionActor.receive(
      decisionIds.map((decisionId) => ({ decisionId })),
      openExecutionStore(tx),
      systemClock,
    ),
  );
const stored = (...decisionIds: readonly DecisionId[]) => storedExecutions(client, decisionIds);
const toLedger = (decisionId: DecisionId) => ({
  kind: 'forward',
  to: [{ queue: 'ledger', message: { type: 'EXECUTION', id: executionIdOf(decisionId, 1) } }],
});
const rejected = { kind: 'reject', rejection: expect.objectContaining({ reason: 'unknown_id' }) };
const NOBODY = '00000000-0000-8000-8000-000000000000';

it('requests the execution of an approving decision that is in the ledger', async () => {
  const { decisionId, eventId } = await approvals.decide();
  expect(await receive(decisionId)).toEqual([{ kind: 'settle' }]);
  const [execution] = await stored(decisionId);
  expect(execution).toMatchObject({
    executionId: executionIdOf(decisionId, 1),
    eventId,
    target: 'access-control',
    command: { action: 'restore', branch: 'main' },
    status: 'requested',
    failureReason: null,
    completedAt: null,
    rowDigest: null,
    attempts: [],
  });
  expect(JSON.parse(execution!.requestBody).data).toMatchObject({
    decision_id: decisionId,
    command: { action: 'restore', branch: 'main' },
    ledger: { stream: '0', seq: expect.stringMatching(/^\d+$/) },
  });
});

it('answers the same batch the same way and keeps what stands', async () => {
  const { decisionId } = await approvals.decide();
  await receive(decisionId);
  const before = await stored(decisionId);
  expect(await receive(decisionId, decisionId)).toEqual([{ kind: 'settle' }, { kind: 'settle' }]);
  expect(await stored(decisionId)).toEqual(before);
});

it('answers in order, and lets no bad message hold a good one up', async () => {
  const first = await approvals.decide();
  const second = await approvals.decide();
  expect(await receive(first.decisionId, NOBODY, second.decisionId)).toEqual([
    { kind: 'settle' },
    rejected,
    { kind: 'settle' },
  ]);
  expect(await stored(first.decisionId, second.decisionId)).toHaveLength(2);
});

it('refuses a decision that is not in the ledger, and takes it once it is', async () => {
  const { decisionId } = await approvals.decide({ isLedgered: false });
  expect(await receive(decisionId)).toEqual([rejected]);
  expect(await stored(decisionId)).toEqual([]);
  await approvals.enterLedger(decisionId);
  expect(await receive(decisionId)).toEqual([{ kind: 'settle' }]);
});

it('refuses a decision that rejects, although the ledger has it', async () => {
  const { decisionId } = await approvals.decide({ act: 'reject' });
  expect(await receive(decisionId)).toEqual([rejected]);
  expect(await stored(decisionId)).toEqual([]);
});

it('fails an execution whose approval has expired, without sending it, and tells the ledger', async () => {
  const { decisionId } = await approvals.decide({ validForS: 1 });
  await client.query('select pg_sleep(1.1)');
  expect(await receive(decisionId)).toEqual([toLedger(decisionId)]);
  expect(await stored(decisionId)).toMatchObject([{ status: 'failed', failureReason: 'expired' }]);
  expect(await receive(decisionId)).toEqual([toLedger(decisionId)]);
});

it('refuses an execution whose command is not the one that was shown, and tells the ledger', async () => {
  const { decisionId } = await approvals.decide();
  await tamper(
    'advisory.advisory',
    `update advisory.advisory set recommendation_options =
       jsonb_set(recommendation_options, '{0,command,action}', '"delete"')
     where advisory_id = (select advisory_id from decision.decision where decision_id = '${decisionId}')`,
  );
  expect(await receive(decisionId)).toEqual([toLedger(decisionId)]);
  expect(await stored(decisionId)).toMatchObject([{ status: 'failed', failureReason: 'refused' }]);
});

it('refuses an execution whose decision is no longer what its ledger entry says', async () => {
  const { decisionId } = await approvals.decide();
  await tamper(
    'decision.decision',
    `update decision.decision set row_digest = repeat('0', 64) where decision_id = '${decisionId}'`,
  );
  expect(await receive(decisionId)).toEqual([toLedger(decisionId)]);
  expect(await stored(decisionId)).toMatchObject([{ status: 'failed', failureReason: 'refused' }]);
});

it('keeps a digest with what has failed from the start that its row gives again', async () => {
  const failed = (await storedExecutions(client)).filter(({ rowDigest }) => rowDigest !== null);
  expect(failed.length).toBeGreaterThanOrEqual(3);
  expect(await executionsWithWrongDigest(client)).toEqual([]);
});

it('cannot keep an execution before its decision is in the ledger: the database refuses it', async () => {
  const early = await approvals.decide({ isLedgered: false });
  const keep = () =>
    execution.transact(async (tx) => {
      const store = openExecutionStore(tx);
      await store.keepExecutions([await requestAsIfLedgered(early.decisionId, await store.now())]);
    });
  await expect(keep()).rejects.toMatchObject({ constraint: 'decision_is_in_the_ledger' });
  await approvals.enterLedger(early.decisionId);
  await keep();
  expect(await stored(early.decisionId)).toHaveLength(1);
});

/** What the actor would keep if it believed in an entry that is not there. */
async function requestAsIfLedgered(decisionId: DecisionId, now: Timestamp) {
  const { rows } = await client.query<{ eventId: EventId; expiresAt: Timestamp }>(
    `select event_id as "eventId", to_char(expires_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as "expiresAt"
     from decision.decision where decision_id = $1`,
    [decisionId],
  );
  const { eventId, expiresAt } = rows[0]!;
  const options = [
    {
      option: 'restore',
      title: '',
      target: 'access-control',
      command: { action: 'restore', branch: 'main' },
    },
  ];
  const view = { ...reviewView(), eventId, options };
  const digest = sha256('decision');
  return requestOf(
    {
      decisionId,
      optionId: 'restore',
      expiresAt,
      boundDigest: viewDigest(view),
      rowDigest: digest,
      entryDigest: digest,
      ledger: { stream: '0', seq: '0', hash: digest },
      view,
    },
    now,
  );
}

/** Changes rows that never change, as only a superuser with bad intentions can. */
async function tamper(table: string, statement: string): Promise<void> {
  await client.query(`alter table ${table} disable trigger user`);
  const { rowCount } = await client.query(statement);
  await client.query(`alter table ${table} enable trigger user`);
  expect(rowCount).toBe(1);
}
