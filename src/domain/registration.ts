/** What may be written into the registry of sources: names, kinds, and keys in the forms in which people hold them. */
import { sha256 } from './digest.ts';
import { SOURCE_NAME } from './event.ts';
import { type SourceKeyId, uuidOf } from './ids.ts';
import { type Refusal, refuse } from './problem.ts';
import type { KeyAlgorithm } from './source.ts';

export interface Registration {
  readonly name: string;
  readonly kind: string;
  readonly signatureRequired: boolean;
  readonly description?: string;
  /** How old, in seconds, a signature may be that came through the queue; a day when absent. */
  readonly queueAgeMaxS?: number;
}

export const QUEUE_AGE_MAX_S = 86_400;
const HMAC_BYTES_MIN = 16;
const HMAC_BYTES_MAX = 128;
const ED25519_BYTES = 32;

/** Refusals: `bad_source`. */
export function refuseRegistration(
  { name, kind, queueAgeMaxS = QUEUE_AGE_MAX_S }: Registration,
  kinds: readonly string[],
): Refusal | undefined {
  if (!SOURCE_NAME.test(name)) {
    return refuse('bad_source', 'a name has 1 to 100 of the characters 0-9 A-Z a-z . _ : / -');
  }
  if (!kinds.includes(kind)) return refuse('bad_source', `the kinds are ${kinds.join(', ')}`);
  if (!Number.isSafeInteger(queueAgeMaxS) || queueAgeMaxS < 1) {
    return refuse('bad_source', 'the age of a signature is a number of seconds from 1');
  }
  return undefined;
}

/**
 * The bytes of a key: an HMAC secret as `whsec_` and base64 (Standard Webhooks) or as plain text (GitHub), an Ed25519
 * public key as `whpk_` and base64, or base64 alone. Refusals: `bad_key`; they never repeat the key.
 */
export function readKey(algorithm: KeyAlgorithm, text: string): Buffer | Refusal {
  if (algorithm === 'ed25519') {
    const raw = fromBase64(text.replace(/^whpk_/, ''));
    return raw?.length === ED25519_BYTES
      ? raw
      : refuse('bad_key', 'an Ed25519 public key is the base64 of 32 bytes');
  }
  const secret = text.startsWith('whsec_')
    ? fromBase64(text.slice('whsec_'.length))
    : Buffer.from(text);
  if (secret === undefined) return refuse('bad_key', 'what follows whsec_ is not base64');
  return secret.length >= HMAC_BYTES_MIN && secret.length <= HMAC_BYTES_MAX
    ? secret
    : refuse('bad_key', `a secret has ${HMAC_BYTES_MIN} to ${HMAC_BYTES_MAX} bytes`);
}

function fromBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : undefined;
}

/** The same key of the same source has the same id, so adding it twice adds it once. */
export const sourceKeyIdOf = (
  source: string,
  algorithm: KeyAlgorithm,
  material: Buffer,
): SourceKeyId => uuidOf('sentinelops-source-key/v1', source, algorithm, sha256(material));
