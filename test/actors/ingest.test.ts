import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Outcome } from '../../src/actors/actor.ts';
import { ingestActor } from '../../src/actors/ingest.ts';
import { type RunningActor, runActor } from '../../src/actors/runtime.ts';
import { eventIdOf } from '../../src/domain/ids.ts';
import { silentLog } from '../../src/domain/log.ts';
import type { Inbound } from '../../src/domain/source.ts';
import { systemClock, timestampOfMs } from '../../src/domain/time.ts';
import type { Broker } from '../../src/queues/broker.ts';
import type { Message } from '../../src/queues/messages.ts';
import type { Database } from '../../src/stores/database.ts';
import {
  badEvents,
  ed25519SignedEvent,
  eventBody,
  eventOf,
  githubDelivery,
  registry,
  signedEvent,
} from '../support/bad-events.ts';
import { cloneDatabase, type TestDatabase } from '../support/database.ts';
import { githubPayloads } from '../support/github.ts';
import { queueStores } from '../support/queue-stores.ts';
import { registerSources } from '../support/sources.ts';

const nowMs = 1_767_323_045_678;
const clock = { now: () => timestampOfMs(nowMs) };
const HOUR_MS = 3_600_000;

const messageOf = (inbound: Inbound) => inbound as Message<'ingest'>;
const reasonOf = (outcome: Outcome<'ingest'> | undefined) =>
  outcome?.kind === 'reject' ? outcome.rejection.reason : outcome?.kind;

function forwarded(source: string, id: string) {
  const eventId = eventIdOf(source, id);
  return {
    kind: 'forward',
    to: [
      { queue: 'risk', message: { eventId } },
      { queue: 'ledger', message: { type: 'EVENT', id: eventId } },
    ],
  };
}

describe('the ingest actor', () => {
  let clone: TestDatabase;
  let database: Database;

  beforeAll(async () => {
    clone = await cloneDatabase();
    database = clone.open('event');
    await registerSources(database, registry);
  });
  afterAll(async () => {
    await clone.close();
  });

  const receive = (...inbounds: readonly Inbound[]) =>
    database.transact((tx) =>
      ingestActor.receive(inbounds.map(messageOf), ingestActor.openStore(tx), clock),
    );

  async function storedCount(...ids: readonly string[]): Promise<number> {
    const superuser = await clone.superuser();
    const { rows } = await superuser.query<{ count: string }>(
      'select count(*) from event.event e join event.event_payload using (event_id) where external_id = any($1)',
      [ids],
    );
    return Number(rows[0]?.count);
  }

  it('keeps an event and forwards it to risk and to the ledger', async () => {
    expect(await receive(eventOf({ id: 'kept' }))).toEqual([forwarded('open', 'kept')]);
    expect(await storedCount('kept')).toBe(1);
  });

  it('answers in order, and a bad event costs none of its neighbours', async () => {
    const good = Array.from({ length: 3 }, (_, index) => eventOf({ id: `good-${index}` }));
    const outcomes = await receive(
      good[0]!,
      eventOf({ source: 'nobody' }),
      good[1]!,
      { body: '{' },
      good[2]!,
    );
    expect(outcomes.map(reasonOf)).toEqual([
      'forward',
      'unknown_source',
      'forward',
      'not_json',
      'forward',
    ]);
    expect(await storedCount('good-0', 'good-1', 'good-2')).toBe(3);
  });

  describe.each(badEvents(nowMs))('given $title', ({ reason, inbound }) => {
    it(`rejects it as ${reason} and keeps the event beside it`, async () => {
      const id = randomUUID();
      const outcomes = await receive(inbound, eventOf({ id }));
      expect(outcomes.map(reasonOf)).toEqual([reason, 'forward']);
      expect(await storedCount(id)).toBe(1);
    });
  });

  it('rejects a raw lone surrogate, which a job can carry and HTTP cannot', async () => {
    const [outcome] = await receive({ body: eventBody({ data: '?' }).replace('?', '\ud800') });
    expect(reasonOf(outcome)).toBe('bad_string');
  });

  it('rejects a batch inside one message, whatever it holds', async () => {
    const headers = { 'content-type': 'application/cloudevents-batch+json' };
    const bodies = ['[]', `[${eventBody({ id: 'in-batch' })}]`];
    const outcomes = await receive(...bodies.map((body) => ({ headers, body })));
    expect(outcomes.map(reasonOf)).toEqual(['batch_on_queue', 'batch_on_queue']);
    expect(await storedCount('in-batch')).toBe(0);
  });

  it('rejects a kind that does not exist', async () => {
    const [outcome] = await receive({ kind: 'gitlab', ...eventOf() });
    expect(reasonOf(outcome)).toBe('unknown_source_kind');
  });

  it('names the source and the id of what it rejects', async () => {
    const [outcome] = await receive(eventOf({ source: 'nobody', id: 'e-9' }));
    expect(outcome).toMatchObject({ rejection: { source: 'nobody', externalId: 'e-9' } });
  });

  describe('given the same id again', () => {
    it('forwards the same content again, since what followed may have been lost', async () => {
      const event = eventOf({ id: 'twice' });
      expect(await receive(event)).toEqual([forwarded('open', 'twice')]);
      expect(await receive(event, event)).toEqual([
        forwarded('open', 'twice'),
        forwarded('open', 'twice'),
      ]);
      expect(await storedCount('twice')).toBe(1);
    });

    it('rejects other content as a conflict that names both digests, also within one batch', async () => {
      const first = eventOf({ id: 'conflict' });
      const other = eventOf({ id: 'conflict', data: { ok: false } });
      const outcomes = await receive(first, other);
      expect(outcomes.map(reasonOf)).toEqual(['forward', 'conflict']);
      const [, rejected] = outcomes;
      expect(rejected).toMatchObject({
        rejection: {
          source: 'open',
          externalId: 'conflict',
          detail: expect.stringMatching(/content [0-9a-f]{64}, sent was [0-9a-f]{64}/) as string,
        },
      });
      expect((await receive(other)).map(reasonOf)).toEqual(['conflict']);
    });

    it('keeps the same id of two sources as two events', async () => {
      const outcomes = await receive(eventOf({ id: 'shared' }), signedEvent('shared', nowMs));
      expect(outcomes).toEqual([forwarded('open', 'shared'), forwarded('signed', 'shared')]);
    });
  });

  it('accepts signatures by HMAC-SHA256 and by Ed25519, and keeps them', async () => {
    const outcomes = await receive(
      signedEvent('by-hmac', nowMs),
      ed25519SignedEvent('by-ed25519', nowMs),
      githubDelivery('by-github'),
    );
    expect(outcomes.map(reasonOf)).toEqual(['forward', 'forward', 'forward']);
    const superuser = await clone.superuser();
    const { rows } = await superuser.query<{ version: string }>(
      `select substr(integrity_signature, 1, 4) as version from event.event
       where external_id in ('by-hmac', 'by-ed25519', 'by-github') order by 1`,
    );
    expect(rows.map(({ version }) => version)).toEqual([
      'sha2',
      'v1,' + rows[1]!.version[3],
      'v1a,',
    ]);
  });

  it('accepts a signature that waited in the queue for as long as the registry allows', async () => {
    const outcomes = await receive(
      signedEvent('late', nowMs - 23 * HOUR_MS),
      signedEvent('too-late', nowMs - 25 * HOUR_MS),
    );
    expect(outcomes.map(reasonOf)).toEqual(['forward', 'signature_expired']);
  });

  it('accepts each of the 329 payloads that GitHub documents, signed as GitHub signs', async () => {
    const deliveries = githubPayloads().map(({ event, body }, index) =>
      githubDelivery(`gh-${index}`, body, undefined, event),
    );
    for (let start = 0; start < deliveries.length; start += 256) {
      const outcomes = await receive(...deliveries.slice(start, start + 256));
      expect(new Set(outcomes.map(reasonOf))).toEqual(new Set(['forward']));
    }
    expect(await storedCount(...deliveries.map((_, index) => `gh-${index}`))).toBe(329);
  });
});

