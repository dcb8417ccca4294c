/**
 * The other side of every execution: checks each request as any receiver of Standard Webhooks would, acts once for each
 * key at the idempotent target and every time at the plain one, and can misbehave on order. What it did is on disk before
 * it answers.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Webhook } from 'standardwebhooks';
import { sha256 } from '../../../src/domain/digest.ts';
import type { Receipt } from '../checker/evidence.ts';
import { TARGETS } from './documents.ts';

export const misbehaviours = [
  'answers 500',
  'answers 429',
  'resets before it reads',
  'resets before it acts',
  'acts and loses the answer',
  'acts and never answers',
  'acts and answers slowly',
  'acts and answers byte by byte',
  'acknowledges another execution',
] as const;
export type Misbehaviour = (typeof misbehaviours)[number];

export interface Receiver {
  readonly url: string;
  /** Different keys that had their effect. */
  effects(): number;
  /**
   * Until it is told otherwise. An execution meets it only so often; what it stands for is a receiver that comes back
   * before the patience of the retries runs out.
   */
  misbehave(how: Misbehaviour | undefined): void;
  /** Requests that met a misbehaviour since the beginning. */
  misbehaved(): number;
  close(): Promise<void>;
}

export interface ReceiverOptions {
  /** Of the signing key, as `whsec_…`. */
  readonly secret: string;
  /** Resolves when the receipt is on disk. */
  readonly note: (receipt: Receipt) => Promise<void>;
}

/** So that the schedule of retries ends within the time that a run may take to drain. */
const MISBEHAVIOURS_PER_KEY_MAX = 2;
const SLOW_MS = 3_000;

export async function openReceiver({ secret, note }: ReceiverOptions): Promise<Receiver> {
  const webhook = new Webhook(secret);
  const acted = new Set<string>();
  const met = new Map<string, number>();
  let current: Misbehaviour | undefined;
  let misbehaved = 0;

  /** What this request meets. */
  function misbehaviourFor(key: string): Misbehaviour | undefined {
    const times = met.get(key) ?? 0;
    if (current === undefined || times >= MISBEHAVIOURS_PER_KEY_MAX) return undefined;
    met.set(key, times + 1);
    misbehaved += 1;
    return current;
  }

  async function receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const target = request.url?.slice(1) ?? '';
    const key = String(request.headers['webhook-id']);
    const how = misbehaviourFor(key);
    if (how === 'resets before it reads') {
      request.socket.resetAndDestroy();
      return;
    }
    const body = await textOf(request);
    const said = read(body);
    const signatureOk = isSigned(webhook, request, body);
    // What it will not do it refuses, whatever else is wrong with it.
    const refuses = said.verdict === 'refuse' && (how === undefined || how.startsWith('acts'));
    const willAct =
      signatureOk &&
      !refuses &&
      (how === undefined || how.startsWith('acts')) &&
      !(target === TARGETS.idempotent && acted.has(key));
    const receipt = {
      ...{ at: Date.now(), target, key, body: sha256(body), signatureOk, effect: willAct },
      ...{ decisionId: said.decisionId, seq: said.seq },
      answered: refuses ? 'refused' : (how ?? 'acknowledged'),
    };
    if (willAct) acted.add(key);
    await note(receipt);
    if (!signatureOk) answer(response, 401, { error: 'the signature does not hold' });
    else if (refuses) answer(response, 422, { error: 'refused' });
    else if (how !== undefined) await misbehave(how, key, response);
    else answer(response, 200, { execution_id: key });
  }

  const sockets = new Set<Socket>();
  const server = createServer((request, response) => {
    receive(request, response).catch(() => response.destroy());
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    effects: () => acted.size,
    misbehave(how) {
      current = how;
    },
    misbehaved: () => misbehaved,
    close() {
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
      for (const socket of sockets) socket.destroy();
      return closed;
    },
  };
}

async function misbehave(how: Misbehaviour, key: string, response: ServerResponse): Promise<void> {
  switch (how) {
    case 'answers 500':
      answer(response, 500, {});
      break;
    case 'answers 429':
      response.setHeader('retry-after', '1');
      answer(response, 429, {});
      break;
    case 'resets before it reads':
    case 'resets before it acts':
    case 'acts and loses the answer':
      response.destroy();
      break;
    case 'acts and never answers':
      break; // The caller's time limit ends it.
    case 'acts and answers slowly':
      await sleep(SLOW_MS, undefined, { ref: false });
      answer(response, 200, { execution_id: key });
      break;
    case 'acts and answers byte by byte':
      await answerByteByByte(response, JSON.stringify({ execution_id: key }));
      break;
    case 'acknowledges another execution':
      answer(response, 200, { execution_id: '00000000-0000-8000-8000-000000000000' });
      break;
  }
}

async function answerByteByByte(response: ServerResponse, text: string): Promise<void> {
  response.writeHead(200, { 'content-type': 'application/json' });
  for (const character of text) {
    if (response.destroyed) return;
    response.write(character);
    await sleep(SLOW_MS / text.length, undefined, { ref: false });
  }
  response.end();
}

function answer(response: ServerResponse, status: number, body: object): void {
  if (response.destroyed) return;
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

/** Of any age: a clock that jumped is not a forged signature. */
function isSigned(webhook: Webhook, { headers }: IncomingMessage, body: string): boolean {
  const [id, seconds, signatures] = ['webhook-id', 'webhook-timestamp', 'webhook-signature'].map(
    (name) => String(headers[name]),
  );
  const expected = webhook.sign(id!, new Date(Number(seconds) * 1_000), body);
  return signatures!.split(' ').includes(expected);
}

interface Said {
  readonly decisionId: string | null;
  readonly seq: string | null;
  readonly verdict: string | undefined;
}

function read(body: string): Said {
  try {
    const { data } = JSON.parse(body) as {
      readonly data?: {
        readonly decision_id?: string;
        readonly ledger?: { readonly seq?: string };
        readonly command?: { readonly verdict?: string };
      };
    };
    return {
      decisionId: data?.decision_id ?? null,
      seq: data?.ledger?.seq ?? null,
      verdict: data?.command?.verdict,
    };
  } catch {
    return { decisionId: null, seq: null, verdict: undefined };
  }
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}
