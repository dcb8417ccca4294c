/** Whether the system has come to rest: nothing waits anywhere, and two looks some seconds apart see the same. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type pg from 'pg';
import { gaps } from '../checker/gaps.ts';
import { jobIds, queues } from '../checker/queue-keys.ts';
import { tableDigests } from '../checker/table-digests.ts';

export interface RestOptions {
  readonly postgres: pg.Client;
  readonly redis: Redis;
  /** Gives up after so long. */
  readonly msMax: number;
  /** Between the two looks that have to agree. */
  readonly apartMs: number;
  /** Told what it still waits for. */
  readonly onWait?: (what: string) => void;
}

export interface Rest {
  /** When nothing waited any more but calls that are due later, and people. */
  readonly drainedAt: number | null;
  /** When the first of two equal looks found that nothing waited at all. */
  readonly restedAt: number | null;
}

const POLL_MS = 1_000;
/** What a schedule of retries and what people take their time for. */
const NOT_OURS: readonly string[] = ['G7', 'open reviews'];

export async function untilRest(options: RestOptions): Promise<Rest> {
  const { postgres, redis, msMax, apartMs, onWait } = options;
  const untilMs = performance.now() + msMax;
  let drainedAt: number | null = null;
  while (performance.now() < untilMs) {
    const at = Date.now();
    const waits = await whatWaits(postgres, redis);
    if (waits.every(({ what }) => NOT_OURS.includes(what))) drainedAt ??= at;
    if (waits.length === 0) {
      const before = JSON.stringify(await tableDigests(postgres));
      await sleep(apartMs);
      const after = JSON.stringify(await tableDigests(postgres));
      if (before === after && (await whatWaits(postgres, redis)).length === 0) {
        return { drainedAt, restedAt: at };
      }
    }
    onWait?.(waits.map(({ what, n }) => `${n} ${what}`).join(', '));
    await sleep(POLL_MS);
  }
  return { drainedAt, restedAt: null };
}

const OPEN = `select 'open reviews' as what, count(*) as n from audit.review where resolved_at is null`;

export interface Waiting {
  readonly what: string;
  readonly n: number;
}

/** What is not done yet. */
export async function whatWaits(postgres: pg.Client, redis: Redis): Promise<readonly Waiting[]> {
  const waits: Waiting[] = [];
  for (const queue of queues) {
    for (const [state, ids] of await jobIds(redis, queue, 1_000)) {
      waits.push({ what: `jobs ${state} on ${queue}`, n: ids.length });
    }
  }
  const counted = Object.entries(gaps).map(
    ([gap, sql]) => `select '${gap}' as what, count(*) as n from (${sql}) as ${gap.toLowerCase()}`,
  );
  const { rows } = await postgres.query<{ what: string; n: string }>(
    [OPEN, ...counted].join(' union all '),
  );
  return [
    ...waits,
    ...rows.map(({ what, n }) => ({ what, n: Number(n) })).filter(({ n }) => n > 0),
  ];
}
