import { expect, it } from 'vitest';
import { unwrap } from '../../src/actors/unwrap.ts';

const id = '00000000-0000-8000-8000-000000000001';

it('opens our envelope', () => {
  expect(unwrap('risk', { v: 1, messages: [{ eventId: id }] })).toEqual([
    { message: { eventId: id } },
  ]);
});

it('refuses a job of another version whole', () => {
  const [only, ...rest] = unwrap('risk', { v: 2, messages: [{ eventId: id }] });
  expect(rest).toEqual([]);
  expect(only).toMatchObject({ reason: 'unknown_job_version' });
});

it('sorts out the one malformed message and keeps the others', () => {
  const unwrapped = unwrap('risk', {
    v: 1,
    messages: [{ eventId: id }, { eventId: 7 }, { eventId: id }],
  });
  expect(unwrapped.map((one) => ('message' in one ? 'message' : one.reason))).toEqual([
    'message',
    'malformed_message',
    'message',
  ]);
});

it('takes one bare event, or an array of them, on ingest alone', () => {
  const event = { specversion: '1.0', id: '1' };
  expect(unwrap('ingest', event)).toEqual([{ message: { body: JSON.stringify(event) } }]);
  expect(unwrap('ingest', [event, 7])).toEqual([
    { message: { body: JSON.stringify(event) } },
    { message: { body: '7' } },
  ]);
  expect(unwrap('risk', [event])).toMatchObject([{ reason: 'malformed_job' }]);
});

it('refuses jobs that hold nothing of the kind', () => {
  for (const content of [null, 7, 'text', { v: 1 }, { v: 1, messages: {} }]) {
    expect(unwrap('ledger', content)).toMatchObject([{ reason: 'malformed_job' }]);
  }
});
