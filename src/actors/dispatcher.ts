/**
 * Calls the targets: the only place from which a request leaves, and never inside a transaction. Not an actor: it has no
 * queue. What is due stands in Postgres; a wake-up only shortens the wait.
 *
 *     claim     one transaction takes due executions and keeps the attempt that is about to be made on each
 *     COMMIT    from here the attempt is kept, so bytes may leave; whether they did is not yet known
 *     call      the target, with the execution id as idempotency key and the same bytes every time
 *     record    one transaction for all calls that have ended meanwhile: the outcome, and what follows from it
 *     COMMIT    from here the outcome is kept; the ledger does not know yet
 *     hand on   ended executions to the ledger queue
 *
 * What may happen twice: a call, when this process dies or stalls between claim and record; its claim then runs out, the
 * attempt counts as unknown, and only a target that acts once per key is called again. A hand-off, which the ledger
 * absorbs. What may be late: a hand-off that fails is tried again with every turn, and after a crash the gap query finds
 * it. A dispatcher that wakes from a long pause writes nothing over the one that took its place.
 */
import { setTimeout as systemSleep } from 'node:timers/promises';
import { afterCall, type Breaker, CLOSED_BREAKER, placesFor } from '../domain/breaker.ts';
import { type Delivery, RETRY_DELAYS_MS } from '../domain/delivery.ts';
import type { ExecutionId } from '../domain/ids.ts';
import type { Log } from '../domain/log.ts';
import { type Clock, epochMsOf } from '../domain/time.ts';
import type { Send } from '../queues/broker.ts';
import type { Database } from '../stores/database.ts';
import {
  type Claim,
  type DispatcherStore,
  openDispatcherStore,
  type SealNeeded,
} from '../stores/dispatcher.ts';
import type { Target } from '../targets/target.ts';
import type { Failpoint, PointOf } from './failpoint.ts';
import { createMailbox } from './mailbox.ts';
import { type EndedCall, recordEnded, type StepRules, sweep } from './outcomes.ts';

export interface DispatcherOptions {
  /** Sessions of the execution domain. */
  readonly database: Database;
  readonly targets: readonly Target[];
  readonly sendToLedger: Send<'ledger'>;
  readonly clock: Clock;
  readonly log: Log;
  /** `committed` when not given. */
  readonly needs?: SealNeeded | undefined;
  readonly limits?: Partial<DispatcherLimits>;
  readonly environment?: Partial<Environment>;
  readonly failpoint?: Failpoint<PointOf<'dispatcher'>> | undefined;
}

export interface DispatcherLimits {
  /** Calls under way at one target. A target that hangs holds its own places and nobody else's. */
  readonly callsPerTargetMax: number;
  /** One call in all: name, connection, request, answer. */
  readonly callMsMax: number;
  /** How long a claim keeps others away; well above a call and the recording of its outcome. */
  readonly claimMs: number;
  /** How often it looks for what is due when nobody wakes it. */
  readonly pollMs: number;
  readonly retryDelaysMs: readonly number[];
}

/** What cannot be foreseen: given, so that tests can. */
export interface Environment {
  /** In [0, 1). */
  random(): number;
  /** Never runs backwards; for durations. */
  monotonicMs(): number;
  /** Resolves after the time, or as soon as `signal` aborts. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

export interface Dispatcher {
  start(): void;
  /** Something may be due: called after an execution has been requested. */
  wake(): void;
  /** Claims nothing more, finishes the calls under way, and resolves. May come before `start`, and twice. */
  stop(): Promise<void>;
}

const DEFAULT_LIMITS: DispatcherLimits = {
  callsPerTargetMax: 16,
  callMsMax: 10_000,
  claimMs: 30_000,
  pollMs: 1_000,
  retryDelaysMs: RETRY_DELAYS_MS,
};
const SYSTEM: Environment = {
  random: Math.random,
  monotonicMs: () => performance.now(),
  sleep: (ms, signal) => systemSleep(ms, undefined, { signal }).catch(() => undefined),
};
/** Outcomes in one transaction, rows in one sweep, ids in one hand-off. */
const BATCH_MAX = 256;
const RECORD_RETRY_FIRST_MS = 50;
const RECORD_RETRY_MAX_MS = 2_000;

/** A target with what this process knows of it. */
interface Line {
  readonly target: Target;
  breaker: Breaker;
  underWay: number;
}

