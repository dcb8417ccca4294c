/**
 * Gaps: recorded rows that wait for their successor, one kind for each hand-off. Here is what the search for them
 * remembers, so that its cost does not grow with history.
 *
 * A search looks through the rows recorded since `fromMs`, and at those older ones that it knows to be open. Its law:
 * every row stamped before `fromMs` has its successor, or waits as a dead letter, or is known. `advance` may move `fromMs`
 * over an instant only when that holds for all rows stamped before it, also those that nobody can see yet: a row is
 * stamped no earlier than its transaction began, and becomes visible when that commits, which may be much later. So the
 * instant has to be settled first: every transaction that was writing then has ended. A transaction that had begun and
 * not written yet is invisible in a snapshot; FIRST_WRITE_MS is how long ours take at most until they write.
 *
 * What the law cannot know of: a successor that disappears, as from a restored backup; a transaction that writes later
 * than that. A search of everything, once a night, finds those.
 */
import type { FactType } from './fact.ts';
import { epochMsOf, type Timestamp } from './time.ts';

/** The hand-offs, by what is missing. */
export const hops = [
  'assessment',
  'evaluation',
  'review',
  'decision-entry',
  'execution',
  'entry',
] as const;
export type Hop = (typeof hops)[number];

/** A row without its successor. */
export interface Gap {
  readonly id: string;
  /** What kind of fact lacks its entry; null in hops whose messages name no type. */
  readonly type: FactType | null;
  readonly since: Timestamp;
  /** By the clock of the database. */
  readonly ageMs: number;
}

/** What one look at one hop has found. */
export interface FoundGaps {
  /** The oldest ones, oldest first; at most GAPS_LISTED_MAX. */
  readonly listed: readonly Gap[];
  /** How many there are; OPEN_COUNTED_MAX stands for that many or more. */
  readonly open: number;
}

export const GAPS_LISTED_MAX = 10_000;
/** One more than the number from which nothing more is taken in. */
export const OPEN_COUNTED_MAX = 100_001;

/** The database at one moment, read before the rows are. */
export interface Moment {
  readonly now: Timestamp;
  /** Every transaction with a smaller id has ended, and what it wrote is visible. */
  readonly oldestWriter: bigint;
  /** Every transaction that was writing at that moment has a smaller id. */
  readonly nextWriter: bigint;
}

/** What a search remembers from one look to the next. */
export interface Search {
  readonly lastNowMs: number;
  /** Settled as soon as all who were writing at that moment have ended. */
  readonly settling: Moment | undefined;
  /** Everything stamped before this instant is visible. */
  readonly settledMs: number;
  readonly hops: ReadonlyMap<Hop, HopSearch>;
}

export interface HopSearch {
  /** Milliseconds since 1970; -Infinity: from the beginning. */
  readonly fromMs: number;
  /** Ids of open rows that were stamped before. */
  readonly known: readonly string[];
}

/** Our transactions write by then: statements end after 5 s, waits within them after 10 s, and few come before a write. */
export const FIRST_WRITE_MS = 30_000;
/** Somebody else's transaction may run for hours. None of ours does, so it is not waited for any longer than this. */
export const SETTLE_MS_MAX = 600_000;

/** A search that has seen nothing yet and begins at an instant. */
export function searchFrom(fromMs: number): Search {
  return {
    lastNowMs: -Infinity,
    settling: undefined,
    settledMs: fromMs,
    hops: new Map(hops.map((hop) => [hop, { fromMs, known: [] }])),
  };
}

/** The same search after a look at `moment`, which has found these. */
export function advance(
  search: Search,
  moment: Moment,
  found: ReadonlyMap<Hop, FoundGaps>,
): Search {
  const nowMs = epochMsOf(moment.now);
  // New rows are stamped with instants that had been passed over.
  const wentBack = nowMs < search.lastNowMs;
  const settled = wentBack ? startOver(search, moment) : settle(search, moment);
  return {
    lastNowMs: nowMs,
    ...settled,
    hops: new Map(
      hops.map((hop) => [
        hop,
        advanceHop(search.hops.get(hop)!, found.get(hop)!, settled.settledMs),
      ]),
    ),
  };
}

