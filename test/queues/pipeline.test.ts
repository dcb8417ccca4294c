import { expect, it } from 'vitest';
import { forward, type Outcome } from '../../src/actors/actor.ts';
import { type Next, pipeline, queueNames } from '../../src/queues/pipeline.ts';

const id = '00000000-0000-4000-8000-000000000000';

it('lets a stage send only to its successors', () => {
  const risk: Outcome<'risk'> = forward({ queue: 'advisory', message: { assessmentId: id } });
  const ledger: Outcome<'ledger'> = forward({ queue: 'execution', message: { decisionId: id } });
  expect([risk.kind, ledger.kind]).toEqual(['forward', 'forward']);

  // Each of these must not compile; tsc fails here once one of them does.
  // @ts-expect-error a decision reaches execution only through the ledger
  const shortcut: Outcome<'awaiting-decision'> = forward({
    queue: 'execution',
    message: { decisionId: id },
  });
  // @ts-expect-error an event is assessed before it is evaluated
  const skipped: Outcome<'ingest'> = forward({ queue: 'advisory', message: { assessmentId: id } });
  // @ts-expect-error nothing goes backwards
  const backwards: Outcome<'advisory'> = forward({ queue: 'risk', message: { eventId: id } });
  // @ts-expect-error the message must have the shape of its queue
  const misshapen: Outcome<'risk'> = forward({ queue: 'advisory', message: { eventId: id } });
  expect([shortcut, skipped, backwards, misshapen]).toHaveLength(4);
});

it('reaches execution from the ledger alone', () => {
  const before = queueNames.filter((queue) =>
    (pipeline[queue].next as readonly string[]).includes('execution'),
  );
  expect(before).toEqual(['ledger']);
});

it('brings every stage to the ledger, so that the chain has no blind spot', () => {
  const withoutLedger = queueNames.filter(
    (queue) =>
      queue !== 'ledger' && !(pipeline[queue].next as readonly string[]).includes('ledger'),
  );
  expect(withoutLedger).toEqual([]);
  const next: Next<'execution'> = 'ledger';
  expect(pipeline.execution.next).toContain(next);
});
