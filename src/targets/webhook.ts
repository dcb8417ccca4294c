/**
 * A target that is called over HTTP: one POST, signed by Standard Webhooks 1.0. The execution id is `webhook-id` and
 * `Idempotency-Key`, the same on every retry. Answers are untrusted: bounded, and an acknowledgement that names another
 * execution is not one.
 */
import type { ClientRequest } from 'node:http';
import type { Socket } from 'node:net';
import got, { type Request } from 'got';
import type { Finding } from '../domain/conditions.ts';
import type { Answer, Delivery } from '../domain/delivery.ts';
import { sha256 } from '../domain/digest.ts';
import { isJsonObject } from '../domain/json.ts';
import { type Agents, isNetwork, openAgents } from './agents.ts';
import { readSigningKey, type Signer } from './signature.ts';
import { type DeliveryRequest, oneLine, type TargetKind, type TargetTools } from './target.ts';

export interface WebhookSettings {
  readonly url: string;
  readonly idempotent: boolean;
  /** References to signing keys. Each of them signs: while one replaces another both are valid. */
  readonly keys: readonly string[];
  /** Of an internal target: the only networks that it may be found in. */
  readonly networks?: readonly string[];
  /** On this machine: loopback addresses only, and plain http will do. */
  readonly loopback?: true;
  /** Reference to the PEM of the only certificate authority that counts. */
  readonly certificate_authority?: string;
}

export const reference = {
  type: 'string',
  pattern: '^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+)$',
  maxLength: 500,
  description: 'a reference to a secret: env:NAME or file:/path',
};

const LOOPBACK_NETWORKS = ['127.0.0.0/8', '::1/128'];
export const ANSWER_BYTES_MAX = 65_536;
/** Answers that say "not now": the request was too early, too slow or too much. Every other 4xx is a no. */
const NOT_NOW = new Set([408, 425, 429]);

/** Where it is and how it is called: what a webhook of notifications takes too. */
export const webhookProperties = {
  url: { type: 'string', maxLength: 2000, description: 'the https address that is called' },
  keys: {
    type: 'array',
    items: reference,
    minItems: 1,
    maxItems: 4,
    uniqueItems: true,
    description: 'a list of 1 to 4 references to signing keys, each once',
  },
  networks: {
    type: 'array',
    items: { type: 'string', description: 'a network such as 10.1.0.0/16' },
    minItems: 1,
    maxItems: 20,
    description: 'a list of 1 to 20 networks',
  },
  loopback: { const: true, description: 'true, or left out' },
  certificate_authority: reference,
} as const;

export const webhookTarget: TargetKind<WebhookSettings> = {
  name: 'webhook',
  shape: {
    type: 'object',
    description: 'a mapping with url, idempotent and keys',
    additionalProperties: false,
    required: ['url', 'idempotent', 'keys'],
    properties: {
      idempotent: {
        type: 'boolean',
        description: 'true when it acts once per Idempotency-Key, else false',
      },
      ...webhookProperties,
    },
  },
  check: findingsOf,
  async open(name, settings, tools) {
    const endpoint: Endpoint = {
      url: new URL(settings.url),
      signers: await readKeys(settings.keys, tools),
      agents: await agentsFor(settings, tools),
    };
    return {
      name,
      kind: 'webhook',
      idempotent: settings.idempotent,
      deliver: (request, signal) => call(endpoint, request, signal),
    };
  },
};

interface Endpoint {
  readonly url: URL;
  readonly signers: readonly Signer[];
  readonly agents: Agents;
}

function findingsOf({ url: text, loopback, networks = [] }: WebhookSettings): Finding[] {
  const findings: Finding[] = [];
  const url = URL.parse(text);
  if (url === null) {
    findings.push({ at: ['url'], problem: 'write a whole URL, such as https://example.org/hook' });
  } else if (url.username !== '' || url.password !== '') {
    findings.push({ at: ['url'], problem: 'remove the credentials; calls are signed by the keys' });
  } else if (url.protocol !== 'https:' && !(url.protocol === 'http:' && loopback === true)) {
    findings.push({ at: ['url'], problem: 'use https; plain http is for "loopback: true" only' });
  }
  networks.forEach((network, index) => {
    if (isNetwork(network)) return;
    findings.push({ at: ['networks', index], problem: 'write a network such as 10.1.0.0/16' });
  });
  if (loopback === true && networks.length > 0) {
    findings.push({ at: ['networks'], problem: 'remove it; "loopback" already names networks' });
  }
  return findings;
}

function readKeys(references: readonly string[], tools: TargetTools): Promise<Signer[]> {
  return Promise.all(
    references.map(async (key) => {
      const secret = await tools.readSecret(key);
      try {
        return readSigningKey(secret);
      } catch (error) {
        throw new Error(`${key}: ${(error as Error).message}`, { cause: error });
      }
    }),
  );
}

