/** The other side of the benchmark's target: takes every execution and notes when it came. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { LOOPBACK } from '../../src/embedded/port.ts';
import type { Ending } from '../ending.ts';

export interface Receiver {
  readonly url: string;
  /** When the execution for an event arrived, by performance.now. */
  arrivedMs(eventId: string): number | undefined;
  /** Resolves when so many executions have arrived. @throws Error when that takes longer. */
  hasReceived(executions: number, msMax: number): Promise<void>;
  close(): Promise<void>;
}

export async function openReceiver(ending: Ending): Promise<Receiver> {
  const arrivals = new Map<string, number>();
  const waiting = new Map<number, () => void>();
  const server = createServer((request, response) => {
    const nowMs = performance.now();
    text(request).then(
      (body) => {
        const { data } = JSON.parse(body) as { data: { event_id: string } };
        if (!arrivals.has(data.event_id)) arrivals.set(data.event_id, nowMs);
        waiting.get(arrivals.size)?.();
        response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
      },
      () => response.destroy(),
    );
  });
  await once(server.listen(0, LOOPBACK), 'listening');
  const { port } = server.address() as AddressInfo;
  const close = ending.add(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
  return {
    url: `http://${LOOPBACK}:${port}/executions`,
    arrivedMs: (eventId) => arrivals.get(eventId),
    async hasReceived(executions, msMax) {
      if (arrivals.size >= executions) return;
      const reached = Promise.withResolvers<void>();
      waiting.set(executions, reached.resolve);
      const timeLimit = setTimeout(() => {
        reached.reject(new Error(`only ${arrivals.size} of ${executions} executions arrived`));
      }, msMax);
      await reached.promise.finally(() => clearTimeout(timeLimit));
    },
    close,
  };
}
