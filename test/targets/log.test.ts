import { expect, it } from 'vitest';
import { type Log, silentLog } from '../../src/domain/log.ts';
import { logTarget } from '../../src/targets/log.ts';
import type { DeliveryRequest } from '../../src/targets/target.ts';

const request: DeliveryRequest = {
  executionId: 'e0000000-0000-8000-8000-000000000000' as DeliveryRequest['executionId'],
  body: JSON.stringify({
    data: { decision_id: 'd', event_id: 'e', action: 'restore', command: { user: 'a secret' } },
  }),
  attemptNo: 1,
  attemptedAtMs: 0,
};

async function linesOf(settings: { with_command?: boolean }): Promise<object[]> {
  const lines: object[] = [];
  const log: Log = { ...silentLog, info: (fields) => lines.push(fields) };
  const target = await logTarget.open('journal', settings, {
    readSecret: () => Promise.reject(new Error('no secret')),
    publish: () => Promise.reject(new Error('no queue')),
    log,
  });
  await target.deliver(request, new AbortController().signal);
  return lines;
}
const ids = {
  target: 'journal',
  executionId: request.executionId,
  decisionId: 'd',
  eventId: 'e',
  action: 'restore',
};

it('writes one line of ids, without anything that the event said', async () => {
  expect(await linesOf({})).toEqual([ids]);
});

it('writes the command too where the file asks for it', async () => {
  expect(await linesOf({ with_command: true })).toEqual([
    { ...ids, command: { user: 'a secret' } },
  ]);
});
