/** The witness over HTTP: POST /add-checkpoint (C2SP tlog-witness), and nothing else. */
import fastify, { type FastifyInstance } from 'fastify';
import { REQUEST_BYTES_MAX } from '../domain/ledger/witness-protocol.ts';
import type { Log } from '../domain/log.ts';
import type { Witness } from './witness.ts';

/** The server, ready to listen or to be injected; `close` waits for the requests under way. */
export function createWitnessServer(witness: Witness, log: Log): FastifyInstance {
  const server = fastify({
    bodyLimit: REQUEST_BYTES_MAX,
    requestTimeout: 5_000,
    keepAliveTimeout: 60_000,
    connectionTimeout: 10_000,
    http: { headersTimeout: 3_000, maxHeaderSize: 8_192 },
  });
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => {
    done(null, body);
  });
  server.post('/add-checkpoint', async (request, reply) => {
    const { status, type, body } = await witness.add((request.body as Buffer) ?? Buffer.alloc(0));
    log.info({ status }, 'add-checkpoint');
    return reply.status(status).type(type).send(body);
  });
  server.setErrorHandler((error: Error & { statusCode?: number }, _request, reply) => {
    const status = error.statusCode ?? 500;
    if (status >= 500) log.error({ error: error.message }, 'a request failed');
    const body = status >= 500 ? 'The witness cannot answer.\n' : `${error.message}\n`;
    return reply.status(status).type('text/plain; charset=utf-8').send(body);
  });
  return server;
}
