import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { completenessRoutes } from '../../src/admin/routes/completeness.ts';
import { evidenceRoutes } from '../../src/admin/routes/evidence.ts';
import { createAdminServer } from '../../src/admin/server.ts';
import { verifyEvidence } from '../../src/domain/evidence/verification.ts';
import type { EventId } from '../../src/domain/ids.ts';
import { silentLog } from '../../src/domain/log.ts';
import { openRecordedEvents, type RecordedEvents } from '../support/recorded-events.ts';
import { tokensOf } from '../support/tokens.ts';

let recorded: RecordedEvents;
let server: FastifyInstance;
let event: EventId;
let auditor: string;
let operator: string;

beforeAll(async () => {
  recorded = await openRecordedEvents();
  const identity = recorded.database.open('identity');
  const options = { identity, audit: recorded.audit };
  server = await createAdminServer({
    routes: [evidenceRoutes(options), completenessRoutes(options)],
    log: silentLog,
    isTransient: () => false,
    requestsPerSecondMax: 1_000,
  });
  ({ ada: auditor, otto: operator } = await tokensOf(identity, {
    ada: ['Auditor'],
    otto: ['Operator'],
  }));
  event = await recorded.record({ bad: true });
});
afterAll(async () => {
  await server.close();
  await recorded.close();
});

const get = (url: string, token?: string) =>
  server.inject({
    method: 'GET',
    url,
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
  });

it('an auditor gets the bundle of an event as soon as it is sealed', async () => {
  const early = await get(`/v1/events/${event}/evidence`, auditor);
  expect([early.statusCode, early.json<{ code: string }>().code]).toEqual([404, 'not_sealed']);
  await recorded.seal();
  const answer = await get(`/v1/events/${event}/evidence`, auditor);
  expect(answer.headers).toMatchObject({
    'content-type': 'application/x-tar',
    'content-disposition': `attachment; filename="evidence-${event}.tar"`,
  });
  expect(verifyEvidence(answer.rawPayload)).toMatchObject({ status: 'OK', event });
});

it('nobody else does, and there is none of what nobody knows', async () => {
  expect((await get(`/v1/events/${event}/evidence`)).statusCode).toBe(401);
  expect((await get(`/v1/events/${event}/evidence`, operator)).statusCode).toBe(403);
  expect((await get('/v1/events/nothing/evidence', auditor)).statusCode).toBe(404);
});

it('an auditor gets the completeness statement of a source and a day', async () => {
  await recorded.seal();
  const answer = await get('/v1/completeness?source=acme&day=2026-01-02', auditor);
  expect(answer.json()).toMatchObject({ source: 'acme', complete: true, counts: { received: 1 } });
  const codes = await Promise.all(
    [
      ['source=acme&day=2026-01-02', operator],
      ['source=nobody&day=2026-01-02', auditor],
      ['source=acme&day=2026-02-30', auditor],
      ['source=acme&source=other&day=2026-01-02', auditor],
      ['day=2026-01-02', auditor],
    ].map(async ([query, token]) => (await get(`/v1/completeness?${query}`, token)).statusCode),
  );
  expect(codes).toEqual([403, 404, 400, 400, 400]);
});
