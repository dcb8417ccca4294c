import { once } from 'node:events';
import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { CloudEvent, HTTP } from 'cloudevents';
import type { FastifyInstance, LightMyRequestResponse } from 'fastify';
import { sql } from 'kysely';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { faultOf } from '../../src/actors/fault.ts';
import { createIntake } from '../../src/actors/intake.ts';
import { eventRoutes } from '../../src/admin/routes/events.ts';
import { createAdminServer } from '../../src/admin/server.ts';
import { type EventId, eventIdOf } from '../../src/domain/ids.ts';
import { silentLog } from '../../src/domain/log.ts';
import { isProblemCode, problems } from '../../src/domain/problem.ts';
import type { Inbound } from '../../src/domain/source.ts';
import { systemClock } from '../../src/domain/time.ts';
import { sourceKinds } from '../../src/sources/sources.ts';
import type { Database } from '../../src/stores/database.ts';
import {
  badEvents,
  ed25519SignedEvent,
  eventBody,
  eventOf,
  githubDelivery,
  key,
  registry,
  signedEvent,
  strangerKey,
} from '../support/bad-events.ts';
import { cloneDatabase, type TestDatabase } from '../support/database.ts';
import { githubPayloads } from '../support/github.ts';
import { signV1, webhookHeaders } from '../support/signing.ts';
import { registerSources } from '../support/sources.ts';

const batched = { 'content-type': 'application/cloudevents-batch+json' };
const nowMs = Date.now();

