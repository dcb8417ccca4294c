/**
 * What bad input gets: every kind of bad event, to be sent through the queue and over HTTP alike. The registry that they
 * are judged by is `registry`.
 */
import { timestampOfMs } from '../../src/domain/time.ts';
import type { Inbound } from '../../src/domain/source.ts';
import { ed25519Key, hmacKey, signGithub, signV1, signV1a, webhookHeaders } from './signing.ts';
import type { TestSource } from './sources.ts';

export const key = hmacKey(1);
export const strangerKey = hmacKey(2);
export const edKey = ed25519Key();
const whsec = `whsec_${key.secret.toString('base64')}`;

export const registry: readonly TestSource[] = [
  { name: 'open', kind: 'cloudevents', signatureRequired: false },
  {
    name: 'signed',
    kind: 'cloudevents',
    signatureRequired: true,
    keys: [
      { algorithm: 'hmac-sha256', key: whsec },
      { algorithm: 'ed25519', key: edKey.key.material.toString('base64') },
    ],
  },
  {
    name: 'acme/github',
    kind: 'github',
    signatureRequired: true,
    keys: [{ algorithm: 'hmac-sha256', key: whsec }],
  },
];

const structured = { 'content-type': 'application/cloudevents+json' };

export function eventBody(change: Record<string, unknown> = {}): string {
  const event = { specversion: '1.0', source: 'open', id: 'e-1', type: 'com.acme.built' };
  return JSON.stringify({ ...event, data: { ok: true }, ...change });
}

/** A structured CloudEvent, as both transports carry it. */
export function eventOf(change: Record<string, unknown> = {}): Inbound {
  return { headers: structured, body: eventBody(change) };
}

/** A structured event of the source `signed`. */
export function signedEvent(id: string, signedMs: number, secret = key): Inbound {
  const body = eventBody({ source: 'signed', id });
  const seconds = Math.floor(signedMs / 1_000);
  const signature = signV1(secret, id, seconds, body);
  return { headers: { ...structured, ...webhookHeaders(id, seconds, signature) }, body };
}

export function ed25519SignedEvent(id: string, signedMs: number): Inbound {
  const body = eventBody({ source: 'signed', id });
  const seconds = Math.floor(signedMs / 1_000);
  const signature = signV1a(edKey, id, seconds, body);
  return { headers: { ...structured, ...webhookHeaders(id, seconds, signature) }, body };
}

/** A delivery of GitHub to `acme/github`; signed by the registered key unless told otherwise. */
export function githubDelivery(
  id: string,
  body = '{"action":"created","repository":{"full_name":"acme/api"}}',
  signature: string | null = signGithub(key, body),
  event = 'repository',
): Inbound {
  return {
    kind: 'github',
    source: 'acme/github',
    headers: {
      'content-type': 'application/json',
      'x-github-event': event,
      'x-github-delivery': id,
      ...(signature !== null && { 'x-hub-signature-256': signature }),
    },
    body,
  };
}

export interface BadEvent {
  readonly title: string;
  readonly reason: string;
  readonly inbound: Inbound;
}

const HOUR_MS = 3_600_000;

export function badEvents(nowMs: number): readonly BadEvent[] {
  const bad = (title: string, reason: string, inbound: Inbound) => ({ title, reason, inbound });
  const text = (title: string, reason: string, body: string) =>
    bad(title, reason, { headers: structured, body });
  const deep = `${'['.repeat(33)}${']'.repeat(33)}`;
  const year = (time: string) => eventOf({ time });
  const tampered = signedEvent('b-tampered', nowMs);
  return [
    text('not JSON', 'not_json', '{"specversion":'),
    text('nothing at all', 'not_json', ''),
    text('a wrong shape', 'wrong_shape', '["specversion"]'),
    bad('an event without an id', 'wrong_shape', eventOf({ id: undefined })),
    bad('an event without a source', 'wrong_shape', eventOf({ source: undefined })),
    bad('an event without a type', 'wrong_shape', eventOf({ type: undefined })),
    bad('an id with a line break', 'wrong_shape', eventOf({ id: 'a\nb' })),
    bad('an unknown source', 'unknown_source', eventOf({ source: 'nobody' })),
    bad('a source of another kind', 'source_mismatch', eventOf({ source: 'acme/github' })),
    bad('no signature', 'signature_missing', eventOf({ source: 'signed' })),
    bad('a wrong signature', 'signature_wrong', signedEvent('b-wrong', nowMs, strangerKey)),
    bad('an old signature', 'signature_expired', signedEvent('b-old', nowMs - 25 * HOUR_MS)),
    bad(
      'a signature from the future',
      'signature_expired',
      signedEvent('b-future', nowMs + HOUR_MS),
    ),
    bad('a signature over other bytes', 'signature_wrong', {
      ...tampered,
      body: tampered.body.replace('true', 'null'),
    }),
    bad('half a signature', 'signature_malformed', {
      ...eventOf({ source: 'signed', id: 'b-half' }),
      headers: { ...structured, 'webhook-id': 'b-half' },
    }),
    bad('a signature on the id of another event', 'webhook_id_mismatch', {
      ...eventOf({ source: 'signed', id: 'b-other' }),
      headers: { ...signedEvent('b-another', nowMs).headers },
    }),
    bad('a signature that an unsigned source cannot have', 'signature_wrong', {
      ...eventOf({ id: 'b-unsigned' }),
      headers: { ...signedEvent('b-unsigned', nowMs).headers },
    }),
    bad(
      'a delivery of GitHub without a signature',
      'signature_missing',
      githubDelivery('b-g1', '{}', null),
    ),
    bad(
      'a delivery of GitHub that is not JSON',
      'not_json',
      githubDelivery('b-g2', 'payload=%7B%7D'),
    ),
    bad(
      'a delivery of GitHub with a wrong signature',
      'signature_wrong',
      githubDelivery('b-g3', '{"a":1}', signGithub(strangerKey, '{"a":1}')),
    ),
    text('more than 1 MiB', 'too_large', eventBody({ id: 'b-large', data: 'x'.repeat(1_048_576) })),
    text('more than 32 levels', 'too_deep', `{"data":${deep}}`),
    text('more than 10,000 values', 'too_many_values', eventBody({ data: Array(10_001).fill(0) })),
    text('U+0000', 'bad_string', eventBody({ data: 'a\u0000b' })),
    text('a lone surrogate', 'bad_string', '{"data":"\\ud800"}'),
    text('a number that would change', 'bad_number', '{"data":9007199254740993}'),
    text('an infinite number', 'bad_number', '{"data":1e400}'),
    text('a key twice', 'duplicate_key', '{"id":"a","id":"b"}'),
    text('the key __proto__', 'forbidden_key', '{"data":{"__proto__":{"admin":true}}}'),
    text('the key constructor', 'forbidden_key', '{"data":{"constructor":{}}}'),
    bad('a date before 1970', 'bad_time', year('1969-12-31T23:59:59Z')),
    bad('a date after 2199', 'bad_time', year('2200-01-01T00:00:00Z')),
    bad('a date without a zone', 'bad_time', year(timestampOfMs(nowMs).slice(0, -1))),
    bad('a leap second', 'bad_time', year('2016-12-31T23:59:60Z')),
    bad(
      'data that is not JSON',
      'data_not_json',
      eventOf({ data: undefined, data_base64: 'AA==' }),
    ),
  ];
}
