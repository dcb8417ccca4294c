/**
 * Signatures under what sources send. Standard Webhooks 1.0: `webhook-id`, `webhook-timestamp` (Unix seconds) and
 * `webhook-signature`, a list of `v1,<base64>` (HMAC-SHA256) and `v1a,<base64>` (Ed25519), over `id.timestamp.body`.
 * The instant that a signature states is judged here and not by the library, which knows only five minutes from now:
 * what waited in a queue may be older.
 */
import { createPublicKey, timingSafeEqual, verify as verifyBytes } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { type Refusal, refuse } from '../domain/problem.ts';
import type { Inbound, SigningKey, SigningWindow } from '../domain/source.ts';
import { epochMsOf } from '../domain/time.ts';

const HEADERS = ['webhook-id', 'webhook-timestamp', 'webhook-signature'] as const;
const UNIX_SECONDS = /^[1-9][0-9]{0,11}$/;
/** Two keys of two algorithms make four; the rest is room for versions that we do not know. */
const SIGNATURES_MAX = 16;

/** True when a message bears any part of a Standard Webhooks signature. */
export function isStandardWebhook({ headers = {} }: Inbound): boolean {
  return HEADERS.some((name) => headers[name] !== undefined);
}

/**
 * The one signature of the list that holds, null when the message bears none.
 * Refusals: `signature_malformed`, `signature_expired`, `signature_wrong`.
 */
export function verifyStandardWebhook(
  inbound: Inbound,
  keys: readonly SigningKey[],
  window: SigningWindow,
): string | null | Refusal {
  if (!isStandardWebhook(inbound)) return null;
  const [id, seconds, list] = HEADERS.map((name) => inbound.headers?.[name]);
  if (id === undefined || seconds === undefined || list === undefined) {
    return refuse('signature_malformed', `a signature consists of ${HEADERS.join(', ')}`);
  }
  if (!UNIX_SECONDS.test(seconds)) {
    return refuse('signature_malformed', 'webhook-timestamp is not a number of Unix seconds');
  }
  const signatures = list.split(' ');
  if (signatures.length > SIGNATURES_MAX || !signatures.every((entry) => /^\w+,\S+$/.test(entry))) {
    return refuse('signature_malformed', 'webhook-signature is not a list of version,signature');
  }
  const signedMs = Number(seconds) * 1_000;
  const ageMs = epochMsOf(window.now) - signedMs;
  if (ageMs > window.pastMsMax || -ageMs > window.futureMsMax) {
    return refuse('signature_expired', 'webhook-timestamp is outside the time allowed');
  }
  const holding = signatures.find((signature) =>
    keys.some((key) => holds(signature, key, id, signedMs, inbound.body)),
  );
  return holding ?? refuse('signature_wrong', 'no signature of the list holds for a valid key');
}

function holds(
  signature: string,
  key: SigningKey,
  id: string,
  signedMs: number,
  body: string,
): boolean {
  if (key.algorithm === 'hmac-sha256') {
    const expected = new Webhook(key.material, { format: 'raw' }).sign(
      id,
      new Date(signedMs),
      body,
    );
    return equalInConstantTime(signature, expected);
  }
  const [version, encoded = ''] = signature.split(',');
  const bytes = Buffer.from(encoded, 'base64');
  if (version !== 'v1a' || bytes.toString('base64') !== encoded) return false;
  const signed = Buffer.from(`${id}.${signedMs / 1_000}.${body}`);
  return verifyBytes(null, signed, ed25519(key.material), bytes);
}

function ed25519(raw: Buffer) {
  return createPublicKey({
    format: 'jwk',
    key: { kty: 'OKP', crv: 'Ed25519', x: raw.toString('base64url') },
  });
}

/** Compares without telling, by the time it takes, how much of a forged signature was right. */
export function equalInConstantTime(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}