export function createDispatcher(options: DispatcherOptions): Dispatcher {
  const { database, sendToLedger, clock, log, failpoint } = options;
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const environment = { ...SYSTEM, ...options.environment };
  const lines = new Map<string, Line>(
    options.targets.map((target) => [
      target.name,
      { target, breaker: CLOSED_BREAKER, underWay: 0 },
    ]),
  );
  const rules: StepRules = {
    targets: [...lines.keys()],
    isIdempotent: (name) => lines.get(name)?.target.idempotent ?? false,
    random: environment.random,
    retryDelaysMs: limits.retryDelaysMs,
  };
  const recording = createMailbox(record, { deliveriesMax: BATCH_MAX, messagesMax: BATCH_MAX });
  const calls = new Set<Promise<void>>();
  /** Ended executions that the ledger queue has not taken yet. */
  const unsent = new Set<ExecutionId>();
  let rest = new AbortController();
  let sweepAtMs = 0;
  let running: Promise<void> | undefined;
  let stopping = false;

  async function run(): Promise<void> {
    while (!stopping) {
      // Replaced before the turn looks, so that a wake-up during the turn is not lost.
      rest = new AbortController();
      await turn();
      if (!stopping) await environment.sleep(limits.pollMs, rest.signal);
    }
    await Promise.all(calls);
    await handOn();
  }

  async function turn(): Promise<void> {
    try {
      await sweepWhenDue();
      await handOn();
      await claimDue();
    } catch (error) {
      log.warn({ error: messageOf(error) }, 'dispatcher: a turn failed, the next one tries again');
    }
  }

  async function sweepWhenDue(): Promise<void> {
    if (environment.monotonicMs() < sweepAtMs) return;
    const ended = await inStore((store) => sweep(store, rules, BATCH_MAX));
    for (const id of ended) unsent.add(id);
    sweepAtMs = environment.monotonicMs() + limits.pollMs;
  }

  async function claimDue(): Promise<void> {
    // What is done and not handed on grows no further than this; then the queue store has to come back first.
    if (unsent.size >= BATCH_MAX) return;
    const nowMs = environment.monotonicMs();
    const places = [...lines].map(([target, { breaker, underWay }]) => ({
      target,
      places: placesFor(breaker, underWay, limits.callsPerTargetMax, nowMs),
    }));
    const open = places.filter((line) => line.places > 0);
    if (open.length === 0) return;
    const claims = await inStore((store) => store.claim(open, limits.claimMs, options.needs));
    // Durable from here: the attempts. Nothing has been sent.
    for (const claim of claims) startCall(claim, nowMs + limits.claimMs);
  }

  function startCall(claim: Claim, runsOutAtMs: number): void {
    const line = lines.get(claim.target)!;
    line.underWay += 1;
    const call = callAndRecord(line, claim, runsOutAtMs).finally(() => {
      line.underWay -= 1;
      calls.delete(call);
      wake();
    });
    calls.add(call);
  }

  async function callAndRecord(line: Line, claim: Claim, runsOutAtMs: number): Promise<void> {
    await failpoint?.('attempt_committed');
    // After a long pause of this process somebody else may be calling already; the sweep has the attempt then.
    if (environment.monotonicMs() >= runsOutAtMs) return;
    const delivery = await deliver(line.target, claim);
    await failpoint?.('reply_read');
    noteCall(line, delivery);
    await recording.put([{ key: claim, delivery }]);
  }

  async function deliver(target: Target, claim: Claim): Promise<Delivery> {
    const { executionId, body, attemptNo } = claim;
    const attemptedAtMs = epochMsOf(clock.now());
    const timeUp = new AbortController();
    const ended = new AbortController();
    const limit = environment
      .sleep(limits.callMsMax, ended.signal)
      .then(() => timeUp.abort(new Error('timed out')));
    let sent: Promise<void> | undefined;
    const onSent =
      failpoint &&
      (() => {
        sent ??= failpoint('request_sent');
        // Waited for below; whoever fails before that must not leave it unattended.
        sent.catch(() => undefined);
      });
    const request = { executionId, body, attemptNo, attemptedAtMs, onSent };
    try {
      const delivery = await target.deliver(request, timeUp.signal);
      await sent;
      return delivery;
    } catch (error) {
      // A target that rejects has broken its contract; it may have sent before it did.
      log.error({ executionId, target: target.name, error: messageOf(error) }, 'a target rejected');
      return { kind: 'retry', detail: 'the target failed here', bytesLeft: true, answer: {} };
    } finally {
      ended.abort();
      await limit;
    }
  }

  function noteCall(line: Line, delivery: Delivery): void {
    const wasOpen = line.breaker.probeAtMs !== undefined;
    line.breaker = afterCall(line.breaker, delivery.kind !== 'retry', environment.monotonicMs());
    const isOpen = line.breaker.probeAtMs !== undefined;
    const target = line.target.name;
    if (isOpen && !wasOpen) log.warn({ target, detail: delivery.detail }, 'target is not called');
    if (wasOpen && !isOpen) log.info({ target }, 'target is called again');
  }

  /** Tries until the claims run out; then the attempts count as lost, and the next sweep says what follows. */
  async function record(ended: readonly EndedCall[]): Promise<readonly null[]> {
    const untilMs = environment.monotonicMs() + limits.claimMs;
    for (let waitMs = RECORD_RETRY_FIRST_MS; ; waitMs = Math.min(waitMs * 2, RECORD_RETRY_MAX_MS)) {
      try {
        const final = await inStore((store) => recordEnded(store, ended, rules));
        // Durable from here: the outcomes. Not yet sent: the ended executions.
        await failpoint?.('outcome_committed');
        for (const id of final) unsent.add(id);
        await handOn();
        return ended.map(() => null);
      } catch (error) {
        const givenUp = environment.monotonicMs() + waitMs >= untilMs;
        log.error(
          { outcomes: ended.length, givenUp, error: messageOf(error) },
          'dispatcher: the outcome of calls could not be recorded',
        );
        if (givenUp) return ended.map(() => null);
        await environment.sleep(waitMs, NEVER);
      }
    }
  }

  async function handOn(): Promise<void> {
    const ids = [...unsent];
    if (ids.length === 0) return;
    try {
      await sendToLedger(ids.map((id) => ({ type: 'EXECUTION', id })));
      for (const id of ids) unsent.delete(id);
    } catch (error) {
      log.warn({ executions: ids.length, error: messageOf(error) }, 'dispatcher: hand-off failed');
    }
  }

  function inStore<T>(work: (store: DispatcherStore) => Promise<T>): Promise<T> {
    return database.transact((tx) => work(openDispatcherStore(tx)));
  }

  function wake(): void {
    rest.abort();
  }

  return {
    start() {
      if (!stopping) running ??= run();
    },
    wake,
    async stop() {
      stopping = true;
      wake();
      await running;
    },
  };
}

const NEVER = new AbortController().signal;

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
