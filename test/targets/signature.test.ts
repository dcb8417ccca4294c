import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import { readSigningKey } from '../../src/targets/signature.ts';

const HMAC_SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const seed = Buffer.from(privateKey.export({ format: 'jwk' }).d!, 'base64url');
const publicBytes = Buffer.from(publicKey.export({ format: 'jwk' }).x!, 'base64url');
const ed25519Key = (...parts: Buffer[]) => `whsk_${Buffer.concat(parts).toString('base64')}`;

describe('signing keys', () => {
  it('sign by HMAC as the library of the standard verifies it', () => {
    const atMs = Date.now();
    const signature = readSigningKey(HMAC_SECRET)('msg_1', atMs, '{"a":1}');
    const headers = {
      'webhook-id': 'msg_1',
      'webhook-timestamp': String(Math.floor(atMs / 1_000)),
      'webhook-signature': signature,
    };
    const webhook = new Webhook(HMAC_SECRET);
    expect(webhook.verify('{"a":1}', headers)).toEqual({ a: 1 });
    expect(() => webhook.verify('{"a":2}', headers)).toThrow('No matching signature');
  });

  it.each([
    ['a seed', ed25519Key(seed)],
    ['a seed and its public key', ed25519Key(seed, publicBytes)],
  ])('sign by Ed25519 from %s', (_, key) => {
    const [version, signature] = readSigningKey(key)('msg_1', 1_700_000_000_999, 'body').split(',');
    expect(version).toBe('v1a');
    const signed = Buffer.from('msg_1.1700000000.body');
    const verifyKey = createPublicKey(publicKey.export({ format: 'pem', type: 'spki' }));
    expect(verify(null, signed, verifyKey, Buffer.from(signature!, 'base64'))).toBe(true);
  });

  it('may be followed by a line end, as files are', () => {
    expect(readSigningKey(`${HMAC_SECRET}\n`)('a', 0, 'b')).toBe(
      readSigningKey(HMAC_SECRET)('a', 0, 'b'),
    );
  });

  it.each([
    ['without a prefix', 'c2VjcmV0LXdpdGhvdXQtcHJlZml4', 'starts with whsec_'],
    ['too short to be safe', `whsec_${Buffer.alloc(8).toString('base64')}`, '24 to 64 bytes'],
    ['cut off', HMAC_SECRET.slice(0, -2), 'base64'],
    ['with a byte missing', ed25519Key(seed.subarray(1)), '32 or 64 bytes'],
    ['with the public key of another', ed25519Key(seed, Buffer.alloc(32, 1)), 'does not belong'],
  ])('are refused %s, without being quoted', (_, secret, message) => {
    const read = () => readSigningKey(secret);
    expect(read).toThrow(message);
    expect(read).not.toThrow(secret.slice(6));
  });
});
