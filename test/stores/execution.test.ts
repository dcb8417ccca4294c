import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sha256 } from '../../src/domain/digest.ts';
import {
  type ExecutionStatus,
  executionTransitions,
  isFinal,
  mayBecome,
  type RequestedExecution,
  requestOf,
} from '../../src/domain/execution.ts';
import type { DecisionId } from '../../src/domain/ids.ts';
import type { Database } from '../../src/stores/database.ts';
import { type ExecutionStore, openExecutionStore } from '../../src/stores/execution.ts';
import { type Approvals, openApprovals } from '../support/approvals.ts';
import { cloneDatabase, type TestDatabase } from '../support/database.ts';
import { storedExecutions } from '../support/executions.ts';
import { openFacts } from '../support/facts.ts';

let database: TestDatabase;
let client: pg.Client;
let approvals: Approvals;
let execution: Database;
beforeAll(async () => {
  database = await cloneDatabase();
  client = await database.superuser();
  approvals = await openApprovals(database, await openFacts(client));
  execution = database.open('execution');
});
afterAll(() => database.close());

const inStore = <T>(work: (store: ExecutionStore) => Promise<T>): Promise<T> =>
  execution.transact((tx) => work(openExecutionStore(tx)));

const requestFor = (decisionId: DecisionId): Promise<RequestedExecution> =>
  inStore(async (store) => {
    const [decision] = await store.ledgeredDecisions([decisionId]);
    return requestOf(decision!, await store.now());
  });

it('finds what was shown in the published rows again: no decision has drifted', async () => {
  const { decisionId } = await approvals.decide();
  expect((await requestFor(decisionId)).ending).toBeNull();
});

it('keeps the first execution of a decision, whatever comes later', async () => {
  const { decisionId } = await approvals.decide();
  const first = await requestFor(decisionId);
  const later = { ...first, requestBody: '{"another":"body"}' };
  await inStore((store) => store.keepExecutions([first]));
  await inStore((store) => store.keepExecutions([later, first, later]));
  expect((await storedExecutions(client, [decisionId])).map((row) => row.requestBody)).toEqual([
    first.requestBody,
  ]);
  expect(await inStore((store) => store.standing([decisionId]))).toEqual([
    { decisionId, executionId: first.executionId, isFinal: false },
  ]);
});

it('keeps one of two at the same time, and both read the one that stands', async () => {
  const { decisionId } = await approvals.decide();
  const request = await requestFor(decisionId);
  const standing = await Promise.all(
    ['{"of":"one"}', '{"of":"two"}'].map((requestBody) =>
      inStore(async (store) => {
        await store.keepExecutions([{ ...request, requestBody }]);
        return store.standing([decisionId]);
      }),
    ),
  );
  expect(standing[0]).toEqual(standing[1]);
  expect(await storedExecutions(client, [decisionId])).toHaveLength(1);
});

it('knows no decision and keeps no execution for an empty batch', async () => {
  await inStore(async (store) => {
    expect(await store.ledgeredDecisions([])).toEqual([]);
    await store.keepExecutions([]);
    expect(await store.standing([])).toEqual([]);
  });
});

describe('the database', () => {
  it('refuses an execution of something that was not approved', async () => {
    const { decisionId } = await approvals.decide();
    const request = await requestFor(decisionId);
    const keep = (changed: Partial<RequestedExecution>) =>
      inStore((store) => store.keepExecutions([{ ...request, ...changed }]));
    await expect(keep({ command: '{"action":"delete"}' })).rejects.toThrow('not what was approved');
    await expect(keep({ target: 'elsewhere' })).rejects.toThrow('not what was approved');
  });

  it('lets an execution change its state exactly as the domain does', async () => {
    const statuses = Object.keys(executionTransitions) as ExecutionStatus[];
    const allowed = new Map<string, boolean>();
    for (const from of statuses) {
      const executionId = await executionIn(from);
      for (const to of statuses.filter((status) => status !== from)) {
        allowed.set(`${from} → ${to}`, await canMove(executionId, to));
      }
    }
    expect([...allowed].filter(([, isAllowed]) => isAllowed).map(([move]) => move)).toEqual(
      [...allowed.keys()].filter((move) => {
        const [from, to] = move.split(' → ') as [ExecutionStatus, ExecutionStatus];
        return mayBecome(from, to);
      }),
    );
  });
});

/** An execution that has come to this state by allowed moves. */
async function executionIn(status: ExecutionStatus): Promise<string> {
  const { decisionId } = await approvals.decide();
  const request = await requestFor(decisionId);
  await inStore((store) => store.keepExecutions([request]));
  if (status !== 'requested') await client.query(moveTo('dispatched'), [request.executionId]);
  if (isFinal(status)) await client.query(moveTo(status), [request.executionId]);
  return request.executionId;
}

async function canMove(executionId: string, to: ExecutionStatus): Promise<boolean> {
  await client.query('begin');
  try {
    await client.query(moveTo(to), [executionId]);
    return true;
  } catch (error) {
    expect(error).toMatchObject({ code: '42501' });
    return false;
  } finally {
    await client.query('rollback');
  }
}

/** Sets the state with all that belongs to it, so that only the move itself can be refused. */
const moveTo = (status: ExecutionStatus): string =>
  `update execution.execution set execution_status = '${status}',
     completed_at = ${isFinal(status) ? 'now()' : 'null'},
     failure_reason = ${status === 'failed' ? `'rejected'` : 'null'},
     next_attempt_at = ${isFinal(status) ? 'null' : 'now()'},
     row_digest = ${isFinal(status) ? `'${sha256('row')}'` : 'null'}
   where execution_id = $1`;
