import { expect, it } from 'vitest';
import { silentLog } from '../../src/domain/log.ts';
import { queueTarget } from '../../src/targets/queue.ts';
import type { DeliveryRequest } from '../../src/targets/target.ts';

const request: DeliveryRequest = {
  executionId: 'e0000000-0000-8000-8000-000000000000' as DeliveryRequest['executionId'],
  body: '{"b":1,"a":2}',
  attemptNo: 1,
  attemptedAtMs: 0,
};
const open = (publish: (queue: string, jobId: string, content: object) => Promise<void>) =>
  queueTarget.open(
    'tickets',
    { queue: 'target-tickets', idempotent: false },
    { readSecret: () => Promise.reject(new Error('no secret')), publish, log: silentLog },
  );

it('puts one job under the execution id that carries the exact text', async () => {
  const published: unknown[] = [];
  const target = await open(async (...job) => void published.push(job));
  await target.deliver(request, new AbortController().signal);
  const { executionId, body } = request;
  expect(published).toEqual([['target-tickets', executionId, { executionId, body }]]);
});

it('does not know what became of a job that the queue store did not confirm', async () => {
  const target = await open(() => Promise.reject(new Error('Connection is closed\n')));
  expect(await target.deliver(request, new AbortController().signal)).toEqual({
    kind: 'retry',
    detail: 'Connection is closed',
    bytesLeft: true,
    answer: {},
  });
});
