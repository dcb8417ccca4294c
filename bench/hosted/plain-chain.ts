/**
 * What a careful team would write first: the same queues, tables, digests and ledger entries as ours, one event a job
 * and one transaction for each event and hop. It checks signatures, evaluates the same model and policies, is idempotent by
 * the same keys, and appends through the same ledger.append. It differs from ours in what it does not do: it never
 * gathers. What no event needs again (model, policies) it reads once.
 */
import { Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { type EventLoad, messageOf } from '../load/events.ts';
import { openSettlement } from '../measure/settlement.ts';
import type { HostedChain } from './hosted.ts';
import { openPlainHops, type PlainQueue } from './plain-hops.ts';

export interface PlainChainOptions {
  readonly redis: string;
  readonly postgres: string;
  readonly load: EventLoad;
  readonly concurrency: number;
}

const SENDS_AT_ONCE = 64;
/** Of all that a job may meet, a lock that is held too long goes away by itself. */
const JOB_OPTIONS = {
  removeOnComplete: true,
  removeOnFail: true,
  attempts: 1_000,
  backoff: { type: 'fixed', delay: 100 },
};
/** Appending holds a lock until COMMIT: more would only wait for it, with a connection each. */
const LEDGER_CONCURRENCY = 4;

export async function open(options: PlainChainOptions): Promise<HostedChain> {
  const { redis, postgres, load, concurrency } = options;
  const connection = new Redis(redis, { maxRetriesPerRequest: null });
  const { hops, close } = await openPlainHops(postgres, concurrency);
  const queues = new Map(
    (Object.keys(hops) as PlainQueue[]).map((name) => [
      name,
      new Queue(name, { connection, defaultJobOptions: JOB_OPTIONS }),
    ]),
  );
  const workers = [...queues.keys()].map(
    (name) =>
      new Worker(
        name,
        async (job) => {
          const following = await hops[name](job.data as never);
          await Promise.all(
            following.map(({ queue, message }) => queues.get(queue)!.add('event', message)),
          );
          return null;
        },
        {
          connection,
          concurrency: name === 'ledger' ? LEDGER_CONCURRENCY : concurrency,
          autorun: false,
        },
      ),
  );
  for (const worker of workers) {
    worker.on('error', (error) => console.error(error));
    await worker.waitUntilReady();
    worker.pause().catch((error: unknown) => console.error(error));
    worker.run().catch((error: unknown) => console.error(error));
  }
  const settlement = await openSettlement(postgres, load);
  let submitted = 0;
  return {
    async submit(first, count) {
      const seconds = Math.floor(Date.now() / 1_000);
      for (let start = first; start < first + count; start += SENDS_AT_ONCE) {
        const size = Math.min(SENDS_AT_ONCE, first + count - start);
        const sends = Array.from({ length: size }, (_, offset) =>
          queues.get('ingest')!.add('event', messageOf(start + offset, load, seconds)),
        );
        await Promise.all(sends);
      }
      submitted += count;
    },
    async finish() {
      await Promise.all(workers.map((worker) => worker.resume()));
      await settlement.reached(submitted);
      await Promise.all(workers.map((worker) => worker.pause()));
    },
    async close() {
      await Promise.all(workers.map((worker) => worker.close()));
      await Promise.all([...queues.values()].map((queue) => queue.close()));
      await settlement.close();
      await close();
      connection.disconnect();
    },
  };
}
