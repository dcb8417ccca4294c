import { afterAll, beforeAll, expect, it } from 'vitest';
import { stateCompleteness } from '../../src/domain/completeness.ts';
import { sha256 } from '../../src/domain/digest.ts';
import { dayOf } from '../../src/stores/completeness.ts';
import { openRecordedEvents, type RecordedEvents } from '../support/recorded-events.ts';

/** On which the events of the support are received. */
const DAY = '2026-01-02';
let recorded: RecordedEvents;
beforeAll(async () => {
  recorded = await openRecordedEvents();
  await recorded.record({ bad: false });
  await recorded.record({ bad: true }, ['approve', 'approve']);
  await recorded.record({ bad: true }, ['reject']);
  await recorded.record({ bad: true });
});
afterAll(() => recorded.close());

async function statement(source = 'acme', day = DAY) {
  const record = await recorded.audit.transact((tx) => dayOf(tx, source, day));
  return record && stateCompleteness(record);
}

it('says what is missing, with its id, until every fact has its entry', async () => {
  const before = (await statement())!;
  expect(before.complete).toBe(false);
  expect(before.missing.some(({ lacks }) => lacks === 'entry')).toBe(true);
  await recorded.seal();
  expect(await statement()).toMatchObject({ complete: true, missing: [] });
});

it('counts each event and advisory once, where it ended', async () => {
  await recorded.seal();
  expect((await statement())!.counts).toEqual({
    received: 4,
    assessed: 4,
    evaluated: 4,
    cleared: 1,
    advised: 3,
    advisories: 3,
    decided: 2,
    open: 1,
    rejected: 1,
    executed: 1,
    refused: 0,
    failed: 0,
    facts: 4 + 4 + 1 + 3 + 2 + 1,
    ledgered: 4 + 4 + 1 + 3 + 2 + 1,
  });
});

it('gives what the source can recompute from its own list', async () => {
  await recorded.seal();
  const found = (await statement())!;
  const ids = ['1', '2', '3', '4'].map((id) => sha256(id)).toSorted();
  expect(found.ids).toBe(sha256(ids.map((id) => `${id}\n`).join('')));
  expect(found.entryCount).toBe(4);
  expect(found.size).toBeGreaterThanOrEqual(found.entryCount);
});

it('knows no other source, and nothing of other days', async () => {
  expect(await statement('nobody')).toBeUndefined();
  expect(await statement('acme', '2026-01-03')).toMatchObject({
    complete: true,
    entryCount: 0,
    counts: { received: 0 },
  });
});

it('lists what was given up, and what was sent again', async () => {
  const { client } = recorded;
  await client.query(
    `select event.keep_dead_letters(array[$1]::uuid[], array['ingest'], array[null], array['acme'], array['e9'], array[null]::uuid[],
       array['bad_json'], array['not JSON'], array[null], array[1], array['x'::bytea], array[1], array[$2])`,
    ['00000000-0000-8000-8000-000000000009', 'a'.repeat(64)],
  );
  await client.query(
    'insert into event.redrive (dead_letter_id, redriven_at) select dead_letter_id, now() from event.dead_letter',
  );
  const today = new Date().toISOString().slice(0, 10);
  expect(await statement('acme', today)).toMatchObject({
    deadLetters: [{ queue: 'ingest', reason: 'bad_json' }],
    repairs: [{ by: null }],
  });
});
