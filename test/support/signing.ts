/** Signs as sources do: Standard Webhooks in both versions, and GitHub. */
import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import type { SigningKey } from '../../src/domain/source.ts';

export interface HmacKey {
  readonly key: SigningKey;
  readonly secret: Buffer;
}

export function hmacKey(fill: number): HmacKey {
  const secret = Buffer.alloc(24, fill);
  return { key: { algorithm: 'hmac-sha256', material: secret }, secret };
}

export interface Ed25519Key {
  readonly key: SigningKey;
  readonly secret: KeyObject;
}

export function ed25519Key(): Ed25519Key {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const material = Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url');
  return { key: { algorithm: 'ed25519', material }, secret: privateKey };
}

export function signV1({ secret }: HmacKey, id: string, seconds: number, body: string): string {
  return new Webhook(secret, { format: 'raw' }).sign(id, new Date(seconds * 1_000), body);
}

export function signV1a({ secret }: Ed25519Key, id: string, seconds: number, body: string): string {
  const signature = sign(null, Buffer.from(`${id}.${seconds}.${body}`), secret);
  return `v1a,${signature.toString('base64')}`;
}

export function webhookHeaders(
  id: string,
  seconds: number,
  ...signatures: readonly string[]
): Record<string, string> {
  return {
    'webhook-id': id,
    'webhook-timestamp': String(seconds),
    'webhook-signature': signatures.join(' '),
  };
}

export function signGithub({ secret }: HmacKey, body: string): string {
  return `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;
}
