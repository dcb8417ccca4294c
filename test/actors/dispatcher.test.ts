import type pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  createDispatcher,
  type Dispatcher,
  type DispatcherOptions,
} from '../../src/actors/dispatcher.ts';
import type { PointOf } from '../../src/actors/failpoint.ts';
import { executionActor } from '../../src/actors/execution.ts';
import { FAILURES_TO_OPEN, PROBE_EVERY_MS } from '../../src/domain/breaker.ts';
import type { Delivery } from '../../src/domain/delivery.ts';
import { sha256 } from '../../src/domain/digest.ts';
import { type DecisionId, type ExecutionId, executionIdOf } from '../../src/domain/ids.ts';
import { silentLog } from '../../src/domain/log.ts';
import { systemClock } from '../../src/domain/time.ts';
import type { Database } from '../../src/stores/database.ts';
import { openExecutionStore } from '../../src/stores/execution.ts';
import type { Target } from '../../src/targets/target.ts';
import { webhookTarget } from '../../src/targets/webhook.ts';
import { type Approvals, type ApprovalWish, openApprovals } from '../support/approvals.ts';
import { cloneDatabase, type TestDatabase } from '../support/database.ts';
import {
  executionsWithWrongDigest,
  type StoredExecution,
  storedExecutions,
} from '../support/executions.ts';
import { type Facts, openFacts } from '../support/facts.ts';
import {
  breakOff,
  drip,
  flood,
  hang,
  openReceiver,
  type Receiver,
  redirectTo,
  reset,
  respond,
} from '../support/receiver.ts';

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
afterAll(async () => {
  // Whatever was done to them: no digest that its row does not give, and one key and one body per execution.
  expect(await executionsWithWrongDigest(client)).toEqual([]);
  const executions = await storedExecutions(client);
  expect(executions.length).toBeGreaterThan(0);
  for (const { executionId, requestBody, attempts } of executions) {
    for (const attempt of attempts) {
      expect(attempt.idempotencyKey).toBe(executionId);
      expect(attempt.bodySha256).toBe(sha256(requestBody));
    }
  }
  await database.close();
});

let receiver: Receiver;
/** A target name of its own for each test, so that none meets what another has left waiting. */
let name: string;
let tests = 0;
const running: Dispatcher[] = [];
beforeEach(async () => {
  receiver = await openReceiver();
  tests += 1;
  name = `target-${tests}`;
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((dispatcher) => dispatcher.stop()));
  await receiver.close();
});

/** An execution that has been requested and not been sent. */
async function requested(wish: ApprovalWish = {}): Promise<ExecutionId> {
  const { decisionId } = await approvals.decide({ target: name, ...wish });
  const executionId = executionIdOf(decisionId, 1);
  decisions.set(executionId, decisionId);
  await receiveAgain(executionId);
  return executionId;
}

/** What the execution actor says of the decision behind an execution. */
function receiveAgain(executionId: ExecutionId) {
  const decisionId = decisions.get(executionId)!;
  return execution.transact((tx) =>
    executionActor.receive([{ decisionId }], openExecutionStore(tx), systemClock),
  );
}
const decisions = new Map<ExecutionId, DecisionId>();

async function stored(executionId: ExecutionId): Promise<StoredExecution> {
  const [found] = await storedExecutions(client, [decisions.get(executionId)!]);
  return found!;
}

const openTarget = (changed: { url?: string; idempotent?: boolean } = {}): Promise<Target> =>
  webhookTarget.open(
    name,
    { url: receiver.url, idempotent: true, keys: ['env:KEY'], loopback: true, ...changed },
    {
      readSecret: async () => `whsec_${Buffer.alloc(32, 1).toString('base64')}`,
      publish: () => Promise.reject(new Error('not a queue')),
      log: silentLog,
    },
  );

/** What the ledger queue is sent, and a way to wait for it. */
function openLedgerQueue() {
  const sent: string[] = [];
  const waiting = new Map<string, () => void>();
  return {
    sent,
    send: async (messages: readonly { readonly type: string; readonly id: string }[]) => {
      for (const { type, id } of messages) {
        expect(type).toBe('EXECUTION');
        sent.push(id);
        waiting.get(id)?.();
      }
    },
    has: (...ids: readonly string[]) =>
      Promise.all(
        ids.map((id) =>
          sent.includes(id)
            ? Promise.resolve()
            : new Promise<void>((resolve) => waiting.set(id, resolve)),
        ),
      ),
  };
}
type LedgerQueue = ReturnType<typeof openLedgerQueue>;

