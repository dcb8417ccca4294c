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

const POLL_MS = 1_000;

/** When the first of the two equal looks was; null when it did not come to rest in time. */
export async function untilRest(options: RestOptions): Promise<number | null> {
  const { postgres, redis, msMax, apartMs, onWait } = options;
  const untilMs = performance.now() + msMax;
  while (performance.now() < untilMs) {
    const at = Date.now();
    const waits = await whatWaits(postgres, redis);
    if (waits === undefined) {
      const before = JSON.stringify(await tableDigests(postgres));
      await sleep(apartMs);
      const after = JSON.stringify(await tableDigests(postgres));
      if (before === after && (await whatWaits(postgres, redis)) === undefined) return at;
    } else {
      onWait?.(waits);
    }
    await sleep(POLL_MS);
  }
  return null;
}

const OPEN = `select 'open reviews' as what, count(*) as n from audit.review where resolved_at is null`;

/** The first thing that is not done yet; undefined when everything is. */
export async function whatWaits(postgres: pg.Client, redis: Redis): Promise<string | undefined> {
  for (const queue of queues) {
    const [state] = await jobIds(redis, queue, 1);
    if (state !== undefined) return `${queue}: jobs ${state[0]}`;
  }
  const counted = Object.entries(gaps).map(
    ([gap, sql]) => `select '${gap}' as what, count(*) as n from (${sql}) as ${gap.toLowerCase()}`,
  );
  const { rows } = await postgres.query<{ what: string; n: string }>(
    [OPEN, ...counted].join(' union all '),
  );
  const open = rows.find(({ n }) => n !== '0');
  return open && `${open.n} ${open.what}`;
}
