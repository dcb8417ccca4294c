import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  advance,
  FIRST_WRITE_MS,
  type FoundGaps,
  GAPS_LISTED_MAX,
  type Gap,
  type Hop,
  hops,
  type Moment,
  OPEN_COUNTED_MAX,
  SETTLE_MS_MAX,
  type Search,
  searchFrom,
} from '../../src/domain/gap.ts';
import { epochMsOf, timestampOfMs } from '../../src/domain/time.ts';

const START_MS = 1_767_323_045_000;
const NOTHING: FoundGaps = { listed: [], open: 0 };

const hop: Hop = 'assessment';
const foundIn = (found: FoundGaps) =>
  new Map(hops.map((other) => [other, other === hop ? found : NOTHING]));
const moment = (nowMs: number, oldestWriter = 1n, nextWriter = 1n): Moment => ({
  now: timestampOfMs(nowMs),
  oldestWriter,
  nextWriter,
});
const gap = (id: string, sinceMs: number): Gap => ({
  id,
  type: null,
  since: timestampOfMs(sinceMs),
  ageMs: 0,
});
const rangeOf = (search: Search) => search.hops.get(hop)!;

describe('a search', () => {
  it('looks back no further than to the moment before, once all who were writing then have ended', () => {
    const first = advance(searchFrom(START_MS), moment(START_MS + 1_000, 7n, 9n), foundIn(NOTHING));
    const held = advance(first, moment(START_MS + 60_000, 8n, 20n), foundIn(NOTHING));
    expect(rangeOf(held).fromMs).toBe(START_MS);
    const passed = advance(held, moment(START_MS + 90_000, 9n, 30n), foundIn(NOTHING));
    expect(rangeOf(passed).fromMs).toBe(START_MS);
    const next = advance(passed, moment(START_MS + 120_000, 30n, 40n), foundIn(NOTHING));
    expect(rangeOf(next).fromMs).toBe(START_MS + 90_000 - FIRST_WRITE_MS);
  });

  it('waits for a transaction that is none of ours for a limited time only', () => {
    let search = searchFrom(START_MS);
    for (let ms = 0; ms <= 2 * SETTLE_MS_MAX; ms += 30_000) {
      search = advance(search, moment(START_MS + ms, 7n, 9n + BigInt(ms)), foundIn(NOTHING));
    }
    expect(rangeOf(search).fromMs).toBe(START_MS + SETTLE_MS_MAX);
  });

  it('keeps an eye on what stays open without looking back to it', () => {
    const stuck = { listed: [gap('stuck', START_MS)], open: 1 };
    let search = searchFrom(-Infinity);
    for (let step = 1n; step < 10n; step += 1n) {
      search = advance(
        search,
        moment(START_MS + Number(step) * 60_000, step, step),
        foundIn(stuck),
      );
    }
    const { fromMs, known } = rangeOf(search);
    expect(known).toEqual(['stuck']);
    expect(fromMs).toBe(START_MS + 8 * 60_000 - FIRST_WRITE_MS);
    const gone = advance(search, moment(START_MS + 600_000, 10n, 10n), foundIn(NOTHING));
    expect(rangeOf(gone).known).toEqual([]);
  });

  it('passes over nothing that it has not been shown', () => {
    const listed = Array.from({ length: GAPS_LISTED_MAX }, (_, index) =>
      gap(`${index}`, START_MS + index),
    );
    const more = advance(
      searchFrom(-Infinity),
      moment(START_MS + SETTLE_MS_MAX * 2),
      foundIn({ listed, open: GAPS_LISTED_MAX + 1 }),
    );
    expect(rangeOf(more).fromMs).toBe(START_MS + GAPS_LISTED_MAX - 1);
    expect(rangeOf(more).known).toHaveLength(GAPS_LISTED_MAX - 1);
    const uncounted = advance(
      more,
      moment(START_MS + SETTLE_MS_MAX * 3),
      foundIn({ listed, open: OPEN_COUNTED_MAX }),
    );
    expect(rangeOf(uncounted)).toEqual(rangeOf(more));
  });
});

/** One transaction of a made-up history, in milliseconds since its beginning. */
interface Written {
  readonly id: string;
  readonly beganMs: number;
  readonly stampedMs: number;
  readonly firstWriteMs: number;
  readonly committedMs: number;
  /** Infinity: its successor was lost. */
  readonly followedMs: number;
  /** Assigned at its first write, as PostgreSQL does. */
  readonly xid: bigint;
}

