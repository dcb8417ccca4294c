/**
 * Row (e): how long people and targets wait at fifty events a second. Every fifth event is matched, a person approves
 * each review over HTTP as soon as it is open, and a receiver of ours gets the executions.
 *
 * What is stored is seen by looking every few milliseconds, so a figure may be that much too high and never too low.
 */
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { Bench, Section } from '../bench.ts';
import { openSentinelOps, type SentinelOpsChain } from '../contestants/sentinelops.ts';
import { eventIdOf } from '../../src/domain/ids.ts';
import { externalIdOf, matchesAmong, SOURCE, USUAL_LOAD } from '../load/events.ts';
import { TARGET } from '../load/policies.ts';
import { openReceiver, type Receiver } from '../load/receiver.ts';
import { openReviewer, type Reviewer } from '../load/reviewer.ts';
import { percentile } from '../measure/statistics.ts';
import { type Goal, type Row, single } from '../report/row.ts';

const NAME = 'latency';
const LOAD = { ...USUAL_LOAD, matchOneIn: 5 };
const EVENTS_PER_S = 50;
const DURATION_S = 60;
const QUICK_DURATION_S = 5;
/** Compilers and caches are cold before; the first events are sent but not counted. */
const WARM_UP_S = 4;
const LOOK_MS = 4;
/** People at work at the same time. */
const REVIEWERS = 4;
/** Reviews that opened longer ago have been seen. */
const LOOK_BACK = "interval '1 second'";
/** Long enough for a machine that is busy with other things; whoever needs it has no latency to show. */
const SETTLE_MS_MAX = 60_000;
const KEY_VARIABLE = 'BENCH_RECEIVER_KEY';

export const latency: Section = {
  name: NAME,
  about: 'at 50 events/s: event → open review, decision → delivered',
  async run(bench) {
    const secret = `whsec_${randomBytes(32).toString('base64')}`;
    const receiver = await openReceiver(bench.ending);
    const targets = join(bench.site.directory, 'targets.yaml');
    await writeFile(targets, targetsText(receiver.url));
    const chain = await openSentinelOps(bench, {
      name: 'SentinelOps, latency',
      load: LOAD,
      environment: { TARGETS_FILE: targets, [KEY_VARIABLE]: secret },
    });
    const client = new pg.Client({ connectionString: chain.url });
    await client.connect();
    try {
      const reviewer = openReviewer(chain.endpoint, bench.houses.reviewerToken);
      const { reviewMs, deliveryMs } = await observe(bench, { chain, client, receiver, reviewer });
      return [
        ...rowsOf('event → open review', reviewMs, { atMost: 50 }),
        ...rowsOf('decision → delivered', deliveryMs, { atMost: 100 }),
      ];
    } finally {
      await client.end();
      await chain.close();
      await receiver.close();
    }
  },
};

function targetsText(url: string): string {
  return `targets:
  - name: ${TARGET}
    webhook: { url: "${url}", idempotent: true, loopback: true, keys: ["env:${KEY_VARIABLE}"] }
`;
}

interface Stage {
  readonly chain: SentinelOpsChain;
  readonly client: pg.Client;
  readonly receiver: Receiver;
  readonly reviewer: Reviewer;
}

interface Latencies {
  readonly reviewMs: readonly number[];
  readonly deliveryMs: readonly number[];
}

async function observe(bench: Bench, stage: Stage): Promise<Latencies> {
  const { chain, receiver } = stage;
  const durationS = bench.options.quick ? QUICK_DURATION_S : DURATION_S;
  const events = (WARM_UP_S + durationS) * EVENTS_PER_S;
  const expected = matchesAmong(events, chain.load);
  const seen: Seen = { sentMs: new Map(), openedMs: new Map(), decidedMs: new Map(), waiting: [] };
  await Promise.all([
    sendSteadily(chain, events, seen),
    watchReviews(stage, expected, seen),
    ...Array.from({ length: REVIEWERS }, () => decide(stage, expected, seen)),
  ]);
  await receiver.hasReceived(expected, SETTLE_MS_MAX);
  const counted = [...seen.sentMs.keys()].slice(WARM_UP_S * EVENTS_PER_S);
  return {
    reviewMs: counted.flatMap((id) => between(seen.sentMs.get(id), seen.openedMs.get(id))),
    deliveryMs: counted.flatMap((id) => between(seen.decidedMs.get(id), receiver.arrivedMs(id))),
  };
}

/** When something happened to an event, by its id and by performance.now. */
interface Seen {
  readonly sentMs: Map<string, number>;
  readonly openedMs: Map<string, number>;
  readonly decidedMs: Map<string, number>;
  /** Reviews that nobody has taken up yet, the oldest first. */
  readonly waiting: { readonly eventId: string; readonly reviewId: string }[];
}

const between = (fromMs: number | undefined, toMs: number | undefined): readonly number[] =>
  fromMs === undefined || toMs === undefined ? [] : [toMs - fromMs];

/** One event at a time, each at its own moment, whether or not the one before has been taken. */
async function sendSteadily(
  chain: SentinelOpsChain,
  events: number,
  { sentMs }: Seen,
): Promise<void> {
  const startedMs = performance.now();
  const sends: Promise<void>[] = [];
  for (let index = 0; index < events; index += 1) {
    await sleep(Math.max(0, startedMs + (index * 1_000) / EVENTS_PER_S - performance.now()));
    sentMs.set(eventIdOf(SOURCE, externalIdOf(index, chain.load)), performance.now());
    const send = chain.send(index, 1);
    // Awaited below; until then a failure is not unhandled.
    send.catch(() => undefined);
    sends.push(send);
  }
  await Promise.all(sends);
}

/** Notes when each review is there; resolves when all are. */
async function watchReviews(
  { client }: Stage,
  expected: number,
  { openedMs, waiting }: Seen,
): Promise<void> {
  let movedMs = performance.now();
  while (openedMs.size < expected) {
    const { rows } = await client.query<Seen['waiting'][number]>(
      `select event_id as "eventId", review_id as "reviewId" from decision.review
       where opened_at > now() - ${LOOK_BACK} order by opened_at`,
    );
    const nowMs = performance.now();
    for (const review of rows.filter(({ eventId }) => !openedMs.has(eventId))) {
      openedMs.set(review.eventId, nowMs);
      waiting.push(review);
      movedMs = nowMs;
    }
    if (nowMs - movedMs > SETTLE_MS_MAX) {
      throw new Error(`only ${openedMs.size} of ${expected} reviews have opened`);
    }
    await sleep(LOOK_MS);
  }
}

/** One person: takes up what waits, until everything has been decided. */
async function decide(
  { reviewer }: Stage,
  expected: number,
  { decidedMs, waiting }: Seen,
): Promise<void> {
  while (decidedMs.size < expected) {
    const review = waiting.shift();
    if (review === undefined) {
      await sleep(LOOK_MS);
      continue;
    }
    const { eventId, reviewId } = review;
    await reviewer.approve(reviewId, () => decidedMs.set(eventId, performance.now()));
  }
}

function rowsOf(name: string, valuesMs: readonly number[], goal: Goal): readonly Row[] {
  const row = (percent: number) => ({
    section: NAME,
    name: `${name}, p${percent} of ${valuesMs.length}`,
    summary: single(percentile(valuesMs, percent)),
    unit: 'ms',
  });
  return [row(50), { ...row(99), goal }];
}
