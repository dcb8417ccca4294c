/**
 * The HTTP server of the admin process: limits against slow and large requests, JSON that is read by our own rules, and
 * problem documents for everything that goes wrong. Routes come from a list; each entry is encapsulated, so that its
 * hooks and parsers are its own.
 */
import { randomUUID } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import helmet from '@fastify/helmet';
import rateLimit from '@fastify/rate-limit';
import fastify, { type FastifyError, type FastifyInstance } from 'fastify';
import { JSON_BYTES_MAX, readJson, readUtf8 } from '../domain/json-text.ts';
import type { Log } from '../domain/log.ts';
import { isRefusal, type ProblemCode, problemOf, refuse } from '../domain/problem.ts';
import { describeRoutes } from './openapi.ts';
import { Refused, refusalOf, sendProblem } from './problem.ts';

/** Adds routes to the server. Query and path values stay text; bodies are not coerced either. */
export type AdminRoutes = (server: FastifyInstance) => void | Promise<void>;

export interface AdminServerOptions {
  readonly routes: readonly AdminRoutes[];
  readonly log: Log;
  /** Whether an error of a route says that a store does not answer: then the answer is 503 and not 500. */
  readonly isTransient: (error: unknown) => boolean;
  /** From one address. */
  readonly requestsPerSecondMax: number;
}

export const CONNECTIONS_MAX = 512;
const HEADER_BYTES_MAX = 8_192;
/** A source's name has at most 100 characters, each of which an address may write as three. */
const PARAMETER_CHARACTERS_MAX = 300;

/** The server, ready to listen or to be injected; `close` waits for the requests under way. */
export async function createAdminServer(options: AdminServerOptions): Promise<FastifyInstance> {
  const server = fastify({
    bodyLimit: JSON_BYTES_MAX,
    requestTimeout: 5_000,
    keepAliveTimeout: 5_000,
    connectionTimeout: 10_000,
    maxRequestsPerSocket: 1_000,
    trustProxy: false,
    onProtoPoisoning: 'error',
    onConstructorPoisoning: 'error',
    // headersTimeout stays below requestTimeout: otherwise the larger of the two is what counts.
    http: {
      headersTimeout: 3_000,
      connectionsCheckingInterval: 1_000,
      maxHeaderSize: HEADER_BYTES_MAX,
    },
    routerOptions: { maxParamLength: PARAMETER_CHARACTERS_MAX },
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false } },
    genReqId: () => randomUUID(),
    frameworkErrors: (error, _request, reply) => {
      sendProblem(reply, refusalOf(error, options.isTransient));
    },
    clientErrorHandler: answerClientError,
  });
  server.server.maxConnections = CONNECTIONS_MAX;
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    const read = readBody(request.headers['content-encoding'], body as Buffer);
    if (isRefusal(read)) done(new Refused(read));
    else done(null, read.value);
  });
  server.setErrorHandler((error: FastifyError, request, reply) => {
    const refusal = refusalOf(error, options.isTransient);
    if (refusal.reason === 'internal') {
      options.log.error({ requestId: request.id, error }, 'a request failed');
    }
    return sendProblem(reply, refusal);
  });
  server.setNotFoundHandler((_request, reply) =>
    sendProblem(reply, refuse('not_found', 'nothing answers to this method and address')),
  );
  server.addHook('onRequest', (_request, reply, done) => {
    reply.header('cache-control', 'no-store');
    done();
  });
  await server.register(helmet, protectiveHeaders);
  await server.register(rateLimit, { max: options.requestsPerSecondMax, timeWindow: 1_000 });
  await describeRoutes(server);
  for (const routes of options.routes) {
    await server.register(async (scope) => {
      await routes(scope);
    });
  }
  await server.ready();
  return server;
}

const protectiveHeaders = {
  contentSecurityPolicy: {
    useDefaults: false,
    directives: {
      defaultSrc: ["'none'"],
      scriptSrc: ["'self'"],
      styleSrc: ["'self'"],
      connectSrc: ["'self'"],
      imgSrc: ["'self'"],
      formAction: ["'self'"],
      baseUri: ["'none'"],
      frameAncestors: ["'none'"],
    },
  },
  referrerPolicy: { policy: 'no-referrer' },
  crossOriginOpenerPolicy: { policy: 'same-origin' },
  crossOriginResourcePolicy: { policy: 'same-origin' },
  // Said by whatever terminates TLS in front of this server; over plain HTTP it would be ignored.
  strictTransportSecurity: false,
} as const;

function readBody(encoding: string | undefined, body: Buffer): ReturnType<typeof readJson> {
  if (encoding !== undefined && encoding !== 'identity') {
    return refuse('unsupported_media_type', 'the body has a content encoding');
  }
  const text = readUtf8(body);
  return text === undefined ? refuse('not_utf8', 'the body is not UTF-8') : readJson(text);
}

/** Answers what is not even a request, on the bare socket. */
function answerClientError(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable) return;
  const problem = problemOf(...clientErrorOf(error.code));
  const body = JSON.stringify(problem);
  socket.end(
    [
      `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status] ?? ''}`,
      'content-type: application/problem+json',
      `content-length: ${Buffer.byteLength(body)}`,
      'connection: close',
      '',
      body,
    ].join('\r\n'),
  );
}

function clientErrorOf(code: string | undefined): [ProblemCode, string] {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT')
    return ['too_slow', 'the request did not arrive in time'];
  if (code === 'HPE_HEADER_OVERFLOW') {
    return ['headers_too_large', `the headers are longer than ${HEADER_BYTES_MAX} bytes`];
  }
  return ['bad_request', 'this is not an HTTP request'];
}