describe('events over HTTP', () => {
  let clone: TestDatabase;
  let database: Database;
  let server: FastifyInstance;
  let handedOn: EventId[];
  /** What the database does instead of a transaction; undefined when it works. */
  let fault: ((transact: Database['transact']) => Database['transact']) | undefined;
  let isQueueDown: boolean;
  let overload: string | undefined;

  beforeAll(async () => {
    clone = await cloneDatabase();
    database = clone.open('event');
    await registerSources(database, registry);
    const faulty: Database = {
      ...database,
      transact: (work) => (fault?.(database.transact) ?? database.transact)(work),
    };
    const intake = createIntake({
      database: faulty,
      handOn: async (ids) => {
        if (isQueueDown) throw new Error('Connection is closed.');
        handedOn.push(...ids);
        await Promise.resolve();
      },
      clock: systemClock,
      log: silentLog,
    });
    server = await createAdminServer({
      routes: [
        eventRoutes({
          intake,
          kinds: sourceKinds,
          audit: clone.open('audit'),
          overload: () => overload,
        }),
      ],
      log: silentLog,
      isTransient: (error) => faultOf(error) === 'transient',
      requestsPerSecondMax: 10_000,
    });
    await server.listen({ host: '127.0.0.1', port: 0 });
  });
  afterAll(async () => {
    await server.close();
    await clone.close();
  });
  beforeEach(() => {
    handedOn = [];
    isQueueDown = false;
  });
  afterEach(() => {
    fault = undefined;
    overload = undefined;
  });

  const addressOf = ({ kind, source }: Inbound) =>
    kind === undefined
      ? '/v1/events'
      : `/v1/sources/${kind}/${encodeURIComponent(source ?? '')}/events`;

  const post = (inbound: Inbound): Promise<LightMyRequestResponse> =>
    server.inject({
      method: 'POST',
      url: addressOf(inbound),
      headers: { ...inbound.headers },
      payload: inbound.body,
    });

  async function letters(where: string, ...values: readonly unknown[]) {
    const superuser = await clone.superuser();
    const { rows } = await superuser.query<Record<string, unknown>>(
      `select queue, source_system as source, external_id as id, reason, content, content_bytes as length
       from event.dead_letter where ${where}`,
      [...values],
    );
    return rows;
  }

  async function isStored(source: string, id: string): Promise<boolean> {
    const { rows } = await database.transact((tx) =>
      sql`select from event.event where event_id = ${eventIdOf(source, id)}::uuid`.execute(tx),
    );
    return rows.length === 1;
  }

  describe('that are accepted', () => {
    it('are answered with 202 after they are kept, and handed on', async () => {
      const response = await post(eventOf({ id: 'first' }));
      const eventId = eventIdOf('open', 'first');
      expect(response.statusCode).toBe(202);
      expect(response.json()).toEqual({
        event_id: eventId,
        digest: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
        status_url: `/v1/events/${eventId}`,
      });
      expect(response.headers['idempotent-replayed']).toBeUndefined();
      expect(handedOn).toEqual([eventId]);
      expect(await isStored('open', 'first')).toBe(true);
    });

    it('say where they are in their life, under the address of the answer', async () => {
      const { status_url: url } = (await post(eventOf({ id: 'status' }))).json<{
        status_url: string;
      }>();
      const response = await server.inject({ url });
      expect(response.statusCode).toBe(200);
      expect(response.json()).toMatchObject({
        event_id: eventIdOf('open', 'status'),
        state: 'normalized',
      });
      for (const id of [eventIdOf('open', 'never-sent'), 'no-uuid']) {
        const missing = await server.inject({ url: `/v1/events/${id}` });
        expect(missing.statusCode).toBe(404);
        expect(missing.json()).toMatchObject({ code: 'not_found' });
      }
    });

    it('get the same answer again, marked as a repeat, and are handed on again', async () => {
      const first = await post(eventOf({ id: 'repeat' }));
      const again = await post(eventOf({ id: 'repeat' }));
      expect(again.statusCode).toBe(202);
      expect(again.json()).toEqual(first.json());
      expect(again.headers['idempotent-replayed']).toBe('true');
      expect(handedOn).toHaveLength(2);
    });

    it.each(['structured', 'binary'] as const)(
      'may come from the CloudEvents SDK in %s mode',
      async (mode) => {
        const event = new CloudEvent({
          source: 'open',
          id: `sdk-${mode}`,
          type: 't',
          data: { a: 1 },
        });
        const { headers, body } = HTTP[mode](event);
        const response = await post({
          headers: headers as Record<string, string>,
          body: body as string,
        });
        expect(response.statusCode).toBe(202);
        expect(await isStored('open', `sdk-${mode}`)).toBe(true);
      },
    );

    it('may be signed by HMAC-SHA256 or Ed25519, or come from GitHub', async () => {
      const now = Date.now();
      for (const inbound of [
        signedEvent('http-hmac', now),
        ed25519SignedEvent('http-ed25519', now),
        githubDelivery('http-github'),
      ]) {
        expect((await post(inbound)).statusCode).toBe(202);
      }
    });

    it('may be addressed to their source', async () => {
      const inbound = { ...eventOf({ id: 'addressed' }), kind: 'cloudevents', source: 'open' };
      expect((await post(inbound)).statusCode).toBe(202);
      const other = { ...eventOf({ id: 'addressed-2' }), kind: 'cloudevents', source: 'signed' };
      expect((await post(other)).json()).toMatchObject({ code: 'source_mismatch' });
    });

    it('are each of the 329 payloads that GitHub documents, many at a time', async () => {
      const deliveries = githubPayloads().map(({ event, body }, index) =>
        githubDelivery(`http-gh-${index}`, body, undefined, event),
      );
      const responses = await Promise.all(deliveries.map(post));
      expect(new Set(responses.map(({ statusCode }) => statusCode))).toEqual(new Set([202]));
      expect(new Set(handedOn).size).toBe(329);
    });

    it('have one effect when they come fifty times at once', async () => {
      const responses = await Promise.all(
        Array.from({ length: 50 }, () => post(eventOf({ id: 'storm' }))),
      );
      expect(new Set(responses.map(({ body }) => body)).size).toBe(1);
      const firsts = responses.filter(
        ({ headers }) => headers['idempotent-replayed'] === undefined,
      );
      expect(firsts).toHaveLength(1);
    });

    it('are answered with 202 while the queue store is down', async () => {
      isQueueDown = true;
      expect((await post(eventOf({ id: 'no-queue' }))).statusCode).toBe(202);
      expect(await isStored('open', 'no-queue')).toBe(true);
    });
  });

  describe.each(badEvents(nowMs))('given $title', ({ reason, inbound }) => {
    it(`answer with the problem ${reason}, and keep a dead letter`, async () => {
      const response = await post(inbound);
      if (!isProblemCode(reason)) throw new Error(`no row for ${reason}`);
      const { status, title, remedy } = problems[reason];
      expect(response.statusCode).toBe(status);
      expect(response.headers['content-type']).toMatch(/^application\/problem\+json\b/);
      expect(response.json()).toMatchObject({
        type: `/problems/${reason}`,
        code: reason,
        status,
        title,
        remedy,
        detail: expect.any(String) as string,
        request_id: expect.any(String) as string,
      });
      if (status === 401) expect(response.headers['www-authenticate']).toBe('Signature');
      const bytes = Buffer.from(inbound.body);
      const isRead = reason !== 'too_large';
      expect(
        await letters(
          'reason = $1 and content_bytes = $2 and content is not distinct from $3',
          reason,
          bytes.length,
          isRead ? bytes.subarray(0, 65_536) : null,
        ),
      ).toHaveLength(1);
      expect(handedOn).toEqual([]);
    });
  });

  describe('given the same id with other content', () => {
    it('answer 409 with both digests, and the first stands', async () => {
      const { digest } = (await post(eventOf({ id: 'clash' }))).json<{ digest: string }>();
      const response = await post(eventOf({ id: 'clash', data: 'other' }));
      expect(response.statusCode).toBe(409);
      const problem = response.json<{ sent_digest: string }>();
      expect(problem).toMatchObject({ code: 'conflict', stored_digest: digest });
      expect(problem.sent_digest).toMatch(/^[0-9a-f]{64}$/);
      expect(problem.sent_digest).not.toBe(digest);
      expect(await letters("reason = 'conflict' and external_id = 'clash'")).toMatchObject([
        { source: 'open', content: Buffer.from(eventBody({ id: 'clash', data: 'other' })) },
      ]);
    });

    it('let exactly one of fifty contents win when they come at once', async () => {
      const responses = await Promise.all(
        Array.from({ length: 50 }, (_, data) => post(eventOf({ id: 'race', data }))),
      );
      const refused = responses.filter(({ statusCode }) => statusCode === 409);
      expect(refused).toHaveLength(49);
      expect(responses.filter(({ statusCode }) => statusCode === 202)).toHaveLength(1);
    });
  });

  describe('in a batch', () => {
    const postBatch = (...bodies: readonly string[]) =>
      post({ headers: batched, body: `[${bodies.join(',')}]` });

    it('get one result each, in order', async () => {
      await post(eventOf({ id: 'b-1' }));
      const response = await postBatch(
        eventBody({ id: 'b-1' }),
        eventBody({ source: 'nobody', id: 'b-2' }),
        eventBody({ id: 'b-3' }),
        '{"id":"b-4","id":"b-4"}',
      );
      expect(response.statusCode).toBe(202);
      expect(response.json()).toMatchObject([
        { event_id: eventIdOf('open', 'b-1'), replayed: true },
        { code: 'unknown_source', status: 404 },
        { event_id: eventIdOf('open', 'b-3'), replayed: false },
        { code: 'duplicate_key', status: 422 },
      ]);
      expect(await letters("external_id = 'b-2'")).toMatchObject([
        {
          reason: 'unknown_source',
          content: Buffer.from(eventBody({ source: 'nobody', id: 'b-2' })),
        },
      ]);
    });

    it('are refused with one problem when none of them stands', async () => {
      const response = await postBatch('{}', '7');
      expect(response.statusCode).toBe(422);
      expect(response.json()).toMatchObject({
        code: 'batch_refused',
        results: [{ code: 'wrong_shape' }, { code: 'wrong_shape' }],
      });
    });

    it('are refused as a whole when the batch is not JSON, not a list, or too long', async () => {
      expect((await post({ headers: batched, body: '[{}' })).json()).toMatchObject({
        code: 'not_json',
      });
      expect((await post({ headers: batched, body: '{}' })).json()).toMatchObject({
        code: 'wrong_shape',
      });
      const many = Array.from({ length: 257 }, () => '{}');
      expect((await postBatch(...many)).json()).toMatchObject({ code: 'batch_too_long' });
    });

    it('may be none', async () => {
      const response = await postBatch();
      expect(response.statusCode).toBe(202);
      expect(response.json()).toEqual([]);
    });

    it('are covered by one signature, each judged by the keys of its own source', async () => {
      const body = `[${eventBody({ source: 'signed', id: 'sb-1' })},${eventBody({ id: 'sb-2' })}]`;
      const seconds = Math.floor(Date.now() / 1_000);
      const sign = (secret: typeof key) =>
        webhookHeaders('batch-7', seconds, signV1(secret, 'batch-7', seconds, body));
      const forged = await post({ headers: { ...batched, ...sign(strangerKey) }, body });
      expect(forged.json()).toMatchObject({ code: 'batch_refused' });
      const genuine = await post({ headers: { ...batched, ...sign(key) }, body });
      expect(genuine.json()).toMatchObject([
        { event_id: eventIdOf('signed', 'sb-1') },
        { code: 'signature_wrong' },
      ]);
    });
  });

  describe('given a request that is no message', () => {
    it('refuse bytes that are not UTF-8, and keep them', async () => {
      const bytes = Buffer.concat([Buffer.from(eventBody({ id: 'latin' })), Buffer.from([0xe9])]);
      const response = await server.inject({
        method: 'POST',
        url: '/v1/events',
        headers: { 'content-type': 'application/cloudevents+json', 'ce-id': 'latin' },
        payload: bytes,
      });
      expect(response.json()).toMatchObject({ code: 'not_utf8', status: 400 });
      expect(await letters("reason = 'not_utf8'")).toMatchObject([{ id: 'latin', content: bytes }]);
    });

    it('refuse content encodings, and keep the bytes as they came', async () => {
      const bytes = gzipSync(eventBody({ id: 'zipped' }));
      const response = await server.inject({
        method: 'POST',
        url: '/v1/events',
        headers: { 'content-type': 'application/cloudevents+json', 'content-encoding': 'gzip' },
        payload: bytes,
      });
      expect(response.json()).toMatchObject({ code: 'unsupported_media_type', status: 415 });
      expect(await letters("reason = 'unsupported_media_type'")).toMatchObject([
        { content: bytes },
      ]);
    });

    it('know the source of a body that is too large by its address, and read none of it', async () => {
      const response = await post(githubDelivery('too-large', 'x'.repeat(1_048_577), 'sha256='));
      expect(response.statusCode).toBe(413);
      expect(await letters("external_id = 'too-large'")).toMatchObject([
        { source: 'acme/github', reason: 'too_large', content: null, length: 1_048_577 },
      ]);
    });

    it('refuse a content type that cannot be read', async () => {
      const response = await post({ headers: { 'content-type': 'nonsense' }, body: eventBody() });
      expect(response.json()).toMatchObject({ code: 'unsupported_media_type' });
    });

    it('answer a kind of source that does not exist with 404', async () => {
      const response = await post({ kind: 'gitlab', source: 'x', headers: {}, body: '{}' });
      expect(response.json()).toMatchObject({ code: 'not_found', status: 404 });
    });
  });

  /** The bare answer to a bare request; empty when the connection is closed without one. */
  async function raw(...lines: readonly string[]): Promise<string> {
    const address = server.server.address();
    if (address === null || typeof address === 'string') throw new Error('not listening');
    const socket = connect(address.port, '127.0.0.1');
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.on('error', () => undefined);
    const closed = once(socket, 'close');
    socket.write(lines.join('\r\n'));
    await closed;
    return Buffer.concat(chunks).toString();
  }

  const rawEvent = (body: string, ...headers: readonly string[]) =>
    raw(
      'POST /v1/events HTTP/1.1',
      'host: localhost',
      'connection: close',
      `content-length: ${Buffer.byteLength(body)}`,
      ...headers,
      '',
      body,
    );

  it('refuse a header that comes twice, however it is written', async () => {
    const answer = await rawEvent(
      '{}',
      ...['content-type: application/json', 'ce-specversion: 1.0', 'ce-source: open'],
      ...['ce-type: t', 'ce-id: twice-1', 'CE-ID: twice-2'],
    );
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer).toContain('"code":"header_repeated"');
    expect(await isStored('open', 'twice-1, twice-2')).toBe(false);
  });

  it('refuse a body without a length as soon as it is too large', async () => {
    const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`;
    const answer = await raw(
      'POST /v1/events HTTP/1.1',
      'host: localhost',
      'content-type: application/cloudevents+json',
      'ce-id: endless',
      'transfer-encoding: chunked',
      '',
      chunk.repeat(17),
    );
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
    expect(await letters("external_id = 'endless'")).toMatchObject([{ reason: 'too_large' }]);
  });

  describe('while the database fails', () => {
    const connectionLost = () =>
      Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });

    it('answer 503 with Retry-After, and nothing is accepted', async () => {
      fault = () => () => Promise.reject(connectionLost());
      const response = await post(eventOf({ id: 'down' }));
      expect(response.statusCode).toBe(503);
      expect(response.headers['retry-after']).toBe('5');
      expect(response.json()).toMatchObject({ code: 'unavailable' });
      const refused = await post({ headers: {}, body: '{' });
      expect(refused.statusCode).toBe(503);
      fault = undefined;
      expect(await isStored('open', 'down')).toBe(false);
    });

    it('answer 202 when the reply to COMMIT was lost and the second run finds the rows', async () => {
      let runs = 0;
      fault = (transact) => async (work) => {
        runs += 1;
        const result = await transact(work);
        if (runs === 1) throw connectionLost();
        return result;
      };
      const response = await post(eventOf({ id: 'commit-unknown' }));
      expect(response.statusCode).toBe(202);
      expect(runs).toBe(2);
    });

    it('cut the connection when it stays unknown whether an event was kept', async () => {
      let runs = 0;
      fault = (transact) => async (work) => {
        runs += 1;
        if (runs > 1) throw new TypeError('a fault of ours');
        await transact(work);
        throw connectionLost();
      };
      const answer = await rawEvent(
        eventBody({ id: 'never-known' }),
        'content-type: application/cloudevents+json',
      );
      expect(answer).toBe('');
      fault = undefined;
      expect(await isStored('open', 'never-known')).toBe(true);
    });

    it('answer 500 for a fault of ours and keep the events of the others', async () => {
      fault = (transact) => (work) =>
        transact(async (tx) => {
          const result = await work(tx);
          const { rows } = await sql`
            select from event.event where event_id = ${eventIdOf('open', 'cursed')}::uuid`.execute(
            tx,
          );
          if (rows.length > 0) throw new TypeError('a fault of ours');
          return result;
        });
      const ids = ['before', 'cursed', 'after'];
      const responses = await Promise.all(ids.map((id) => post(eventOf({ id }))));
      expect(responses.map(({ statusCode }) => statusCode)).toEqual([202, 500, 202]);
      expect(responses[1]?.json()).toMatchObject({ code: 'internal' });
      expect(responses[1]?.body).not.toContain('TypeError');
    });
  });

  describe('while too much is on its way', () => {
    it('are refused before they are read: absent, no dead letter, and taken in later', async () => {
      overload = '100000 events are on their way';
      const event = eventOf({ id: 'crowded' });
      const refused = await Promise.all([post(event), post({ ...event, body: '{' })]);
      for (const response of refused) {
        expect(response.statusCode).toBe(503);
        expect(response.headers['retry-after']).toBeDefined();
        expect(response.json()).toMatchObject({ code: 'overloaded', detail: overload });
      }
      expect(await isStored('open', 'crowded')).toBe(false);
      expect(await letters(`content = '{'`)).toHaveLength(0);
      overload = undefined;
      expect((await post(event)).statusCode).toBe(202);
    });

    it('can still be looked up', async () => {
      const event = eventOf({ id: 'looked-up' });
      await post(event);
      overload = 'too much';
      const response = await server.inject(`/v1/events/${eventIdOf('open', 'looked-up')}`);
      expect(response.statusCode).toBe(200);
    });
  });
});
