import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createResender, type HopReport, type Resender } from '../../src/actors/resend.ts';
import type { FactType } from '../../src/domain/fact.ts';
import { type FoundGaps, type Gap, type GapsByHop, type Hop, hops } from '../../src/domain/gap.ts';
import { silentLog } from '../../src/domain/log.ts';
import { timestampOfMs } from '../../src/domain/time.ts';
import { type Broker, connectRedis } from '../../src/queues/broker.ts';
import { type QueueName, queueNames } from '../../src/queues/pipeline.ts';
import { queueStores } from '../support/queue-stores.ts';
import { startRedis } from '../support/redis.ts';

const gap = (id: string, ageMs = 60_000, type: FactType | null = null): Gap => ({
  id,
  type,
  since: timestampOfMs(0),
  ageMs,
});
const newIds = (count: number) => Array.from({ length: count }, () => randomUUID());
const found = (byHop: Partial<Record<Hop, readonly Gap[]>>): GapsByHop =>
  new Map(
    hops.map((hop): [Hop, FoundGaps] => {
      const listed = byHop[hop] ?? [];
      return [hop, { listed, open: listed.length }];
    }),
  );

const pass = async (resender: Resender, gaps: GapsByHop): Promise<readonly HopReport[]> =>
  resender.send(await resender.plan(gaps));
const reportOf = (reports: readonly HopReport[], hop: Hop) =>
  reports.find((report) => report.hop === hop);

describe.each(queueStores)('gaps sent again on $name', (store) => {
  let broker: Broker;
  let nowMs: number;
  let resender: Resender;
  beforeEach(async () => {
    broker = await store.connect();
    nowMs = 0;
    resender = createResender({ broker, log: silentLog, monotonicMs: () => nowMs });
  });
  afterEach(() => broker.close());

  const waiting = async (queue: QueueName) => (await broker.counts(queue))['waiting'];

  /** Takes what the queues hold. */
  async function taken(): Promise<Partial<Record<QueueName, unknown[]>>> {
    const messages: Partial<Record<QueueName, unknown[]>> = {};
    for (const queue of queueNames) {
      if ((await broker.backlog(queue)).jobs === 0) continue;
      const all: unknown[] = [];
      const consumer = await broker.consume(queue, async ({ content }) => {
        all.push(...(content as { messages: unknown[] }).messages);
        await Promise.resolve();
      });
      await expect.poll(async () => (await broker.backlog(queue)).jobs).toBe(0);
      await consumer.stop();
      messages[queue] = all;
    }
    return messages;
  }

  it('go to the queue of their hop, as the message that its actor reads', async () => {
    const [a, b, c, d, e, f] = newIds(6) as [string, string, string, string, string, string];
    await pass(
      resender,
      found({
        assessment: [gap(a)],
        evaluation: [gap(b)],
        review: [gap(c)],
        'decision-entry': [gap(d, 60_000, 'DECISION')],
        execution: [gap(e)],
        entry: [gap(f, 60_000, 'EVENT')],
      }),
    );
    const messages = await taken();
    expect(messages).toEqual({
      risk: [{ eventId: a }],
      advisory: [{ assessmentId: b }],
      'awaiting-decision': [{ type: 'EVALUATION', id: c }],
      ledger: expect.arrayContaining([
        { type: 'DECISION', id: d },
        { type: 'EVENT', id: f },
      ]) as unknown,
      execution: [{ decisionId: e }],
    });
  });

  it('make the same job whatever order they are found in, so the queue holds it once', async () => {
    const ids = newIds(3);
    await pass(resender, found({ assessment: ids.map((id) => gap(id)) }));
    const another = createResender({ broker, log: silentLog });
    const reversed = ids.toReversed().map((id) => gap(id));
    expect(reportOf(await pass(another, found({ assessment: reversed })), 'assessment')).toEqual({
      hop: 'assessment',
      state: 'served',
      open: 3,
      sent: 3,
      isNextSoon: false,
    });
    expect(await waiting('risk')).toBe(1);
  });

  it('make jobs of at most 256, and are sent again when their time has come, not before', async () => {
    const gaps = found({ assessment: newIds(600).map((id) => gap(id)) });
    expect(reportOf(await pass(resender, gaps), 'assessment')?.sent).toBe(600);
    expect(await waiting('risk')).toBe(3);
    await taken();
    expect(reportOf(await pass(resender, gaps), 'assessment')?.sent).toBe(0);
    nowMs = 60_000;
    expect(reportOf(await pass(resender, gaps), 'assessment')?.sent).toBe(600);
  });

  it('wait for the shorter grace period where the queue is empty, else for the longer one', async () => {
    const gaps = found({ assessment: [gap(randomUUID(), 10_000), gap(randomUUID(), 9_999)] });
    await broker.sender('advisory')([{ assessmentId: randomUUID() }]);
    const reports = await pass(
      resender,
      new Map([...gaps, ['evaluation', gaps.get('assessment')!]]),
    );
    expect(reportOf(reports, 'assessment')).toMatchObject({ sent: 1, isNextSoon: true });
    expect(reportOf(reports, 'evaluation')).toMatchObject({ sent: 0, isNextSoon: false });
  });

  it('are left alone while their queue has a backlog: what waits is not lost', async () => {
    const impatient = createResender({ broker, log: silentLog, graceMs: 5, graceEmptyMs: 5 });
    await broker.sender('risk')([{ eventId: randomUUID() }]);
    await expect
      .poll(async () => (await broker.backlog('risk')).oldestWaitingMs)
      .toBeGreaterThan(5);
    const gaps = found({ assessment: [gap(randomUUID())], evaluation: [gap(randomUUID())] });
    const reports = await pass(impatient, gaps);
    expect(reportOf(reports, 'assessment')).toMatchObject({ state: 'busy', sent: 0, open: 1 });
    expect(reportOf(reports, 'evaluation')).toMatchObject({ state: 'served', sent: 1 });
  });
});

describe('a queue store that does not answer', () => {
  it('costs nothing but time', async () => {
    const redis = await startRedis();
    const broker = await connectRedis(redis.url, silentLog);
    const resender = createResender({ broker, log: silentLog });
    const gaps = found({ assessment: [gap(randomUUID())] });
    try {
      const planned = await resender.plan(gaps);
      await redis.stop();
      const reports = await resender.send(planned);
      expect(reportOf(reports, 'assessment')).toMatchObject({ state: 'unreachable', sent: 0 });
      const again = await resender.plan(gaps);
      expect(again.every(({ state, due }) => state === 'unreachable' && due.length === 0)).toBe(
        true,
      );
    } finally {
      await broker.close();
    }
  });
});