describe.each(queueStores)('events pushed onto the ingest queue on $name', (store) => {
  let clone: TestDatabase;
  let broker: Broker;
  let running: RunningActor;
  let handedOn: { risk: string[]; ledger: string[] };
  let stops: (() => Promise<void>)[];
  let look: () => void;

  beforeEach(async () => {
    clone = await cloneDatabase();
    const database = clone.open('event');
    await registerSources(database, registry);
    broker = await store.connect(clone);
    handedOn = { risk: [], ledger: [] };
    look = () => undefined;
    stops = [];
    for (const queue of ['risk', 'ledger'] as const) {
      const consumer = await broker.consume(queue, async ({ content }) => {
        const { messages } = content as { messages: { eventId?: string; id?: string }[] };
        handedOn[queue].push(...messages.map(({ eventId, id }) => eventId ?? id ?? ''));
        look();
        await Promise.resolve();
      });
      stops.push(consumer.stop);
    }
    running = await runActor({
      actor: ingestActor,
      database,
      broker,
      clock: systemClock,
      log: silentLog,
    });
  });
  afterEach(async () => {
    await running.drain();
    await Promise.all(stops.map((stop) => stop()));
    await broker.close();
    await clone.close();
  });

  const until = (is: () => boolean) =>
    new Promise<void>((resolve) => {
      look = () => {
        if (is()) resolve();
      };
      look();
    });

  it('are kept and handed on; what is bad among them is found as dead letters with its bytes', async () => {
    const bad = badEvents(Date.now());
    const good = bad.map((_, index) => `beside-${index}`);
    await broker.sender('ingest')(
      bad.flatMap(({ inbound }, index) => [
        messageOf(inbound),
        messageOf(eventOf({ id: good[index] })),
      ]),
    );
    await until(
      () => handedOn.risk.length === good.length && handedOn.ledger.length === good.length,
    );
    const expected = good.map((id) => eventIdOf('open', id)).sort();
    expect(handedOn.risk.sort()).toEqual(expected);
    expect(handedOn.ledger.sort()).toEqual(expected);
    const superuser = await clone.superuser();
    const { rows } = await superuser.query<{ reason: string; content: Buffer; length: number }>(
      `select reason, content, content_bytes as length from event.dead_letter where queue = 'ingest'`,
    );
    const letters = rows.map(
      ({ reason, content, length }) => `${reason} ${length} ${content.toString()}`,
    );
    const sent = bad.map(({ reason, inbound: { body } }) => {
      const bytes = Buffer.from(body);
      return `${reason} ${bytes.length} ${bytes.subarray(0, 65_536).toString()}`;
    });
    expect(letters.sort()).toEqual(sent.sort());
  });
});
