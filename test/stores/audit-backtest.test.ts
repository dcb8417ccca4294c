/** A backtest over what is really stored, decisions of people among it. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { beginBacktest, countRun } from '../../src/domain/backtest.ts';
import type { Policy } from '../../src/domain/policy.ts';
import { decisionsOn, recordedRuns } from '../../src/stores/audit-replay.ts';
import { openApprovals } from '../support/approvals.ts';
import { cloneDatabase, type TestDatabase } from '../support/database.ts';
import { compiled, leafOn, policyOf } from '../support/documents.ts';
import { DEFAULT_POLICY, openFacts } from '../support/facts.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await cloneDatabase();
  const approvals = await openApprovals(database, await openFacts(await database.superuser()));
  await approvals.decide({ act: 'approve' });
  await approvals.decide({ act: 'reject' });
});
afterAll(() => database.close());

const range = { from: '1970-01-01T00:00:00.000000Z', to: '2199-01-01T00:00:00.000000Z' };

/** Every event has `branch: main`, and DEFAULT_POLICY fired on it. */
async function backtest(policy: Policy) {
  return database.open('audit').transact(async (tx) => {
    const runs = await recordedRuns(tx, range, { limit: 100 });
    const ids = runs.flatMap(({ advisories }) => advisories.map(({ advisoryId }) => advisoryId));
    const decisions = await decisionsOn(tx, ids);
    let state = beginBacktest(policy, range);
    for (const run of runs) {
      state = await countRun(state, policy, { ...run, decision: decisions.get(run.eventId) });
    }
    return state;
  });
}

const draft = (name: string, branch: string) =>
  compiled(
    policyOf(name, {
      version: 2,
      applies_to: { event_types: ['*'] },
      conditions: { all: [leafOn('$.data.branch', branch)] },
      recommendations: [
        { option: 'note', title: 'Note it', target: 'audit-log', command: { note: 'it' } },
      ],
    }),
  );

it('a draft that fires no more contradicts the approval', async () => {
  const { counts } = await backtest(draft(DEFAULT_POLICY, 'other'));
  expect(counts).toMatchObject({ events: 2, lost: 2, kept: 0, lostButApproved: 1 });
});

it('a draft that still fires contradicts the rejection', async () => {
  const { counts } = await backtest(draft(DEFAULT_POLICY, 'main'));
  expect(counts).toMatchObject({ events: 2, kept: 2, lost: 0, keptButRejected: 1 });
});

it('a policy that is new gains what it fires on', async () => {
  const { counts } = await backtest(draft('another', 'main'));
  expect(counts).toMatchObject({ events: 2, gained: 2, keptButRejected: 0, lostButApproved: 0 });
});
