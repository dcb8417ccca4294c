import { once } from 'node:events';
import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import type { FastifyInstance } from 'fastify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { problemRoutes } from '../../src/admin/routes/problems.ts';
import { type AdminRoutes, createAdminServer } from '../../src/admin/server.ts';
import { type Log, silentLog } from '../../src/domain/log.ts';
import { problems } from '../../src/domain/problem.ts';

const echo: AdminRoutes = (scope) => {
  scope.post('/echo', (request) => Promise.resolve({ body: request.body }));
  scope.post<{ Body: { count: number } }>(
    '/strict',
    {
      schema: {
        body: {
          type: 'object',
          properties: { count: { type: 'integer' } },
          required: ['count'],
          additionalProperties: false,
        },
      },
    },
    (request) => Promise.resolve({ count: request.body.count }),
  );
  scope.get('/fails', () => Promise.reject(new Error('password is hunter2')));
  scope.get('/lost', () =>
    Promise.reject(Object.assign(new Error('lost'), { code: 'ECONNRESET' })),
  );
};

describe('the admin server', () => {
  let server: FastifyInstance;
  let logged: object[];

  const start = async (requestsPerSecondMax = 1_000) => {
    const log: Log = { ...silentLog, error: (fields) => logged.push(fields) };
    server = await createAdminServer({
      routes: [problemRoutes, echo],
      log,
      isTransient: (error) => (error as { code?: string }).code === 'ECONNRESET',
      requestsPerSecondMax,
    });
    await server.listen({ host: '127.0.0.1', port: 0 });
  };
  beforeEach(async () => {
    logged = [];
    await start();
  });
  afterEach(async () => {
    await server.close();
  });

  const post = (url: string, payload: string | Buffer, headers: Record<string, string> = {}) =>
    server.inject({
      method: 'POST',
      url,
      payload,
      headers: { 'content-type': 'application/json', ...headers },
    });

  /** The bare answer to bare bytes, once the server has closed the connection. */
  async function raw(...parts: readonly string[]): Promise<string> {
    const address = server.server.address();
    if (address === null || typeof address === 'string') throw new Error('not listening');
    const socket = connect(address.port, '127.0.0.1');
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.on('error', () => undefined);
    for (const part of parts) socket.write(part);
    await once(socket, 'close');
    return Buffer.concat(chunks).toString();
  }

  it('protects whatever it answers by headers', async () => {
    const { headers } = await server.inject({ url: '/nothing' });
    expect(headers).toMatchObject({
      'content-security-policy':
        "default-src 'none';script-src 'self';style-src 'self';connect-src 'self';img-src 'self';form-action 'self';base-uri 'none';frame-ancestors 'none'",
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-store',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
    });
    expect(headers).not.toHaveProperty('x-powered-by');
  });

  it('reads JSON', async () => {
    expect((await post('/echo', '{"a":[1,"é"]}')).json()).toEqual({ body: { a: [1, 'é'] } });
  });

  it.each([
    ['not_json', '{'],
    ['duplicate_key', '{"a":1,"a":2}'],
    ['forbidden_key', '{"__proto__":{"role":"Administrator"}}'],
    ['forbidden_key', '{"constructor":{"prototype":{}}}'],
    ['too_deep', '['.repeat(100_000)],
    ['bad_number', '9007199254740993'],
    ['too_large', `"${'x'.repeat(1_048_576)}"`],
    ['not_utf8', Buffer.from([0x22, 0xff, 0x22])],
  ] as const)('refuses a body as %s', async (code, body) => {
    const response = await post('/echo', body);
    expect(response.statusCode).toBe(problems[code].status);
    expect(response.json()).toMatchObject({ code, remedy: problems[code].remedy });
  });

  it.each([
    ['text/plain', '{}'],
    ['application/x-www-form-urlencoded', 'a=1'],
    ['multipart/form-data; boundary=x', ''],
  ])('refuses %s, which a browser sends across sites without asking', async (type, body) => {
    const response = await post('/echo', body === '' ? '--x--' : body, { 'content-type': type });
    expect(response.statusCode).toBe(415);
    expect(response.json()).toMatchObject({ code: 'unsupported_media_type' });
  });

  it('does not unpack bodies', async () => {
    const response = await post('/echo', gzipSync('{}'), { 'content-encoding': 'gzip' });
    expect(response.json()).toMatchObject({ code: 'unsupported_media_type' });
  });

  it.each([['{"count":"7"}'], ['{"count":7,"more":1}'], ['{}'], ['null']])(
    'takes a body by its schema, without coercing it or dropping anything: %s',
    async (body) => {
      const response = await post('/strict', body);
      expect(response.statusCode).toBe(400);
      expect(response.json()).toMatchObject({ code: 'bad_request' });
    },
  );

  it('tells nothing of an error of its own but an id to find it by', async () => {
    const response = await server.inject({ url: '/fails' });
    expect(response.statusCode).toBe(500);
    expect(response.body).not.toContain('hunter2');
    const { request_id: requestId } = response.json<{ request_id: string }>();
    expect(response.json()).toMatchObject({ code: 'internal' });
    expect(logged).toEqual([expect.objectContaining({ requestId })]);
  });

  it('answers 503 with Retry-After when a store does not answer', async () => {
    const response = await server.inject({ url: '/lost' });
    expect(response.statusCode).toBe(503);
    expect(response.headers['retry-after']).toBe('5');
    expect(response.json()).toMatchObject({ code: 'unavailable' });
  });

  it('answers what nothing answers to with a problem', async () => {
    for (const url of ['/nothing', '/echo', `/problems/${'x'.repeat(400)}`, '/%']) {
      const response = await server.inject({ url });
      expect(response.headers['content-type'], url).toMatch(/^application\/problem\+json/);
    }
  });

  it('describes each problem under its type', async () => {
    for (const [code, row] of Object.entries(problems)) {
      expect((await server.inject({ url: `/problems/${code}` })).json()).toEqual({ code, ...row });
    }
    expect((await server.inject({ url: '/problems/constructor' })).statusCode).toBe(404);
  });

  it('refuses a flood from one address', async () => {
    await server.close();
    await start(5);
    const statuses = [];
    for (let sent = 0; sent < 5; sent += 1) {
      statuses.push((await server.inject({ url: '/problems/conflict' })).statusCode);
    }
    expect(statuses).toEqual([200, 200, 200, 200, 200]);
    const refused = await server.inject({ url: '/problems/conflict' });
    expect(refused.statusCode).toBe(429);
    expect(refused.json()).toMatchObject({ code: 'rate_limited' });
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
  });

  it('answers headers that are too large, and what is not HTTP, with a problem', async () => {
    const large = await raw(`GET / HTTP/1.1\r\nhost: x\r\nlarge: ${'x'.repeat(9_000)}\r\n\r\n`);
    expect(large).toMatch(/^HTTP\/1\.1 431 /);
    expect(large).toContain('"code":"headers_too_large"');
    const nonsense = await raw('\u0016\u0003\u0001 hello\r\n\r\n');
    expect(nonsense).toMatch(/^HTTP\/1\.1 400 /);
    expect(nonsense).toContain('"code":"bad_request"');
  });

  it('lets go of whoever sends slowly, within seconds', async () => {
    const startedMs = performance.now();
    const answers = await Promise.all([
      raw('POST /echo HTTP/1.1\r\nhost: x\r\n'),
      raw(
        'POST /echo HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{',
      ),
    ]);
    expect(performance.now() - startedMs).toBeLessThan(9_000);
    for (const answer of answers) expect(answer).toContain('"code":"too_slow"');
  });
});
