import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createClient } from '../../src/client/client.ts';

let server: Server;
let url: string;
const seen: string[] = [];

beforeAll(async () => {
  server = createServer((request, response) => {
    seen.push(`${request.method} ${request.url} ${request.headers.authorization}`);
    if (request.url?.startsWith('/problems')) {
      response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end();
    } else if (request.url?.startsWith('/livez')) {
      response.writeHead(200, { 'content-type': 'text/html' }).end('<p>a proxy</p>');
    } else if (request.url?.startsWith('/v1/ledger/checkpoint')) {
      response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' }).end('a note\n');
    } else {
      response
        .writeHead(404, { 'content-type': 'application/problem+json' })
        .end(JSON.stringify({ status: 404, code: 'unknown_review', title: 't', detail: 'd' }));
    }
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => server.close());

it('puts parameters where they belong, escaped, with the token', async () => {
  const client = createClient({ url, token: 'so_x' });
  await client.call('showReview', { path: { id: 'a/b?c' } });
  await client.call('listReviews', { query: { policy: 'a&b', level: 'LOW' } });
  expect(seen.slice(-2)).toEqual([
    'GET /v1/reviews/a%2Fb%3Fc Bearer so_x',
    'GET /v1/reviews?policy=a%26b&level=LOW Bearer so_x',
  ]);
});

it('gives problems as values, and texts as texts', async () => {
  const client = createClient({ url });
  const answered = await client.call('showReview', { path: { id: 'x' } });
  expect(answered).toMatchObject({ problem: { status: 404, code: 'unknown_review' } });
  expect(await client.call('showCheckpoint', {})).toEqual({ answer: 'a note\n' });
});

it('neither takes a stranger for the API nor follows one', async () => {
  const client = createClient({ url, token: 'so_x' });
  await expect(client.call('isLive', {})).rejects.toThrow('not SentinelOps');
  await expect(client.call('explainProblem', { path: { code: 'x' } })).rejects.toThrow();
});