type Settled = Pick<Search, 'settling' | 'settledMs'>;

function startOver({ settledMs }: Search, moment: Moment): Settled {
  const nowMs = epochMsOf(moment.now);
  return { settling: moment, settledMs: Math.min(settledMs, nowMs - SETTLE_MS_MAX) };
}

function settle({ settling, settledMs }: Search, moment: Moment): Settled {
  const atLeastMs = Math.max(settledMs, epochMsOf(moment.now) - SETTLE_MS_MAX);
  if (settling === undefined) return { settling: moment, settledMs: atLeastMs };
  if (moment.oldestWriter < settling.nextWriter) return { settling, settledMs: atLeastMs };
  const passedMs = epochMsOf(settling.now) - FIRST_WRITE_MS;
  return { settling: moment, settledMs: Math.max(atLeastMs, passedMs) };
}

function advanceHop(before: HopSearch, { listed, open }: FoundGaps, settledMs: number): HopSearch {
  // They were counted in no order, so the oldest one may not be among them: nothing can be passed over.
  if (open >= OPEN_COUNTED_MAX) return { ...before, fromMs: Math.min(before.fromMs, settledMs) };
  const newestListed = listed.at(-1);
  const unlistedMs =
    open > listed.length && newestListed !== undefined ? epochMsOf(newestListed.since) : Infinity;
  const fromMs = Math.min(settledMs, unlistedMs);
  return {
    fromMs,
    known: listed.filter(({ since }) => epochMsOf(since) < fromMs).map(({ id }) => id),
  };
}

// What follows from gaps

/** Longer than the longest transaction and the return of a lost worker's jobs; a hand-off takes no longer. */
export const GRACE_MS = 30_000;
/** In an empty queue nothing waits, and no job was lost by its worker: only a hand-off can be under way. */
export const GRACE_EMPTY_MS = 10_000;
/** All is well as long as no gap is older. */
export const READY_GAP_MS_MAX = 4 * GRACE_MS;
/** From then on nothing more is taken in: the backlog would only grow. */
export const INTAKE_GAP_MS_MAX = 15 * 60_000;
export const INTAKE_OPEN_EVENTS_MAX = OPEN_COUNTED_MAX - 1;

export type GapsByHop = ReadonlyMap<Hop, FoundGaps>;

export interface GapSummary {
  readonly hop: Hop;
  readonly open: number;
  /** Null when none is open. */
  readonly oldestMs: number | null;
}

export function summaryOf(found: GapsByHop): readonly GapSummary[] {
  return hops.map((hop) => {
    const { open, listed } = found.get(hop) ?? NOTHING;
    return { hop, open, oldestMs: listed[0]?.ageMs ?? null };
  });
}

const NOTHING: FoundGaps = { listed: [], open: 0 };

/** The hops that are behind for longer than recovery takes. */
export function laggingHops(found: GapsByHop): readonly GapSummary[] {
  return summaryOf(found).filter(({ oldestMs }) => (oldestMs ?? 0) >= READY_GAP_MS_MAX);
}

/** Why nothing more should be taken in; undefined when it may be, also as long as nobody has looked. */
export function overloadOf(found: GapsByHop | undefined): string | undefined {
  if (found === undefined) return undefined;
  const gaps = summaryOf(found);
  const oldestMs = Math.max(...gaps.map((gap) => gap.oldestMs ?? 0));
  if (oldestMs > INTAKE_GAP_MS_MAX) {
    return `a row waits for its successor for ${Math.round(oldestMs / 60_000)} minutes`;
  }
  // An event waits in one of them at a time.
  const onTheirWay = gaps.filter(({ hop }) => EVENT_HOPS.includes(hop));
  const openEvents = onTheirWay.reduce((sum, { open }) => sum + open, 0);
  return openEvents >= INTAKE_OPEN_EVENTS_MAX ? `${openEvents} events are on their way` : undefined;
}

const EVENT_HOPS: readonly Hop[] = ['assessment', 'evaluation', 'review'];
