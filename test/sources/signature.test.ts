import { describe, expect, it } from 'vitest';
import type { SigningKey } from '../../src/domain/source.ts';
import { timestampOfMs } from '../../src/domain/time.ts';
import { verifyStandardWebhook } from '../../src/sources/signature.ts';
import { ed25519Key, hmacKey, signV1, signV1a, webhookHeaders } from '../support/signing.ts';

const nowS = 1_767_323_045;
const now = timestampOfMs(nowS * 1_000);
const MINUTE_MS = 60_000;
const window = { now, pastMsMax: 5 * MINUTE_MS, futureMsMax: 5 * MINUTE_MS };
const body = '{"specversion":"1.0", "id":"e-1"}';
const hmac = hmacKey(1);
const other = hmacKey(2);
const ed25519 = ed25519Key();
const v1 = signV1(hmac, 'e-1', nowS, body);

function verdict(
  headers: Record<string, string> | undefined,
  keys: readonly SigningKey[] = [hmac.key, ed25519.key],
  text: string = body,
) {
  return verifyStandardWebhook({ headers, body: text }, keys, window);
}

describe('a Standard Webhooks signature', () => {
  it('is the one of the specification’s example', () => {
    // Published with the Standard Webhooks libraries: the same secret, id, time and body in every language.
    const secret = Buffer.from('MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'base64');
    const headers = webhookHeaders(
      'msg_p5jXN8AQM9LWM0D4loKWxJek',
      1_614_265_330,
      'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    );
    const at = { ...window, now: timestampOfMs(1_614_265_330_000) };
    const keys = [{ algorithm: 'hmac-sha256', material: secret }] as const;
    expect(verifyStandardWebhook({ headers, body: '{"test": 2432232314}' }, keys, at)).toBe(
      'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    );
  });

  it('holds for HMAC-SHA256 and for Ed25519', () => {
    const v1a = signV1a(ed25519, 'e-1', nowS, body);
    expect(verdict(webhookHeaders('e-1', nowS, v1))).toBe(v1);
    expect(verdict(webhookHeaders('e-1', nowS, v1a))).toBe(v1a);
  });

  it('holds when one entry of the list does', () => {
    const wrong = signV1(other, 'e-1', nowS, body);
    expect(verdict(webhookHeaders('e-1', nowS, wrong, 'v9,abc', v1))).toBe(v1);
  });

  it('holds for the old and for the new key while both are valid', () => {
    const rotated = [hmacKey(3).key, hmac.key];
    expect(verdict(webhookHeaders('e-1', nowS, v1), rotated)).toBe(v1);
    expect(verdict(webhookHeaders('e-1', nowS, v1), rotated.slice(0, 1))).toMatchObject({
      reason: 'signature_wrong',
    });
  });

  it('is absent when no header of it is there', () => {
    expect(verdict(undefined)).toBeNull();
    expect(verdict({ 'content-type': 'application/json' })).toBeNull();
  });

  it.each([
    ['an altered byte', webhookHeaders('e-1', nowS, v1), body.replace('e-1', 'e-2')],
    ['the same JSON encoded anew', webhookHeaders('e-1', nowS, v1), body.replace(' ', '')],
    ['another id', webhookHeaders('e-2', nowS, v1), body],
    ['another time', webhookHeaders('e-1', nowS - 1, v1), body],
    [
      'the key of another source',
      webhookHeaders('e-1', nowS, signV1(other, 'e-1', nowS, body)),
      body,
    ],
    [
      'one version under the name of the other',
      webhookHeaders('e-1', nowS, v1.replace('v1', 'v1a')),
      body,
    ],
    ['a version that nobody knows', webhookHeaders('e-1', nowS, v1.replace('v1', 'v2')), body],
    [
      'base64 in another spelling',
      webhookHeaders('e-1', nowS, `${signV1a(ed25519, 'e-1', nowS, body)}=`),
      body,
    ],
    ['a cut signature', webhookHeaders('e-1', nowS, v1.slice(0, -4)), body],
  ])('does not hold with %s', (_fault, headers, text) => {
    expect(verdict(headers, undefined, text)).toMatchObject({ reason: 'signature_wrong' });
  });

  it('does not hold when the source has no key', () => {
    expect(verdict(webhookHeaders('e-1', nowS, v1), [])).toMatchObject({
      reason: 'signature_wrong',
    });
  });

  it.each([
    ['no id', { 'webhook-id': undefined }],
    ['no time', { 'webhook-timestamp': undefined }],
    ['no signature', { 'webhook-signature': undefined }],
    ['a time in milliseconds with a point', { 'webhook-timestamp': `${nowS}.5` }],
    ['a time with a leading zero', { 'webhook-timestamp': `0${nowS}` }],
    ['a time twice', { 'webhook-timestamp': `${nowS}, ${nowS}` }],
    ['signatures without versions', { 'webhook-signature': v1.slice(3) }],
    ['an empty entry', { 'webhook-signature': `${v1}  ${v1}` }],
    ['a long list', { 'webhook-signature': Array(17).fill(v1).join(' ') }],
  ])('is malformed with %s', (_fault, change) => {
    const headers = Object.entries({ ...webhookHeaders('e-1', nowS, v1), ...change });
    const present = headers.flatMap(([name, value]) =>
      value === undefined ? [] : [[name, value]],
    );
    expect(verdict(Object.fromEntries(present) as Record<string, string>)).toMatchObject({
      reason: 'signature_malformed',
    });
  });

  it.each([-301, -86_400, 301])('has expired %i seconds from now', (seconds) => {
    const signed = signV1(hmac, 'e-1', nowS + seconds, body);
    expect(verdict(webhookHeaders('e-1', nowS + seconds, signed))).toMatchObject({
      reason: 'signature_expired',
    });
  });

  it.each([-300, 300])('has not expired %i seconds from now', (seconds) => {
    const signed = signV1(hmac, 'e-1', nowS + seconds, body);
    expect(verdict(webhookHeaders('e-1', nowS + seconds, signed))).toBe(signed);
  });

  it('may be older where the window says so', () => {
    const signed = signV1(hmac, 'e-1', nowS - 86_400, body);
    const inbound = { headers: webhookHeaders('e-1', nowS - 86_400, signed), body };
    const day = { ...window, pastMsMax: 86_400_000 };
    expect(verifyStandardWebhook(inbound, [hmac.key], day)).toBe(signed);
  });
});
