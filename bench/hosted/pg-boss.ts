/**
 * Six pg-boss queues, with workers that fetch batches and complete each with one statement, as its documentation has it
 * for many jobs. Two ways to hand on: `send` for each event, which is how its documentation sends, and the bulk `insert`
 * for the whole batch, where nothing is left of one event a job but its rows. Either way the next worker is told, so that
 * it need not poll.
 */
import PgBoss from 'pg-boss';
import { type EventLoad, messageOf } from '../load/events.ts';
import { countdown } from './countdown.ts';
import type { HostedChain } from './hosted.ts';

export interface PgBossOptions {
  readonly postgres: string;
  readonly load: EventLoad;
  readonly handOn: 'send' | 'insert';
}

const HOPS = 6;
const BATCH_JOBS = 100;
/** The shortest that it allows. */
const POLLING_S = 0.5;
const CONNECTIONS_MAX = 10;

const nameOf = (hop: number) => `hop-${hop}`;

export async function open({ postgres, load, handOn }: PgBossOptions): Promise<HostedChain> {
  const boss = new PgBoss({ connectionString: postgres, max: CONNECTIONS_MAX });
  boss.on('error', (error) => console.error(error));
  await boss.start();
  for (let hop = 0; hop < HOPS; hop += 1) await boss.createQueue(nameOf(hop));
  const arrived = countdown();
  const workers = new Map<number, string>();

  async function passOn(hop: number, events: readonly object[]): Promise<void> {
    if (hop === HOPS - 1) {
      for (const _ of events) arrived.count();
      return;
    }
    const name = nameOf(hop + 1);
    if (handOn === 'insert') await boss.insert(events.map((data) => ({ name, data })));
    else await Promise.all(events.map((data) => boss.send(name, data)));
    const next = workers.get(hop + 1);
    if (next !== undefined) boss.notifyWorker(next);
  }

  return {
    async submit(first, count) {
      arrived.expect(count);
      const seconds = Math.floor(Date.now() / 1_000);
      for (let start = first; start < first + count; start += BATCH_JOBS) {
        const size = Math.min(BATCH_JOBS, first + count - start);
        await boss.insert(
          Array.from({ length: size }, (_, offset) => ({
            name: nameOf(0),
            data: messageOf(start + offset, load, seconds),
          })),
        );
      }
    },
    async finish() {
      for (let hop = HOPS - 1; hop >= 0; hop -= 1) {
        const options = { batchSize: BATCH_JOBS, pollingIntervalSeconds: POLLING_S };
        workers.set(
          hop,
          await boss.work<object>(nameOf(hop), options, async (jobs) => {
            await passOn(
              hop,
              jobs.map(({ data }) => data),
            );
            const own = workers.get(hop);
            // A full batch: there may be more, and the next poll is half a second away.
            if (jobs.length === BATCH_JOBS && own !== undefined) boss.notifyWorker(own);
          }),
        );
      }
      await arrived.zero();
      for (let hop = 0; hop < HOPS; hop += 1) await boss.offWork(nameOf(hop));
      workers.clear();
    },
    close: () => boss.stop({ graceful: false, wait: true }),
  };
}