const history = fc
  .array(
    fc.record({
      beganMs: fc.nat(2_000_000),
      untilWriteMs: fc.nat(FIRST_WRITE_MS),
      // Some hang for as long as a paused server process may.
      untilCommitMs: fc.oneof(fc.nat(100), fc.nat(200_000)),
      untilFollowedMs: fc.oneof(fc.nat(1_000), fc.nat(900_000), fc.constant(Infinity)),
      stamp: fc.double({ min: 0, max: 1, noNaN: true }),
    }),
    { minLength: 1, maxLength: 30 },
  )
  .map((transactions) => {
    const written = transactions.map((transaction, index) => {
      const { beganMs } = transaction;
      const firstWriteMs = beganMs + transaction.untilWriteMs;
      const committedMs = firstWriteMs + transaction.untilCommitMs;
      return {
        id: `${index}`,
        beganMs,
        firstWriteMs,
        committedMs,
        stampedMs: Math.floor(beganMs + transaction.stamp * (committedMs - beganMs)),
        followedMs: committedMs + transaction.untilFollowedMs,
      };
    });
    written.sort((a, b) => a.firstWriteMs - b.firstWriteMs);
    return written.map((row, index): Written => ({ ...row, xid: BigInt(index + 1) }));
  });

function momentIn(written: readonly Written[], atMs: number): Moment {
  const assigned = written.filter(({ firstWriteMs }) => firstWriteMs <= atMs);
  const running = assigned.filter(({ committedMs }) => committedMs > atMs);
  const next = BigInt(assigned.length + 1);
  return moment(START_MS + atMs, running[0]?.xid ?? next, next);
}

/** What the views show to a search of this range. */
function lookAt(written: readonly Written[], atMs: number, range: ReturnType<typeof rangeOf>) {
  const listed = written
    .filter(({ committedMs, followedMs }) => committedMs <= atMs && followedMs > atMs)
    .map(({ id, stampedMs }) => gap(id, START_MS + stampedMs))
    .filter(({ id, since }) => epochMsOf(since) >= range.fromMs || range.known.includes(id))
    .sort((a, b) => epochMsOf(a.since) - epochMsOf(b.since));
  return { listed, open: listed.length };
}

describe('the law of a search', () => {
  const looks = fc.array(fc.integer({ min: 1, max: 120_000 }), { minLength: 5, maxLength: 40 });

  it('holds: whatever is open and visible is found, however late it became visible', () => {
    fc.assert(
      fc.property(history, looks, (written, pauses) => {
        let search = searchFrom(-Infinity);
        let atMs = 0;
        for (const pauseMs of pauses) {
          atMs += pauseMs;
          const found = lookAt(written, atMs, rangeOf(search));
          const all = lookAt(written, atMs, { fromMs: -Infinity, known: [] });
          expect(found).toEqual(all);
          search = advance(search, momentIn(written, atMs), foundIn(found));
        }
      }),
      { numRuns: 500 },
    );
  });

  it('is one: a search that did not wait for those who write would miss rows', () => {
    const late: Written = {
      id: 'late',
      beganMs: 0,
      stampedMs: 0,
      firstWriteMs: 0,
      committedMs: 200_000,
      followedMs: Infinity,
      xid: 1n,
    };
    let search = searchFrom(-Infinity);
    for (let atMs = 30_000; atMs < 200_000; atMs += 30_000) {
      // As if it had ended: its id is smaller than that of the oldest writer.
      search = advance(search, moment(START_MS + atMs, 2n, 2n), foundIn(NOTHING));
    }
    expect(lookAt([late], 210_000, rangeOf(search)).open).toBe(0);
  });

  it('stands a clock that is set back', () => {
    let search = searchFrom(-Infinity);
    for (let step = 1n; step < 5n; step += 1n) {
      const nowMs = START_MS + Number(step) * 60_000;
      search = advance(search, moment(nowMs, step, step), foundIn(NOTHING));
    }
    const afterMs = START_MS - 7_200_000;
    search = advance(search, moment(afterMs + 30_000, 9n, 9n), foundIn(NOTHING));
    expect(rangeOf(search).fromMs).toBeLessThan(afterMs);
  });
});