async function agentsFor(settings: WebhookSettings, tools: TargetTools): Promise<Agents> {
  const { loopback, networks, certificate_authority: authority } = settings;
  return openAgents({
    networks: loopback === true ? LOOPBACK_NETWORKS : networks,
    certificateAuthority: authority === undefined ? undefined : await tools.readSecret(authority),
  });
}

async function call(
  { url, signers, agents }: Endpoint,
  delivered: DeliveryRequest,
  signal: AbortSignal,
): Promise<Delivery> {
  const { executionId, body, attemptedAtMs, onSent } = delivered;
  const request = got.stream.post(url, {
    body,
    headers: {
      'content-type': 'application/json',
      'user-agent': 'sentinelops',
      'idempotency-key': executionId,
      'webhook-id': executionId,
      'webhook-timestamp': String(Math.floor(attemptedAtMs / 1_000)),
      'webhook-signature': signers
        .map((signs) => signs(executionId, attemptedAtMs, body))
        .join(' '),
    },
    agent: agents,
    signal,
    followRedirect: false,
    retry: { limit: 0 },
    throwHttpErrors: false,
    decompress: false,
  });
  const sent = watchForBytes(request);
  if (onSent !== undefined) {
    request.once('request', (outgoing: ClientRequest) => outgoing.once('finish', onSent));
  }
  try {
    const answer = await readAnswer(request);
    return judge(answer, delivered);
  } catch (error) {
    return {
      kind: 'retry',
      detail: oneLine((error as Error).message),
      bytesLeft: sent.bytesLeft,
      answer: {},
    };
  }
}

/** From the moment at which the connection stands (for TLS: is proven), the request may have been read. */
function watchForBytes(request: Request): { bytesLeft: boolean } {
  const sent = { bytesLeft: false };
  request.once('request', (outgoing: ClientRequest) => {
    outgoing.once('socket', (socket: Socket) => {
      const ready = 'encrypted' in socket ? 'secureConnect' : 'connect';
      socket.once(ready, () => {
        sent.bytesLeft ||= !socket.destroyed;
      });
    });
  });
  return sent;
}

interface RawAnswer {
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly body: Buffer;
}

/** @throws when the answer does not come, breaks off, or is longer than we are willing to read */
async function readAnswer(request: Request): Promise<RawAnswer> {
  let status = 0;
  let retryAfter: string | undefined;
  request.once('response', (response) => {
    status = response.statusCode;
    retryAfter = response.headers['retry-after'];
  });
  const chunks: Buffer[] = [];
  let bytes = 0;
  // Leaving the loop destroys the request, and with it the connection.
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > ANSWER_BYTES_MAX) {
      throw new Error(`answered ${status} with more than ${ANSWER_BYTES_MAX} bytes`);
    }
    chunks.push(chunk);
  }
  return { status, retryAfter, body: Buffer.concat(chunks) };
}

function judge(
  { status, retryAfter, body }: RawAnswer,
  { executionId, attemptedAtMs }: DeliveryRequest,
): Delivery {
  const answer: Answer = { httpStatus: status, responseSha256: sha256(body) };
  const detail = `answered ${status}`;
  if (status >= 200 && status < 300) {
    const named = executionNamedBy(body);
    if (named === undefined || named === executionId) {
      return { kind: 'acknowledged', detail, answer };
    }
    return {
      kind: 'failed',
      failure: 'outcome_unknown',
      detail: 'wrong_acknowledgement: the answer names another execution',
      answer,
    };
  }
  if (status >= 500 || NOT_NOW.has(status)) {
    const retryAfterMs = retryAfterMsOf(retryAfter, attemptedAtMs);
    return { kind: 'retry', detail, bytesLeft: true, retryAfterMs, answer };
  }
  return { kind: 'failed', failure: 'rejected', detail, answer };
}

/** The `execution_id` of an answer in JSON; undefined when it has none. */
function executionNamedBy(body: Buffer): unknown {
  try {
    const parsed: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
    return isJsonObject(parsed) && Object.hasOwn(parsed, 'execution_id')
      ? parsed['execution_id']
      : undefined;
  } catch {
    // Many receivers answer with nothing or "ok"; the status is then all they say.
    return undefined;
  }
}

/** Seconds, or an HTTP date (RFC 9110 §10.2.3); undefined for neither. */
function retryAfterMsOf(header: string | undefined, nowMs: number): number | undefined {
  if (header === undefined) return undefined;
  if (/^\d{1,9}$/.test(header)) return Number(header) * 1_000;
  const atMs = Date.parse(header);
  return Number.isNaN(atMs) ? undefined : Math.max(0, atMs - nowMs);
}
