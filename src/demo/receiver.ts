/**
 * A receiver for the demonstration's executions: checks the signature of each request as any receiver of Standard
 * Webhooks would, has one effect per idempotency key, and acknowledges.
 */
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { Webhook } from 'standardwebhooks';

export interface Receiver {
  readonly url: string;
  /** How many different executions had their effect here. */
  effects(): number;
  /** Requests that repeated an execution; acknowledged, without a second effect. */
  repeats(): number;
  /** Requests whose signature did not hold. */
  refused(): number;
  stop(): Promise<void>;
}

/** `secret` is the endpoint's signing secret in the `whsec_…` form. Listens on a free loopback port. */
export async function startReceiver(secret: string): Promise<Receiver> {
  const webhook = new Webhook(secret);
  const seen = new Set<string>();
  let repeats = 0;
  let refused = 0;

  async function receive(request: IncomingMessage): Promise<{ status: number; answer: object }> {
    const body = await text(request);
    const id = String(request.headers['webhook-id']);
    try {
      webhook.verify(body, request.headers as Record<string, string>);
    } catch {
      refused += 1;
      return { status: 401, answer: { error: 'the signature does not hold' } };
    }
    if (seen.has(id)) repeats += 1;
    seen.add(id);
    return { status: 200, answer: { execution_id: id } };
  }

  const server = createServer((request, response) => {
    receive(request).then(
      ({ status, answer }) => {
        response.writeHead(status, { 'content-type': 'application/json' });
        response.end(JSON.stringify(answer));
      },
      () => response.destroy(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/executions`,
    effects: () => seen.size,
    repeats: () => repeats,
    refused: () => refused,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