interface Changed {
  readonly ledgerQueue?: LedgerQueue;
  readonly limits?: DispatcherOptions['limits'];
  readonly environment?: DispatcherOptions['environment'];
  readonly failpoint?: DispatcherOptions['failpoint'];
  readonly database?: Database;
}

const AT_ONCE = Array.from({ length: 11 }, () => 0);
const AN_HOUR_MS = 3_600_000;

function dispatch(targets: readonly Target[], changed: Changed = {}) {
  const ledgerQueue = changed.ledgerQueue ?? openLedgerQueue();
  const dispatcher = createDispatcher({
    database: changed.database ?? execution,
    targets,
    sendToLedger: ledgerQueue.send,
    clock: systemClock,
    log: silentLog,
    limits: { pollMs: 20, retryDelaysMs: AT_ONCE, ...changed.limits },
    environment: { ...changed.environment },
    failpoint: changed.failpoint ?? (async () => undefined),
  });
  running.push(dispatcher);
  dispatcher.start();
  return { dispatcher, ledgerQueue };
}

/** Runs a dispatcher until the execution is final. */
async function dispatchUntilFinal(executionId: ExecutionId, changed: Changed = {}) {
  const { ledgerQueue } = dispatch([await openTarget()], changed);
  await ledgerQueue.has(executionId);
  return stored(executionId);
}

const outcomes = ({ attempts }: StoredExecution) => attempts.map(({ outcome }) => outcome);

