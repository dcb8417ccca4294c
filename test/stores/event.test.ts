import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type AcceptedEvent,
  acceptEvent,
  type Claim,
  eventRowDigest,
} from '../../src/domain/event.ts';
import { timestampOfMs } from '../../src/domain/time.ts';
import type { Database } from '../../src/stores/database.ts';
import { openEventStore } from '../../src/stores/event.ts';
import { cloneDatabase, type TestDatabase } from '../support/database.ts';
import { registerSources } from '../support/sources.ts';

const receivedAt = timestampOfMs(1_767_323_045_678);
const secret = 'an old secret of acme';
const newSecret = 'a new secret of acme';

function eventOf(id: string, change: Partial<Claim> = {}): AcceptedEvent {
  const claim: Claim = {
    source: 'acme/ci',
    id,
    type: 'com.acme.built',
    subject: 'release 1 "é"',
    time: '2026-01-02T03:04:05.123456Z',
    correlationId: 'c-7',
    data: { id, list: [1.5, null, 'back\\slash "quote" {brace}, NULL'] },
    ...change,
  };
  return acceptEvent(claim, receivedAt, 'v1,abc=');
}

describe('the event store', () => {
  let clone: TestDatabase;
  let database: Database;

  beforeAll(async () => {
    clone = await cloneDatabase();
    database = clone.open('event');
    await registerSources(database, [
      {
        name: 'acme/ci',
        kind: 'cloudevents',
        signatureRequired: true,
        queueAgeMaxS: 60,
        keys: [
          { algorithm: 'hmac-sha256', key: secret },
          { algorithm: 'hmac-sha256', key: newSecret },
        ],
      },
      { name: 'open', kind: 'cloudevents', signatureRequired: false },
    ]);
  });
  afterAll(async () => {
    await clone.close();
  });

  const keep = (...events: readonly AcceptedEvent[]) =>
    database.transact((tx) => openEventStore(tx).keepEvents(events));

  async function stored(eventId: string) {
    const { rows } = await database.transact((tx) =>
      sql<Record<string, unknown>>`
        select e.event_id as "eventId", e.source_system as "source", e.external_id as "externalId",
          e.event_type as "type", e.subject, e.occurred_at as "occurredAt", e.received_at as "receivedAt",
          e.correlation_id as "correlationId", e.integrity_signature as "integritySignature",
          e.payload_reference as "payloadReference", e.content_digest as "contentDigest", e.salt,
          e.row_digest as "rowDigest", p.payload_data as "data"
        from event.event e join event.event_payload p on p.event_id = e.event_id
        where e.event_id = ${eventId}::uuid`.execute(tx),
    );
    return rows;
  }

  it('knows the registered sources among some names, with their valid keys', async () => {
    const names = ['acme/ci', 'open', 'nobody', "'; drop schema event; --"];
    const sources = await database.transact((tx) => openEventStore(tx).sourcesByName(names));
    expect([...sources.keys()].sort()).toEqual(['acme/ci', 'open']);
    expect(sources.get('acme/ci')).toMatchObject({
      kind: 'cloudevents',
      signatureRequired: true,
      queueAgeMaxS: 60,
      retired: false,
    });
    const keys = sources.get('acme/ci')?.keys.map(({ material }) => material.toString());
    expect(keys?.sort()).toEqual([newSecret, secret]);
    expect(sources.get('open')).toMatchObject({ signatureRequired: false, keys: [] });
  });

  it('keeps every column of an event and its data as they were', async () => {
    const event = eventOf('e-columns');
    const { payload, ...row } = event;
    expect(await keep(event)).toEqual(
      new Map([[event.eventId, { contentDigest: event.contentDigest, isNew: true }]]),
    );
    expect(await stored(event.eventId)).toEqual([{ ...row, data: JSON.parse(payload) as unknown }]);
  });

  it('keeps a row whose digest can be computed again from what is stored', async () => {
    const event = eventOf('e-digest', { subject: null, correlationId: null, time: null });
    await keep(event);
    const [{ rowDigest, data: _, ...row } = {}] = await stored(event.eventId);
    expect(eventRowDigest(row as unknown as AcceptedEvent)).toBe(rowDigest);
  });

  it.each([[null], [false], [0], [''], [[]]])('keeps %j as data', async (data) => {
    const event = eventOf(`e-data-${JSON.stringify(data)}`, { data });
    await keep(event);
    expect(await stored(event.eventId)).toMatchObject([{ data }]);
  });

  it('keeps an event once, and says of a repeat that it stood already', async () => {
    const first = eventOf('e-repeat');
    const repeat = eventOf('e-repeat');
    expect(repeat.rowDigest).not.toBe(first.rowDigest);
    await keep(first);
    expect(await keep(repeat)).toEqual(
      new Map([[first.eventId, { contentDigest: first.contentDigest, isNew: false }]]),
    );
    expect(await stored(first.eventId)).toMatchObject([{ rowDigest: first.rowDigest }]);
  });

  it('keeps the first content of an id, within a batch and over batches', async () => {
    const first = eventOf('e-first');
    const second = eventOf('e-first', { data: 'other' });
    const standing = { contentDigest: first.contentDigest, isNew: true };
    expect(await keep(first, second)).toEqual(new Map([[first.eventId, standing]]));
    expect(await keep(second)).toEqual(new Map([[first.eventId, { ...standing, isNew: false }]]));
    expect(await stored(first.eventId)).toMatchObject([{ data: { id: 'e-first' } }]);
  });

  it('keeps each event once when overlapping batches come at the same time in any order', async () => {
    const events = Array.from({ length: 60 }, (_, index) => eventOf(`e-race-${index}`));
    const results = await Promise.all(
      Array.from({ length: 8 }, (_, run) => {
        const own = events.map(({ externalId }) => eventOf(externalId, { data: run }));
        return keep(...(run % 2 === 0 ? own : own.toReversed()));
      }),
    );
    for (const { eventId } of events) {
      const standing = results.map((result) => result.get(eventId));
      expect(standing.filter((each) => each?.isNew)).toHaveLength(1);
      expect(new Set(standing.map((each) => each?.contentDigest)).size).toBe(1);
    }
  });

  it('reads and keeps nothing for an empty batch', async () => {
    expect(await keep()).toEqual(new Map());
    expect(await database.transact((tx) => openEventStore(tx).sourcesByName([]))).toEqual(
      new Map(),
    );
  });
});
