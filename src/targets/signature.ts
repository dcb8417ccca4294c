/**
 * Signatures of Standard Webhooks 1.0: `v1` (HMAC-SHA256) and `v1a` (Ed25519) over `id.timestamp.body`. While one key
 * replaces another there are two, and the header carries a signature by each, so the receiver may change when it likes.
 */
import { createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';
import { Webhook } from 'standardwebhooks';

/** Signs what is sent under `id` at `atMs`; one element of the `webhook-signature` header. */
export type Signer = (id: string, atMs: number, body: string) => string;

const HMAC_PREFIX = 'whsec_';
const ED25519_PREFIX = 'whsk_';
const HMAC_BYTES = { min: 24, max: 64 };
const SEED_BYTES = 32;
/** PKCS #8 of an Ed25519 key up to its seed (RFC 8410 §7). */
const PKCS8_HEAD = Buffer.from('302e020100300506032b657004220420', 'hex');

/**
 * Reads a key as the standard writes it: `whsec_` and 24 to 64 bytes for HMAC, or `whsk_` and an Ed25519 seed of 32
 * bytes, with or without its public key behind it; both in base64.
 * @throws Error that says what is wrong and never what the key is.
 */
export function readSigningKey(secret: string): Signer {
  const text = secret.trim();
  if (text.startsWith(HMAC_PREFIX)) return hmacSigner(text);
  if (text.startsWith(ED25519_PREFIX)) return ed25519Signer(text);
  throw new Error(`a signing key starts with ${HMAC_PREFIX} (HMAC) or ${ED25519_PREFIX} (Ed25519)`);
}

function hmacSigner(text: string): Signer {
  const { length } = decode(text.slice(HMAC_PREFIX.length));
  if (length < HMAC_BYTES.min || length > HMAC_BYTES.max) {
    throw new Error(`an HMAC key has ${HMAC_BYTES.min} to ${HMAC_BYTES.max} bytes, not ${length}`);
  }
  const webhook = new Webhook(text);
  return (id, atMs, body) => webhook.sign(id, new Date(atMs), body);
}

function ed25519Signer(text: string): Signer {
  const bytes = decode(text.slice(ED25519_PREFIX.length));
  const seed = bytes.subarray(0, SEED_BYTES);
  const key = createEd25519Key(seed);
  const publicKey = bytes.subarray(SEED_BYTES);
  if (publicKey.length > 0 && !publicKey.equals(publicBytes(key))) {
    throw new Error('the public half of the Ed25519 key does not belong to its seed');
  }
  return (id, atMs, body) => {
    const signed = Buffer.from(`${id}.${Math.floor(atMs / 1_000)}.${body}`);
    return `v1a,${sign(null, signed, key).toString('base64')}`;
  };
}

function createEd25519Key(seed: Buffer): KeyObject {
  if (seed.length !== SEED_BYTES) throw new Error('an Ed25519 key has 32 or 64 bytes');
  const der = Buffer.concat([PKCS8_HEAD, seed]);
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
}

function publicBytes(key: KeyObject): Buffer {
  const { x } = createPublicKey(key).export({ format: 'jwk' });
  return Buffer.from(x ?? '', 'base64url');
}

/** Node skips what is not base64; a key that was cut or mistyped must not become another key. */
function decode(base64: string): Buffer {
  const bytes = Buffer.from(base64, 'base64');
  if (bytes.toString('base64') !== base64) throw new Error('a signing key is in base64, padded');
  return bytes;
}
