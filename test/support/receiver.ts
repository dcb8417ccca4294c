/** A scripted HTTP receiver on the loopback address: what a target's other side may do, well or badly. */
import {
  createServer as createHttpServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { localhostCertificate } from './certificate.ts';

export interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** How the receiver answers one request. */
export type Answer = (request: IncomingMessage, response: ServerResponse) => void;

export interface Receiver {
  /** With the path `/hook`. */
  readonly url: string;
  readonly port: number;
  /** Every request whose body has come in whole, in order. */
  readonly received: readonly Received[];
  /** The next requests get these answers, in order; later ones the last of them. */
  script(...answers: readonly Answer[]): void;
  /** Resolves when so many requests have come in since the beginning. */
  hasReceived(requests: number): Promise<void>;
  close(): Promise<void>;
}

export async function openReceiver(
  scheme: 'http' | 'https' = 'http',
  host = '127.0.0.1',
): Promise<Receiver> {
  const received: Received[] = [];
  const waiting = new Map<number, () => void>();
  let answers: Answer[] = [respond(200)];

  async function listen(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const answer = answers.length > 1 ? answers.shift()! : answers[0]!;
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const { method = '', url = '', headers } = request;
    received.push({ method, path: url, headers, body: Buffer.concat(chunks).toString() });
    waiting.get(received.length)?.();
    answer(request, response);
  }

  const server = scheme === 'https' ? createHttpsServer(localhostCertificate) : createHttpServer();
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    // A caller that breaks off while it sends is the caller's affair.
    listen(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `${scheme}://${scheme === 'https' ? 'localhost' : host}:${port}/hook`,
    port,
    received,
    script(...next) {
      answers = [...next];
    },
    hasReceived(requests) {
      if (received.length >= requests) return Promise.resolve();
      return new Promise((resolve) => waiting.set(requests, resolve));
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export function respond(
  status: number,
  body = '',
  headers: Readonly<Record<string, string>> = {},
): Answer {
  return (_, response) => {
    response.writeHead(status, headers).end(body);
  };
}

export const redirectTo = (location: string): Answer => respond(302, '', { location });

/** Acts or not, and never says anything. */
export const hang: Answer = () => undefined;

/** Closes the connection instead of answering. */
export const reset: Answer = (request) => {
  request.socket.destroy();
};

/** Says 200, promises more, and closes. */
export const breakOff: Answer = (request, response) => {
  response.writeHead(200, { 'content-length': '1000' });
  response.write('a part', () => request.socket.destroy());
};

/** Says 200 and then a byte now and then, without an end. */
export const drip: Answer = (_, response) => {
  response.writeHead(200);
  const timer = setInterval(() => response.write('.'), 5);
  response.on('close', () => clearInterval(timer));
};

/** Says 200 and then more than anybody wants to read. */
export const flood: Answer = (_, response) => {
  response.writeHead(200);
  const more = (): void => {
    if (response.destroyed) return;
    response.write('x'.repeat(16_384), () => setImmediate(more));
  };
  more();
};
