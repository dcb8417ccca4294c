import { describe, expect, it } from 'vitest';
import { isMessageOf } from '../../src/queues/messages.ts';
import { queueNames } from '../../src/queues/pipeline.ts';

const id = '00000000-0000-8000-8000-000000000001';

const wellFormed = {
  ingest: {
    body: '{}',
    kind: 'github',
    source: 'github-acme',
    headers: { 'x-github-event': 'push' },
  },
  risk: { eventId: id },
  advisory: { assessmentId: id },
  'awaiting-decision': { type: 'EVALUATION', id },
  execution: { decisionId: id },
  ledger: { type: 'EVENT', id },
} as const;

describe.each(queueNames)('%s', (queue) => {
  it('takes a message of its own shape', () => {
    expect(isMessageOf(queue, wellFormed[queue])).toBe(true);
  });

  it('refuses anything else', () => {
    for (const other of [null, undefined, 7, 'text', [], {}, { v: 1 }, { id: 'x' }]) {
      expect(isMessageOf(queue, other), JSON.stringify(other)).toBe(false);
    }
  });

  it('refuses a message with one member more: ids only', () => {
    expect(isMessageOf(queue, { ...wellFormed[queue], amount: 12 })).toBe(false);
  });
});

it('refuses an id that is no lower-case uuid', () => {
  expect(isMessageOf('risk', { eventId: id.toUpperCase().replace('8000', 'ABCD') })).toBe(false);
  expect(isMessageOf('risk', { eventId: `${id}\n` })).toBe(false);
});

it('knows only the fact types of the ledger', () => {
  expect(isMessageOf('ledger', { type: 'PAYMENT', id })).toBe(false);
  expect(isMessageOf('awaiting-decision', { type: 'EXECUTION', id })).toBe(false);
});
