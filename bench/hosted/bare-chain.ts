/**
 * Six BullMQ queues on Redis, one event a job. The workers pass the event on and do nothing else; nothing is stored.
 * What remains is what moving an event six times costs at least.
 */
import { Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { type EventLoad, messageOf } from '../load/events.ts';
import { countdown } from './countdown.ts';
import type { HostedChain } from './hosted.ts';

export interface BareChainOptions {
  readonly redis: string;
  readonly load: EventLoad;
  readonly concurrency: number;
}

const HOPS = 6;
const SENDS_AT_ONCE = 64;
/** As in our own queues: finished jobs leave at once, and the event stream stays short. */
const JOB_OPTIONS = { removeOnComplete: true, removeOnFail: true };
const STREAMS = { events: { maxLen: 1_000 } };

export async function open({ redis, load, concurrency }: BareChainOptions): Promise<HostedChain> {
  const connection = new Redis(redis, { maxRetriesPerRequest: null });
  const queues = Array.from(
    { length: HOPS },
    (_, hop) =>
      new Queue(`hop-${hop}`, { connection, defaultJobOptions: JOB_OPTIONS, streams: STREAMS }),
  );
  const arrived = countdown();
  const workers = queues.map((queue, hop) => {
    const next = queues[hop + 1];
    return new Worker(
      queue.name,
      async (job) => {
        if (next === undefined) arrived.count();
        else await next.add('event', job.data);
        return null;
      },
      { connection, concurrency, autorun: false },
    );
  });
  for (const worker of workers) {
    worker.on('error', (error) => console.error(error));
    await worker.waitUntilReady();
    worker.pause().catch((error: unknown) => console.error(error));
    worker.run().catch((error: unknown) => console.error(error));
  }
  return {
    async submit(first, count) {
      arrived.expect(count);
      const seconds = Math.floor(Date.now() / 1_000);
      for (let start = first; start < first + count; start += SENDS_AT_ONCE) {
        const indexes = Array.from(
          { length: Math.min(SENDS_AT_ONCE, first + count - start) },
          (_, offset) => start + offset,
        );
        await Promise.all(
          indexes.map((index) => queues[0]!.add('event', messageOf(index, load, seconds))),
        );
      }
    },
    async finish() {
      await Promise.all(workers.map((worker) => worker.resume()));
      await arrived.zero();
      await Promise.all(workers.map((worker) => worker.pause()));
    },
    async close() {
      await Promise.all(workers.map((worker) => worker.close()));
      await Promise.all(queues.map((queue) => queue.close()));
      connection.disconnect();
    },
  };
}
