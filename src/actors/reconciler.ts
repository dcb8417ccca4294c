/**
 * Closes gaps: what is recorded and has had no successor for longer than a hand-off takes is sent again. It is the only
 * remedy for a hand-off that was lost, by a crash between COMMIT and send, or with the whole queue store.
 *
 *     lead     one reconciler of a database at a time, by a lock that its session holds
 *     look     for gaps (gap-watch.ts)
 *     plan     what is due, by what the queues still hold (resend.ts)
 *     send     the ids, in jobs named after them
 *     rest     for the interval, or until the queues are found empty
 *
 * What it may do twice: everything. It cannot tell a lost hand-off from a slow one, so it sends ids that are on their way;
 * every stage absorbs them. Two may lead for a moment, when one wakes from a pause after the server has ended its session.
 * A new leader does not know what the old one sent a moment ago, and sends it again.
 * What it never does: record anything, decide anything, call a target.
 *
 * It looks at everything right after it has come to lead, and once a day: domain/gap.ts says what only that finds.
 */
import { setTimeout as systemSleep } from 'node:timers/promises';
import { GAPS_LISTED_MAX } from '../domain/gap.ts';
import type { Log } from '../domain/log.ts';
import type { Broker } from '../queues/broker.ts';
import { queueNames } from '../queues/pipeline.ts';
import type { Database, Session } from '../stores/database.ts';
import { confirmLead, stopLeading, tryToLead } from '../stores/gaps.ts';
import type { Failpoint } from './failpoint.ts';
import { errorClassOf } from './fault.ts';
import type { GapWatch } from './gap-watch.ts';
import type { HopReport, Resender } from './resend.ts';
import { within } from './time-limit.ts';

export interface ReconcilerOptions {
  /** Sessions of the audit role. A leader keeps one of them for as long as it leads. */
  readonly database: Database;
  readonly gaps: GapWatch;
  readonly resender: Resender;
  readonly broker: Broker;
  readonly log: Log;
  readonly timing?: Partial<ReconcilerTiming>;
  readonly environment?: Partial<ReconcilerEnvironment>;
  /** Told of each pass of a leader. */
  readonly onPass?: (report: PassReport) => void;
  readonly failpoint?: Failpoint<'scanned' | 'resent'> | undefined;
}

export interface ReconcilerTiming {
  readonly intervalMs: number;
  /** How long after a pass that found young gaps beside an empty queue the next one follows. */
  readonly soonMs: number;
  /** How often a leader asks whether the queues have become empty, and the others whether they may lead. */
  readonly askMs: number;
  readonly everythingMs: number;
}

/** What cannot be foreseen: given, so that tests can. */
export interface ReconcilerEnvironment {
  /** Never runs backwards. */
  monotonicMs(): number;
  /** Resolves after the time, or as soon as `signal` aborts. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

export interface PassReport {
  readonly range: 'recent' | 'everything';
  readonly hops: readonly HopReport[];
}

export interface Reconciler {
  start(): void;
  isLeading(): boolean;
  /** Finishes the pass under way and resolves. May come before `start`, and twice. */
  stop(): Promise<void>;
}

const TIMING: ReconcilerTiming = {
  intervalMs: 30_000,
  soonMs: 10_000,
  askMs: 5_000,
  everythingMs: 86_400_000,
};
const SYSTEM: ReconcilerEnvironment = {
  monotonicMs: () => performance.now(),
  sleep: (ms, signal) => systemSleep(ms, undefined, { signal }).catch(() => undefined),
};
/** More is open than a look lists: what was sent will be taken within moments, and the rest should follow. */
const MORE_MS = 1_000;
/** A leader asks the server every few seconds. One that does not is paused, and must not keep others from leading. */
const SILENCE_MS_MAX = 60_000;
/** A queue store that hangs is one that does not answer. */
const ANSWER_MS_MAX = 5_000;

export function createReconciler(options: ReconcilerOptions): Reconciler {
  const { database, gaps, resender, broker, log, failpoint } = options;
  const timing = { ...TIMING, ...options.timing };
  const { monotonicMs, sleep } = { ...SYSTEM, ...options.environment };
  const stopped = new AbortController();
  let running: Promise<void> | undefined;
  let leading = false;
  let heldJobs = true;

  async function run(): Promise<void> {
    while (!stopped.signal.aborted) {
      try {
        await database.hold(lead);
      } catch (error) {
        log.warn({ error: errorClassOf(error) }, 'reconciler: lost its session');
      }
      await sleep(timing.askMs, stopped.signal);
    }
  }

  async function lead(session: Session): Promise<void> {
    if (!(await tryToLead(session, SILENCE_MS_MAX))) return;
    leading = true;
    log.info({}, 'reconciler: leads');
    try {
      await leadOn(session);
      await stopLeading(session);
    } finally {
      leading = false;
    }
  }

  /** Until it is stopped; rejects when the session is lost, and with it the lead. */
  async function leadOn(session: Session): Promise<void> {
    let everythingAtMs = -Infinity;
    while (!stopped.signal.aborted) {
      // First what a crash has just left, which takes no time; then whatever else there is.
      let hops = await pass(session, 'recent');
      if (monotonicMs() >= everythingAtMs && !stopped.signal.aborted) {
        hops = await pass(session, 'everything');
        everythingAtMs = monotonicMs() + timing.everythingMs;
      }
      await rest(session, restMsAfter(hops));
    }
  }

  /** Looks through the session that holds the lead. Whatever fails here is tried again by the next pass. */
  async function pass(session: Session, range: PassReport['range']): Promise<readonly HopReport[]> {
    try {
      const found = await gaps.look(range, session);
      await failpoint?.('scanned');
      const hops = await resender.send(await resender.plan(found));
      await failpoint?.('resent');
      for (const { hop, sent, open } of hops) {
        if (sent > 0) log.info({ hop, sent, open }, 'reconciler: sent again');
      }
      options.onPass?.({ range, hops });
      return hops;
    } catch (error) {
      log.warn({ range, error: errorClassOf(error) }, 'reconciler: a pass failed');
      return [];
    }
  }

  async function rest(session: Session, ms: number): Promise<void> {
    const untilMs = monotonicMs() + ms;
    do {
      await confirmLead(session);
      const leftMs = Math.max(0, untilMs - monotonicMs());
      await sleep(Math.min(timing.askMs, leftMs), stopped.signal);
      if (await haveBecomeEmpty()) return;
    } while (!stopped.signal.aborted && monotonicMs() < untilMs);
  }

  function restMsAfter(hops: readonly HopReport[]): number {
    if (hops.some(({ sent, open }) => sent > 0 && open > GAPS_LISTED_MAX)) return MORE_MS;
    return hops.some(({ isNextSoon }) => isNextSoon) ? timing.soonMs : timing.intervalMs;
  }

  /** Drained, or flushed: nobody can tell, and a look costs little. A store that was away may come back empty, too. */
  async function haveBecomeEmpty(): Promise<boolean> {
    const held = heldJobs;
    heldJobs = await within(ANSWER_MS_MAX, holdsJobs()).catch(() => true);
    return held && !heldJobs;
  }

  async function holdsJobs(): Promise<boolean> {
    const counts = await Promise.all(queueNames.map((queue) => broker.counts(queue)));
    return counts.some((states) => Object.values(states).some((jobs) => jobs > 0));
  }

  return {
    start() {
      if (stopped.signal.aborted || running !== undefined) return;
      log.info({}, 'reconciler: started');
      running = run();
    },
    isLeading: () => leading,
    async stop() {
      stopped.abort();
      await running;
    },
  };
}
