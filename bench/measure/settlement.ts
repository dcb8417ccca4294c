/**
 * When the last visible effect of some events is stored: every one of them is in the ledger three times (the event, its
 * assessment, and its evaluation or advisory), and each one that a policy matched has an open review.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { type EventLoad, matchesAmong } from '../load/events.ts';

export interface Settlement {
  /** Resolves once all effects of events 0 to `events - 1` are there. @throws Error when nothing moves any more. */
  reached(events: number): Promise<void>;
  close(): Promise<void>;
}

const ENTRIES_PER_EVENT = 3;
/** One row from the end of an index: looking does not disturb what is looked at. */
const LOOK_MS = 10;
const STANDSTILL_MS_MAX = 60_000;

export async function openSettlement(url: string, load: EventLoad): Promise<Settlement> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const entries = () =>
    numberIn(
      client,
      'select seq + 1 as n from ledger.ledger_entry where stream = 0 order by seq desc limit 1',
    );
  const reviews = () => numberIn(client, 'select count(*) as n from decision.review');
  const entriesBefore = await entries();
  const reviewsBefore = await reviews();
  return {
    async reached(events) {
      await atLeast('ledger entries', entries, entriesBefore + events * ENTRIES_PER_EVENT, client);
      await atLeast('reviews', reviews, reviewsBefore + matchesAmong(events, load), client);
    },
    close: () => client.end(),
  };
}

async function atLeast(
  what: string,
  count: () => Promise<number>,
  wanted: number,
  client: pg.Client,
): Promise<void> {
  let last = -1;
  let movedMs = performance.now();
  for (let now = await count(); now < wanted; now = await count()) {
    if (now > last) movedMs = performance.now();
    last = now;
    if (performance.now() - movedMs > STANDSTILL_MS_MAX) {
      const letters = await client.query<{ reason: string; n: string }>(
        'select reason, count(*) as n from event.dead_letter group by reason',
      );
      throw new Error(
        `standstill at ${now} of ${wanted} ${what}; dead letters: ${JSON.stringify(letters.rows)}`,
      );
    }
    await sleep(LOOK_MS);
  }
}

async function numberIn(client: pg.Client, text: string): Promise<number> {
  const { rows } = await client.query<{ n: string }>(text);
  return Number(rows[0]?.n ?? 0);
}
