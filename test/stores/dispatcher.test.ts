import type pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { executionActor } from '../../src/actors/execution.ts';
import { sha256 } from '../../src/domain/digest.ts';
import { type ExecutionId, executionIdOf } from '../../src/domain/ids.ts';
import { systemClock } from '../../src/domain/time.ts';
import type { Database } from '../../src/stores/database.ts';
import {
  type Claim,
  type DispatcherStore,
  openDispatcherStore,
} from '../../src/stores/dispatcher.ts';
import { openExecutionStore } from '../../src/stores/execution.ts';
import { type Approvals, type ApprovalWish, openApprovals } from '../support/approvals.ts';
import { cloneDatabase, type TestDatabase } from '../support/database.ts';
import { type Facts, openFacts } from '../support/facts.ts';

let database: TestDatabase;
let client: pg.Client;
let facts: Facts;
let approvals: Approvals;
let execution: Database;
beforeAll(async () => {
  database = await cloneDatabase();
  client = await database.superuser();
  facts = await openFacts(client);
  approvals = await openApprovals(database, facts);
  execution = database.open('execution');
});
afterAll(() => database.close());

let name: string;
let tests = 0;
beforeEach(() => {
  tests += 1;
  name = `target-${tests}`;
});

const A_MINUTE_MS = 60_000;

const inStore = <T>(work: (store: DispatcherStore) => Promise<T>): Promise<T> =>
  execution.transact((tx) => work(openDispatcherStore(tx)));

async function requested(wish: ApprovalWish = {}): Promise<ExecutionId> {
  const { decisionId } = await approvals.decide({ target: name, ...wish });
  await execution.transact((tx) =>
    executionActor.receive([{ decisionId }], openExecutionStore(tx), systemClock),
  );
  return executionIdOf(decisionId, 1);
}

async function several(count: number): Promise<ExecutionId[]> {
  const ids: ExecutionId[] = [];
  for (let index = 0; index < count; index += 1) ids.push(await requested());
  return ids;
}

const claim = (places: number, claimMs = A_MINUTE_MS): Promise<Claim[]> =>
  inStore((store) => store.claim([{ target: name, places }], claimMs));

const ending = (executionId: ExecutionId) => ({
  executionId,
  status: 'acknowledged' as const,
  failureReason: null,
  completedAt: systemClock.now(),
  responseSha256: null,
  rowDigest: sha256('row'),
});

describe('a claim', () => {
  it('takes the oldest first, as many as there are places, and keeps an attempt for each', async () => {
    const [first, second, third] = await several(3);
    const claims = await claim(2);
    expect(claims.map(({ executionId }) => executionId).toSorted()).toEqual(
      [first!, second!].toSorted(),
    );
    expect(claims).toMatchObject([
      { target: name, attemptNo: 1, claimEpoch: 1 },
      { target: name, attemptNo: 1, claimEpoch: 1 },
    ]);
    expect(await claim(5)).toMatchObject([{ executionId: third, attemptNo: 1 }]);
    const { rows } = await client.query(
      `select a.finished_at, a.idempotency_key, a.body_sha256, x.request_body, x.execution_status
       from execution.attempt a join execution.execution x on x.execution_id = a.execution_id
       where a.execution_id = $1`,
      [first],
    );
    expect(rows).toMatchObject([
      {
        finished_at: null,
        idempotency_key: first,
        body_sha256: sha256(rows[0].request_body),
        execution_status: 'dispatched',
      },
    ]);
  });

  it('takes nothing twice', async () => {
    await several(1);
    expect(await claim(5)).toHaveLength(1);
    expect(await claim(5)).toEqual([]);
  });

  it('passes over what another transaction holds, and does not wait for it', async () => {
    await several(2);
    await inStore(async (one) => {
      const held = await one.claim([{ target: name, places: 1 }], A_MINUTE_MS);
      const taken = await inStore((other) =>
        other.claim([{ target: name, places: 5 }], A_MINUTE_MS),
      );
      expect(held).toHaveLength(1);
      expect(taken).toHaveLength(1);
      expect(taken[0]!.executionId).not.toBe(held[0]!.executionId);
    });
  });

  it('gives each target its own places', async () => {
    const mine = name;
    await several(3);
    const other = `${mine}-other`;
    const otherId = await requested({ target: other });
    const claims = await inStore((store) =>
      store.claim(
        [
          { target: mine, places: 1 },
          { target: other, places: 5 },
        ],
        A_MINUTE_MS,
      ),
    );
    expect(claims.map(({ target }) => target).toSorted()).toEqual([mine, other]);
    expect(claims.map(({ executionId }) => executionId)).toContain(otherId);
  });

  it('takes nothing whose approval has expired', async () => {
    await requested({ validForS: 1 });
    await client.query('select pg_sleep(1.1)');
    expect(await claim(5)).toEqual([]);
  });

  it('takes nothing while the ledger does not answer', async () => {
    await several(1);
    await facts.ledgerBeat(6);
    expect(await claim(5)).toEqual([]);
    await facts.ledgerBeat(-3_600);
    expect(await claim(5)).toHaveLength(1);
  });

  it('leaves an attempt that was never ended to the sweep, although the claim has run out', async () => {
    const [id] = await several(1);
    await claim(1, 0);
    expect(await claim(1)).toEqual([]);
    const lost = await inStore((store) => store.lockLost([name], 10));
    expect(lost).toMatchObject([{ executionId: id, attemptNo: 1, earlierUnknown: false }]);
  });
});

