/** What every target must do, whatever its kind. A new kind is one more row of `subjects`. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ExecutionId } from '../../src/domain/ids.ts';
import { type Log, silentLog } from '../../src/domain/log.ts';
import type { Broker } from '../../src/queues/broker.ts';
import type { QueueName } from '../../src/queues/pipeline.ts';
import { logTarget } from '../../src/targets/log.ts';
import { queueTarget } from '../../src/targets/queue.ts';
import type { DeliveryRequest, Target } from '../../src/targets/target.ts';
import { webhookTarget } from '../../src/targets/webhook.ts';
import { queueStores } from '../support/queue-stores.ts';
import { hang, openReceiver } from '../support/receiver.ts';

interface Subject {
  readonly target: Target;
  /** A target of the kind whose other side is called and never answers; none for a kind that waits for nobody. */
  readonly hanging?: { readonly target: Target; readonly called: () => Promise<void> };
  /** The execution ids that have arrived, each as often as it did. */
  arrived(): Promise<readonly string[]>;
  close(): Promise<void>;
}

const tools = {
  readSecret: async () => `whsec_${Buffer.alloc(32, 1).toString('base64')}`,
  publish: () => Promise.reject(new Error('not a queue')),
  log: silentLog,
};

async function openWebhook(): Promise<Subject> {
  const receiver = await openReceiver();
  const mute = await openReceiver();
  mute.script(hang);
  const open = (url: string) =>
    webhookTarget.open('t', { url, idempotent: true, keys: ['env:KEY'], loopback: true }, tools);
  return {
    target: await open(receiver.url),
    hanging: { target: await open(mute.url), called: () => mute.hasReceived(1) },
    arrived: async () => receiver.received.map(({ headers }) => String(headers['webhook-id'])),
    close: async () => {
      await Promise.all([receiver.close(), mute.close()]);
    },
  };
}

const openQueue = (connect: () => Promise<Broker>) => async (): Promise<Subject> => {
  const broker = await connect();
  const settings = { queue: 'target-conformance', idempotent: true };
  const { promise: called, resolve: call } = Promise.withResolvers<void>();
  const publishForEver = () => {
    call();
    return new Promise<never>(() => undefined);
  };
  return {
    target: await queueTarget.open('t', settings, {
      ...tools,
      publish: (...job) => broker.publish(...job),
    }),
    hanging: {
      target: await queueTarget.open('t', settings, { ...tools, publish: publishForEver }),
      called: () => called,
    },
    async arrived() {
      const ids: string[] = [];
      const { waiting } = await broker.counts(settings.queue as QueueName);
      const { promise: taken, resolve } = Promise.withResolvers<void>();
      const consumer = await broker.consume(
        settings.queue as QueueName,
        async ({ id, content }) => {
          expect(content).toEqual({ executionId: id, body: requestOf(id).body });
          if (ids.push(id) === waiting) resolve();
        },
      );
      await taken;
      await consumer.stop();
      return ids;
    },
    close: () => broker.close(),
  };
};

async function openLog(): Promise<Subject> {
  const lines: string[] = [];
  const log: Log = {
    ...silentLog,
    info: (fields) => lines.push((fields as { executionId: string }).executionId),
  };
  return {
    target: await logTarget.open('t', {}, { ...tools, log }),
    arrived: async () => lines,
    close: async () => undefined,
  };
}

const subjects: readonly (readonly [string, () => Promise<Subject>])[] = [
  ['webhook', openWebhook],
  ...queueStores.map(
    (store) => [`queue on ${store.name}`, openQueue(() => store.connect())] as const,
  ),
  ['log', openLog],
];

function requestOf(executionId: string, attemptNo = 1): DeliveryRequest {
  const data = {
    execution_id: executionId,
    decision_id: 'd',
    event_id: 'e',
    action: 'restore',
    command: {},
  };
  return {
    executionId: executionId as ExecutionId,
    body: JSON.stringify({ type: 'sentinelops.execution.requested.v1', data }),
    attemptNo,
    attemptedAtMs: Date.now(),
  };
}
const FIRST = 'e0000000-0000-8000-8000-000000000001';
const SECOND = 'e0000000-0000-8000-8000-000000000002';
const NEVER = new AbortController().signal;

describe.each(subjects)('the target kind %s', (_, open) => {
  let subject: Subject;
  beforeAll(async () => {
    subject = await open();
  });
  afterAll(() => subject.close());

  it('says what it is', () => {
    expect(subject.target.name).toBe('t');
    expect(subject.target.idempotent).toBe(true);
  });

  it('acknowledges what has arrived, once for each execution or again for the same one', async () => {
    for (const request of [requestOf(FIRST), requestOf(SECOND), requestOf(FIRST, 2)]) {
      expect(await subject.target.deliver(request, NEVER)).toMatchObject({ kind: 'acknowledged' });
    }
    expect(new Set(await subject.arrived())).toEqual(new Set([FIRST, SECOND]));
  });

  it('settles as a retry of unknown outcome when the time of the call is up', async () => {
    if (subject.hanging === undefined) return;
    const timeUp = new AbortController();
    const delivery = subject.hanging.target.deliver(requestOf(FIRST), timeUp.signal);
    await subject.hanging.called();
    timeUp.abort();
    expect(await delivery).toMatchObject({ kind: 'retry', bytesLeft: true });
  });

  it('settles when the time was up before the call', async () => {
    if (subject.hanging === undefined) return;
    const delivery = await subject.hanging.target.deliver(requestOf(FIRST), AbortSignal.abort());
    expect(delivery.kind).toBe('retry');
  });

  it('never rejects, whatever the text of the request', async () => {
    const body = JSON.stringify({ data: { command: { text: '\u2028"\\ zurück 🙂' } } });
    const request = { ...requestOf('e0000000-0000-8000-8000-000000000003'), body };
    await expect(subject.target.deliver(request, NEVER)).resolves.toBeDefined();
  });
});