describe('an execution', () => {
  it('is delivered, acknowledged and handed on to the ledger', async () => {
    receiver.script(respond(200, 'done'));
    const id = await requested();
    expect(await dispatchUntilFinal(id)).toMatchObject({
      status: 'acknowledged',
      failureReason: null,
      responseSha256: sha256('done'),
      claimEpoch: 1,
      attempts: [
        { attemptNo: 1, outcome: 'acknowledged', httpStatus: 200, detail: 'answered 200' },
      ],
    });
    expect(receiver.received).toHaveLength(1);
    expect(receiver.received[0]!.body).toBe((await stored(id)).requestBody);
  });

  it.each([
    ['answers 500', respond(500)],
    ['answers 429', respond(429)],
    ['closes the connection', reset],
    ['breaks its answer off', breakOff],
    ['sends more than is read', flood],
  ])('is sent again, same key and same bytes, when the target first %s', async (_, answer) => {
    receiver.script(answer, respond(200));
    const id = await requested();
    const execution = await dispatchUntilFinal(id);
    expect(execution.status).toBe('acknowledged');
    expect(outcomes(execution)).toEqual(['outcome_unknown', 'acknowledged']);
    const [first, second] = receiver.received;
    expect(second!.body).toBe(first!.body);
    expect(second!.headers['idempotency-key']).toBe(id);
    expect(first!.headers['idempotency-key']).toBe(id);
    expect(second!.headers['webhook-id']).toBe(first!.headers['webhook-id']);
  });

  it.each([
    ['never answers', hang],
    ['never ends its answer', drip],
  ])('is sent again when the target %s in time', async (_, answer) => {
    receiver.script(answer, respond(200));
    const id = await requested();
    const execution = await dispatchUntilFinal(id, { limits: { callMsMax: 150 } });
    expect(execution.status).toBe('acknowledged');
    expect(execution.attempts[0]).toMatchObject({ outcome: 'outcome_unknown', httpStatus: null });
  });

  it.each([
    ['410', respond(410), 'rejected'],
    ['a redirect', redirectTo('http://127.0.0.1:1/'), 'rejected'],
    [
      'an acknowledgement of another execution',
      respond(200, '{"execution_id":"another"}'),
      'outcome_unknown',
    ],
  ])('ends at once by %s', async (_, answer, failureReason) => {
    receiver.script(answer);
    const execution = await dispatchUntilFinal(await requested());
    expect(execution).toMatchObject({ status: 'failed', failureReason });
    expect(execution.attempts).toHaveLength(1);
  });

  it('is exhausted after twelve tries of which nothing left', async () => {
    const id = await requested();
    await receiver.close();
    const execution = await dispatchUntilFinal(id, quickTime);
    expect(execution).toMatchObject({ status: 'failed', failureReason: 'exhausted' });
    expect(outcomes(execution)).toEqual(Array.from({ length: 12 }, () => 'retry'));
    receiver = await openReceiver();
  });

  it('is of unknown outcome after twelve tries of which one may have arrived', async () => {
    receiver.script(respond(503));
    const execution = await dispatchUntilFinal(await requested(), quickTime);
    expect(execution).toMatchObject({ status: 'failed', failureReason: 'outcome_unknown' });
    expect(receiver.received).toHaveLength(12);
  });

  it('waits as long as the target asks', async () => {
    receiver.script(respond(429, '', { 'retry-after': '600' }));
    const id = await requested();
    const { dispatcher } = dispatch([await openTarget()]);
    await receiver.hasReceived(1);
    await dispatcher.stop();
    expect((await stored(id)).status).toBe('dispatched');
    const { rows } = await client.query(
      `select extract(epoch from next_attempt_at - now())::float8 as seconds, claimed_until
       from execution.execution where execution_id = $1`,
      [id],
    );
    expect(rows[0].seconds).toBeGreaterThan(590);
    expect(rows[0].seconds).toBeLessThanOrEqual(600);
    expect(rows[0].claimed_until).toBeNull();
  });

  it('is called once and no more when its target may act twice and bytes have left', async () => {
    receiver.script(respond(500));
    const id = await requested();
    const { ledgerQueue } = dispatch([await openTarget({ idempotent: false })]);
    await ledgerQueue.has(id);
    expect(await stored(id)).toMatchObject({ status: 'failed', failureReason: 'outcome_unknown' });
    expect(receiver.received).toHaveLength(1);
  });

  it('ends as expired when the next try would come too late', async () => {
    const id = await requested({ validForS: 60 });
    await receiver.close();
    const limits = { retryDelaysMs: [AN_HOUR_MS] };
    const execution = await dispatchUntilFinal(id, { limits });
    expect(execution).toMatchObject({ status: 'failed', failureReason: 'expired' });
    receiver = await openReceiver();
  });

  it('ends as expired, unsent, although no dispatcher knows its target any more', async () => {
    const id = await requested({ validForS: 1 });
    const { ledgerQueue } = dispatch([]);
    await ledgerQueue.has(id);
    expect(await stored(id)).toMatchObject({
      status: 'failed',
      failureReason: 'expired',
      attempts: [],
    });
  });

  it('is not sent while the ledger does not answer, and is once it does', async () => {
    const id = await requested();
    await facts.ledgerBeat(60);
    const turns = countedTurns();
    try {
      dispatch([await openTarget()], { environment: turns.environment });
      await turns.passed(3);
      expect(receiver.received).toHaveLength(0);
      expect((await stored(id)).attempts).toEqual([]);
    } finally {
      await facts.ledgerBeat(-3_600);
    }
    await receiver.hasReceived(1);
  });
});

/** Turns of a dispatcher's loop, by the rests between them. */
function countedTurns() {
  let turns = 0;
  const waiting = new Map<number, () => void>();
  return {
    environment: {
      sleep: async (ms: number, signal: AbortSignal) => {
        turns += 1;
        waiting.get(turns)?.();
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, ms);
          signal.addEventListener('abort', () => {
            clearTimeout(timer);
            resolve();
          });
        });
      },
    },
    passed: (wanted: number) =>
      new Promise<void>((resolve) => waiting.set(turns + wanted, resolve)),
  };
}

/** A clock on which a breaker's half minute takes three milliseconds, and a claim that outlives that. */
const quickTime = {
  environment: { monotonicMs: () => performance.now() * 10_000 },
  limits: { claimMs: 10_000 * 30_000 },
};

