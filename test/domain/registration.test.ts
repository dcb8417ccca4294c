import { describe, expect, it } from 'vitest';
import { readKey, refuseRegistration, sourceKeyIdOf } from '../../src/domain/registration.ts';

const kinds = ['cloudevents', 'github'];
const valid = { name: 'acme/ci', kind: 'cloudevents', signatureRequired: true };

describe('a registration', () => {
  it('names a source and a kind that exists', () => {
    expect(refuseRegistration(valid, kinds)).toBeUndefined();
    expect(refuseRegistration({ ...valid, queueAgeMaxS: 60 }, kinds)).toBeUndefined();
  });

  it.each([
    ['a name with a space', { name: 'acme ci' }],
    ['no name', { name: '' }],
    ['a name that is too long', { name: 'x'.repeat(101) }],
    ['an unknown kind', { kind: 'gitlab' }],
    ['an age of nothing', { queueAgeMaxS: 0 }],
    ['an age that is no number', { queueAgeMaxS: Number.NaN }],
  ])('is refused with %s', (_fault, change) => {
    expect(refuseRegistration({ ...valid, ...change }, kinds)).toMatchObject({
      reason: 'bad_source',
    });
  });
});

describe('a key', () => {
  const bytes = Buffer.alloc(32, 7);
  const base64 = bytes.toString('base64');

  it('is read in the forms in which people hold it', () => {
    expect(readKey('hmac-sha256', `whsec_${base64}`)).toEqual(bytes);
    expect(readKey('hmac-sha256', 'a secret of GitHub')).toEqual(Buffer.from('a secret of GitHub'));
    expect(readKey('ed25519', `whpk_${base64}`)).toEqual(bytes);
    expect(readKey('ed25519', base64)).toEqual(bytes);
  });

  it.each([
    ['hmac-sha256', 'too short'],
    ['hmac-sha256', 'x'.repeat(129)],
    ['hmac-sha256', `whsec_${base64} `],
    ['hmac-sha256', `whsec_${Buffer.alloc(15).toString('base64')}`],
    ['ed25519', Buffer.alloc(31).toString('base64')],
    ['ed25519', base64.slice(0, -1)],
    ['ed25519', 'not base64'],
  ] as const)('is refused for %s: %s, without being repeated', (algorithm, text) => {
    const refusal = readKey(algorithm, text);
    expect(refusal).toMatchObject({ reason: 'bad_key' });
    expect(JSON.stringify(refusal)).not.toContain(text);
  });

  it('has one id for each source and algorithm', () => {
    const id = sourceKeyIdOf('a', 'ed25519', bytes);
    expect(sourceKeyIdOf('a', 'ed25519', Buffer.from(bytes))).toBe(id);
    expect(sourceKeyIdOf('b', 'ed25519', bytes)).not.toBe(id);
    expect(sourceKeyIdOf('a', 'hmac-sha256', bytes)).not.toBe(id);
  });
});
