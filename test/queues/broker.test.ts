import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLog } from '../../src/domain/log.ts';
import { type Broker, connectRedis, isIdle, type TakenJob } from '../../src/queues/broker.ts';
import { UnfitQueueStore } from '../../src/queues/unfit.ts';
import { queueStores } from '../support/queue-stores.ts';
import { startRedis } from '../support/redis.ts';

const ids = (count: number) => Array.from({ length: count }, () => randomUUID());
const messagesOf = (eventIds: readonly string[]) => eventIds.map((eventId) => ({ eventId }));

/** Takes jobs and lets the test wait for the `n`th. */
function inbox(answer: (job: TakenJob) => Promise<void> = () => Promise.resolve()) {
  const jobs: TakenJob[] = [];
  const waiting: { count: number; resolve: () => void }[] = [];
  return {
    jobs,
    eventIds: () =>
      jobs.flatMap(({ content }) =>
        (content as { messages: { eventId: string }[] }).messages.map(({ eventId }) => eventId),
      ),
    take: async (job: TakenJob) => {
      jobs.push(job);
      for (const { count, resolve } of waiting) if (jobs.length >= count) resolve();
      await answer(job);
    },
    arrived: (count: number) =>
      new Promise<void>((resolve) => {
        if (jobs.length >= count) resolve();
        else waiting.push({ count, resolve });
      }),
  };
}

describe.each(queueStores)('on $name', (store) => {
  let broker: Broker;
  beforeEach(async () => {
    broker = await store.connect();
  });
  afterEach(() => broker.close());

  it('hands every message to a worker, in jobs of at most 256', async () => {
    const sent = ids(600);
    await broker.sender('risk')(messagesOf(sent));
    const { take, arrived, jobs, eventIds } = inbox();
    const consumer = await broker.consume('risk', take);
    await arrived(3);
    await consumer.stop();
    const sizes = jobs.map(({ content }) => (content as { messages: unknown[] }).messages.length);
    expect(sizes.toSorted((a, b) => a - b)).toEqual([88, 256, 256]);
    expect(eventIds().sort()).toEqual([...sent].sort());
    expect(await isIdle(broker)).toBe(true);
  });

  it('gives a rejected job back and says how often it was taken', async () => {
    const { take, arrived, jobs } = inbox(async ({ claims }) => {
      await Promise.resolve();
      if (claims < 3) throw new Error('not yet');
    });
    const consumer = await broker.consume('risk', take);
    await broker.sender('risk')(messagesOf(ids(1)));
    await arrived(3);
    await consumer.stop();
    expect(jobs.map(({ claims }) => claims)).toEqual([1, 2, 3]);
    expect(new Set(jobs.map(({ id }) => id)).size).toBe(1);
    expect(await isIdle(broker)).toBe(true);
  });

  it('ignores a second send under the same job id while the first is there', async () => {
    const send = broker.sender('risk');
    await send(messagesOf(ids(1)), 'r-same');
    await send(messagesOf(ids(1)), 'r-same');
    expect(await broker.counts('risk')).toMatchObject({ waiting: 1 });
    const { take, arrived } = inbox();
    const consumer = await broker.consume('risk', take);
    await arrived(1);
    await consumer.stop();
    // The job has left, so its id is free again.
    await send(messagesOf(ids(1)), 'r-same');
    expect(await broker.counts('risk')).toMatchObject({ waiting: 1 });
  });

  it('finishes the jobs under way before it has stopped', async () => {
    let finish: (() => void) | undefined;
    const { take, arrived } = inbox(() => new Promise((resolve) => (finish = resolve)));
    const consumer = await broker.consume('risk', take);
    await broker.sender('risk')(messagesOf(ids(1)));
    await arrived(1);
    let stopped = false;
    const stopping = consumer.stop().then(() => (stopped = true));
    expect(stopped).toBe(false);
    finish?.();
    await stopping;
    expect(await isIdle(broker)).toBe(true);
  });

  it('says how much a queue holds, and how long the oldest job has waited', async () => {
    expect(await broker.backlog('risk')).toEqual({ jobs: 0, oldestWaitingMs: null });
    const sentAtMs = Date.now();
    await broker.sender('risk')(messagesOf(ids(1)));
    await expect.poll(() => Date.now() - sentAtMs).toBeGreaterThan(100);
    await broker.sender('risk')(messagesOf(ids(1)));
    const { jobs, oldestWaitingMs } = await broker.backlog('risk');
    expect(jobs).toBe(2);
    // Of the first one: the second has waited for some milliseconds only.
    expect(oldestWaitingMs).toBeGreaterThanOrEqual(100);
  });

  it('publishes to a queue that is not ours, once for each id', async () => {
    await broker.publish('tickets', 'execution-1', { command: { open: true } });
    await broker.publish('tickets', 'execution-1', { command: { open: true } });
    expect(await broker.counts('tickets' as 'risk')).toMatchObject({ waiting: 1 });
  });
});

describe('an unfit Redis is refused at start', () => {
  it.each([
    [
      'eviction',
      ['--appendonly', 'yes', '--maxmemory-policy', 'allkeys-lru'],
      /maxmemory-policy noeviction/,
    ],
    [
      'no append-only file',
      ['--appendonly', 'no', '--maxmemory-policy', 'noeviction'],
      /appendonly yes/,
    ],
  ])('%s', async (_, settings, remedy) => {
    const redis = await startRedis(settings);
    try {
      const connecting = connectRedis(redis.url, silentLog);
      await expect(connecting).rejects.toBeInstanceOf(UnfitQueueStore);
      await expect(connecting).rejects.toThrow(remedy);
    } finally {
      await redis.stop();
    }
  });
});