describe('several dispatchers', () => {
  it('share what is due: each execution has one attempt', async () => {
    const ids: ExecutionId[] = [];
    for (let index = 0; index < 40; index += 1) ids.push(await requested());
    const ledgerQueue = openLedgerQueue();
    const limits = { callsPerTargetMax: 4 };
    dispatch([await openTarget()], { ledgerQueue, limits });
    dispatch([await openTarget()], { ledgerQueue, limits, database: database.open('execution') });
    await ledgerQueue.has(...ids);
    expect(receiver.received).toHaveLength(ids.length);
    const keys = new Set(receiver.received.map(({ headers }) => headers['idempotency-key']));
    expect(keys).toEqual(new Set(ids));
  });

  it('take over from one that died in a call, with the same key and bytes, and it changes nothing later', async () => {
    const id = await requested();
    const dead = hangingTarget(name);
    const zombie = dispatch([dead.target], { limits: { claimMs: 100 }, environment: asleep });
    await dead.called;
    const execution = await dispatchUntilFinal(id);
    expect(execution).toMatchObject({ status: 'acknowledged', claimEpoch: 2 });
    expect(execution.attempts).toMatchObject([
      {
        claimEpoch: 1,
        outcome: 'outcome_unknown',
        detail: 'the dispatcher was lost during the call',
      },
      { claimEpoch: 2, outcome: 'acknowledged' },
    ]);
    expect(receiver.received[0]!.body).toBe(dead.bodies[0]);
    dead.end({ kind: 'failed', failure: 'rejected', detail: 'a no from long ago', answer: {} });
    await zombie.dispatcher.stop();
    expect(await stored(id)).toEqual(execution);
  });

  it('take over from one that died before a byte left, which sends nothing when it wakes', async () => {
    const id = await requested();
    const pause = pausedAt('attempt_committed');
    let nowMs = 0;
    const sleeper = dispatch([await openTarget()], {
      limits: { claimMs: 100 },
      environment: { ...asleep, monotonicMs: () => nowMs },
      failpoint: pause.failpoint,
    });
    await pause.reached;
    const execution = await dispatchUntilFinal(id);
    expect(outcomes(execution)).toEqual(['outcome_unknown', 'acknowledged']);
    nowMs = 100;
    pause.end();
    await sleeper.dispatcher.stop();
    expect(receiver.received).toHaveLength(1);
  });

  it('leave the hand-off of one that died before it to whoever brings the decision again', async () => {
    const id = await requested();
    const pause = pausedAt('outcome_committed');
    const dead = dispatch([await openTarget()], { failpoint: pause.failpoint });
    await pause.reached;
    expect(dead.ledgerQueue.sent).toEqual([]);
    expect(await receiveAgain(id)).toEqual([
      { kind: 'forward', to: [{ queue: 'ledger', message: { type: 'EXECUTION', id } }] },
    ]);
    pause.end();
  });

  it('end what one has left open at a target that may act twice, without calling it again', async () => {
    const id = await requested();
    const dead = hangingTarget(name);
    dispatch([dead.target], { limits: { claimMs: 100 }, environment: asleep });
    await dead.called;
    const { ledgerQueue } = dispatch([await openTarget({ idempotent: false })]);
    await ledgerQueue.has(id);
    expect(await stored(id)).toMatchObject({ status: 'failed', failureReason: 'outcome_unknown' });
    expect(receiver.received).toHaveLength(0);
    dead.end({ kind: 'acknowledged', detail: 'too late', answer: {} });
  });
});

/** Holds a dispatcher at a step, as if its process had died there. */
function pausedAt(wanted: PointOf<'dispatcher'>) {
  const reached = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();
  return {
    reached: reached.promise,
    end: ended.resolve,
    failpoint: async (step: PointOf<'dispatcher'>) => {
      if (step !== wanted) return;
      reached.resolve();
      await ended.promise;
    },
  };
}

/** A process that does not get on: whoever sleeps in it sleeps until the signal. */
const asleep = {
  sleep: (_: number, signal: AbortSignal) =>
    new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      signal.addEventListener('abort', () => resolve());
    }),
};

/** A target whose calls end when the test says so. */
function hangingTarget(targetName: string) {
  const ended = Promise.withResolvers<Delivery>();
  const called = Promise.withResolvers<void>();
  const bodies: string[] = [];
  const target: Target = {
    name: targetName,
    kind: 'hanging',
    idempotent: true,
    deliver({ body }) {
      bodies.push(body);
      called.resolve();
      return ended.promise;
    },
  };
  return { target, bodies, called: called.promise, end: ended.resolve };
}

