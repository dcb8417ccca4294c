import type { FastifyInstance } from 'fastify';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { healthRoutes, type Readiness } from '../../src/admin/routes/health.ts';
import { createAdminServer } from '../../src/admin/server.ts';
import { silentLog } from '../../src/domain/log.ts';

let server: FastifyInstance;
let readiness: () => Promise<Readiness>;
beforeEach(async () => {
  server = await createAdminServer({
    routes: [healthRoutes(() => readiness())],
    log: silentLog,
    isTransient: () => false,
    requestsPerSecondMax: 1_000,
  });
});
afterEach(() => server.close());

it('is alive as long as it answers, whatever it depends on', async () => {
  readiness = () => Promise.reject(new Error('must not be asked'));
  const response = await server.inject('/livez');
  expect(response.statusCode).toBe(200);
  expect(response.json()).toEqual({ status: 'ok' });
});

it('is ready when nothing is wrong', async () => {
  readiness = () => Promise.resolve({ postgres: null, gaps: null });
  const response = await server.inject('/readyz');
  expect(response.statusCode).toBe(200);
  expect(response.json()).toEqual({ status: 'ok', checks: { postgres: null, gaps: null } });
});

it('is not ready otherwise, and says why of each dependency', async () => {
  readiness = () =>
    Promise.resolve({ postgres: null, queue_store: 'does not answer', gaps: 'are old' });
  const response = await server.inject('/readyz');
  expect(response.statusCode).toBe(503);
  expect(response.headers['retry-after']).toBeDefined();
  expect(response.headers['cache-control']).toBe('no-store');
  expect(response.json()).toMatchObject({
    code: 'not_ready',
    detail: 'queue_store does not answer; gaps are old',
    checks: { postgres: null, queue_store: 'does not answer', gaps: 'are old' },
  });
});
