/**
 * Looks for gaps and remembers the last look, for the reconciler, the health checks and the intake of one process. Each
 * look costs as much as has been recorded since the one before it (domain/gap.ts), whatever the history.
 */
import {
  advance,
  type FoundGaps,
  type GapsByHop,
  type Hop,
  hops,
  INTAKE_OPEN_EVENTS_MAX,
  searchFrom,
  summaryOf,
} from '../domain/gap.ts';
import type { Log } from '../domain/log.ts';
import { epochMsOf } from '../domain/time.ts';
import type { Database, Session } from '../stores/database.ts';
import { openGapStore } from '../stores/gaps.ts';
import { errorClassOf } from './fault.ts';
import { createWatch, type Watch } from './watch.ts';

export interface GapWatch extends Watch {
  /**
   * Looks now: at what has happened since the last look and at what it knows to be open, or at `everything`. Rejects when
   * the database does not answer; what is remembered stays as it was. Looks through `session`, when one is given.
   */
  look(range?: 'recent' | 'everything', session?: Session): Promise<GapsByHop>;
  /** Undefined until the first look has succeeded. */
  latest(): LatestLook | undefined;
}

export interface LatestLook {
  readonly found: GapsByHop;
  /** How long ago. */
  readonly ageMs: number;
}

export interface GapWatchOptions {
  /** Sessions of the audit role. */
  readonly database: Database;
  readonly log: Log;
  readonly intervalMs?: number;
  /** Never runs backwards. */
  readonly monotonicMs?: () => number;
}

export const LOOK_INTERVAL_MS = 30_000;
/** When much is open, the limit from which nothing is taken in must not be overrun by far. */
const CROWDED_INTERVAL_MS = 5_000;
const CROWDED_OPEN = INTAKE_OPEN_EVENTS_MAX / 10;
/** The first look of a process: what a crash has left is not older. A look at everything finds what is. */
const START_LOOK_BACK_MS = 3_600_000;
const RECENT_LOOK_MS_MAX = 30_000;

export function createGapWatch({
  database,
  log,
  intervalMs = LOOK_INTERVAL_MS,
  monotonicMs = () => performance.now(),
}: GapWatchOptions): GapWatch {
  let search: ReturnType<typeof searchFrom> | undefined;
  let last: { readonly found: GapsByHop; readonly atMs: number } | undefined;
  let queue: Promise<unknown> = Promise.resolve();

  function scan(everything: boolean, session: Session): Promise<GapsByHop> {
    return session.transact(async (tx) => {
      const store = openGapStore(tx);
      const moment = await store.moment();
      const standing = search ?? searchFrom(epochMsOf(moment.now) - START_LOOK_BACK_MS);
      const ranges = everything ? searchFrom(-Infinity).hops : standing.hops;
      await (everything ? store.lookAtAll() : store.lookBack(RECENT_LOOK_MS_MAX));
      const oldestMs = Math.min(...[...ranges.values()].map(({ fromMs }) => fromMs));
      const redriven = everything ? [] : await store.redrivenSince(oldestMs);
      const found = new Map<Hop, FoundGaps>();
      // One after the other: they are a handful, and a transaction has one connection.
      for (const hop of hops) found.set(hop, await store.open(hop, ranges.get(hop)!, redriven));
      search = advance(standing, moment, found);
      return found;
    });
  }

  function look(
    range: 'recent' | 'everything' = 'recent',
    session: Session = database,
  ): Promise<GapsByHop> {
    const looking = queue.then(async () => {
      const found = await scan(range === 'everything', session);
      last = { found, atMs: monotonicMs() };
      return found;
    });
    // Two at a time would each move the search from where the other one found it.
    queue = looking.catch(() => undefined);
    return looking;
  }

  /** Whoever else looked meanwhile has spared this watch its turn. */
  async function lookWhenDue(): Promise<void> {
    const isCrowded = last !== undefined && isCrowdedIn(last.found);
    const dueMs = isCrowded ? Math.min(CROWDED_INTERVAL_MS, intervalMs) : intervalMs;
    if (last !== undefined && monotonicMs() - last.atMs < dueMs) return;
    try {
      await look();
    } catch (error) {
      log.warn({ error: errorClassOf(error) }, 'gaps could not be looked for');
    }
  }

  return {
    ...createWatch(Math.min(1_000, intervalMs), lookWhenDue),
    look,
    latest: () => last && { found: last.found, ageMs: monotonicMs() - last.atMs },
  };
}

function isCrowdedIn(found: GapsByHop): boolean {
  return summaryOf(found).some(({ open }) => open >= CROWDED_OPEN);
}