describe('a target that fails', () => {
  it('is left alone after five failures in a row, but for a probe; others are served', async () => {
    const ids = [];
    for (let index = 0; index < 8; index += 1) ids.push(await requested());
    const healthy = await openReceiver();
    const other = `${name}-other`;
    const otherId = await requested({ target: other });
    let nowMs = 0;
    const turns = countedTurns();
    receiver.script(respond(500));
    const otherTarget = await webhookTarget.open(
      other,
      { url: healthy.url, idempotent: true, keys: ['env:KEY'], loopback: true },
      { readSecret: async () => KEY, publish: async () => undefined, log: silentLog },
    );
    const { ledgerQueue } = dispatch([await openTarget(), otherTarget], {
      limits: { callsPerTargetMax: 1 },
      environment: { ...turns.environment, monotonicMs: () => nowMs },
    });
    await ledgerQueue.has(otherId);
    await receiver.hasReceived(FAILURES_TO_OPEN);
    await turns.passed(3);
    expect(receiver.received).toHaveLength(FAILURES_TO_OPEN);
    nowMs += PROBE_EVERY_MS;
    await receiver.hasReceived(FAILURES_TO_OPEN + 1);
    await turns.passed(3);
    expect(receiver.received).toHaveLength(FAILURES_TO_OPEN + 1);
    receiver.script(respond(200));
    nowMs += PROBE_EVERY_MS;
    await ledgerQueue.has(...ids);
    await healthy.close();
  });

  it('by rejecting, against its contract, counts as one that may have been reached', async () => {
    const id = await requested();
    const broken: Target = {
      name,
      kind: 'broken',
      idempotent: false,
      deliver: () => Promise.reject(new Error('a mistake of ours')),
    };
    const { ledgerQueue } = dispatch([broken]);
    await ledgerQueue.has(id);
    expect(await stored(id)).toMatchObject({ failureReason: 'outcome_unknown' });
  });
});

const KEY = `whsec_${Buffer.alloc(32, 1).toString('base64')}`;

describe('a dispatcher', () => {
  it('is woken instead of waiting for its next look', async () => {
    const { dispatcher, ledgerQueue } = dispatch([await openTarget()], {
      limits: { pollMs: AN_HOUR_MS },
    });
    const id = await requested();
    dispatcher.wake();
    await ledgerQueue.has(id);
  });

  it('finishes the calls under way when it is stopped, and claims nothing more', async () => {
    const under = await requested();
    const called = hangingTarget(name);
    const { dispatcher, ledgerQueue } = dispatch([called.target]);
    await called.called;
    const stopped = dispatcher.stop();
    const after = await requested();
    dispatcher.wake();
    called.end({ kind: 'acknowledged', detail: 'done', answer: {} });
    await stopped;
    expect(ledgerQueue.sent).toEqual([under]);
    expect(await stored(under)).toMatchObject({ status: 'acknowledged' });
    expect(await stored(after)).toMatchObject({ status: 'requested' });
  });

  it('may be stopped twice, and before it was started', async () => {
    const { dispatcher } = dispatch([]);
    await Promise.all([dispatcher.stop(), dispatcher.stop()]);
    const id = await requested();
    dispatcher.start();
    expect(await stored(id)).toMatchObject({ status: 'requested' });
  });

  it('hands on what the ledger queue did not take, until it does', async () => {
    const id = await requested();
    const ledgerQueue = openLedgerQueue();
    let refusals = 2;
    const unreliable: LedgerQueue = {
      ...ledgerQueue,
      send: async (messages) => {
        refusals -= 1;
        if (refusals >= 0) throw new Error('the queue store is down');
        await ledgerQueue.send(messages);
      },
    };
    dispatch([await openTarget()], { ledgerQueue: unreliable });
    await ledgerQueue.has(id);
    expect(refusals).toBe(-1);
  });

  it('records an outcome although its sessions were cut during the call', async () => {
    const id = await requested();
    const called = hangingTarget(name);
    const { ledgerQueue } = dispatch([called.target], { limits: { pollMs: AN_HOUR_MS } });
    await called.called;
    await client.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where application_name = 'sentinelops execution' and datname = current_database()`,
    );
    called.end({ kind: 'acknowledged', detail: 'done', answer: {} });
    await ledgerQueue.has(id);
    expect(await stored(id)).toMatchObject({ status: 'acknowledged' });
  });

  it('leaves executions of targets that it does not know to others', async () => {
    const id = await requested({ target: `${name}-of-another` });
    const turns = countedTurns();
    dispatch([await openTarget()], { environment: turns.environment });
    await turns.passed(3);
    expect(await stored(id)).toMatchObject({ status: 'requested', attempts: [] });
  });
});