describe('an attempt', () => {
  it('is locked for the claim under which it was made only', async () => {
    await several(1);
    const [mine] = await claim(1);
    const lock = (changed: Partial<Claim>) =>
      inStore((store) => store.lockAttempted([{ ...mine!, ...changed }]));
    expect(await lock({})).toHaveLength(1);
    expect(await lock({ claimEpoch: 2 })).toEqual([]);
    expect(await lock({ attemptNo: 2 })).toEqual([]);
  });

  it('is ended once: whoever comes second, even at the same time, finds it closed', async () => {
    await several(1);
    const [mine] = await claim(1, 0);
    const end = (lock: (store: DispatcherStore) => Promise<readonly { attemptNo: number }[]>) =>
      inStore(async (store) => {
        const locked = await lock(store);
        await store.endAttempts(
          locked.map(({ attemptNo }) => ({
            executionId: mine!.executionId,
            attemptNo,
            outcome: 'outcome_unknown' as const,
            httpStatus: null,
            responseSha256: null,
            detail: 'ended',
          })),
        );
        if (locked.length > 0) {
          await store.postpone([{ executionId: mine!.executionId, delayMs: A_MINUTE_MS }]);
        }
        return locked.length;
      });
    const ended = await Promise.all([
      end((store) => store.lockAttempted([mine!])),
      end((store) => store.lockLost([name], 10)),
      end((store) => store.lockAttempted([mine!])),
    ]);
    expect(ended.reduce((sum, one) => sum + one, 0)).toBe(1);
  });
});

describe('a sweep', () => {
  it('leaves lost attempts of other targets to those who know them, until they expire', async () => {
    await requested({ validForS: 1 });
    await claim(1, 0);
    const lost = () => inStore((store) => store.lockLost(['another'], 10));
    expect(await lost()).toEqual([]);
    await client.query('select pg_sleep(1.1)');
    const [late] = await lost();
    expect(late!.remainingMs).toBeLessThanOrEqual(0);
    await inStore((store) => store.endExecutions([ending(late!.executionId)]));
  });

  it('finds what has expired whatever its target, but nothing that is being called', async () => {
    const called = await requested({ validForS: 1 });
    await claim(1);
    const unknown = await requested({ validForS: 1, target: `${name}-unknown` });
    await client.query('select pg_sleep(1.1)');
    const expired = await inStore((store) => store.lockExpired(100));
    const ids = expired.map(({ executionId }) => executionId);
    expect(ids).toContain(unknown);
    expect(ids).not.toContain(called);
  });
});

it('tells which executions are final', async () => {
  const [open, ended] = await several(2);
  const claims = await claim(2);
  expect(claims).toHaveLength(2);
  await inStore((store) => store.endExecutions([ending(ended!)]));
  expect(await inStore((store) => store.endedAmong([open!, ended!]))).toEqual([ended]);
  expect(await inStore((store) => store.endedAmong([]))).toEqual([]);
});
