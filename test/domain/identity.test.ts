import { describe, expect, it } from 'vitest';
import { sha256 } from '../../src/domain/digest.ts';
import {
  isPersonName,
  isRole,
  isSameProof,
  mintToken,
  proofOf,
} from '../../src/domain/identity.ts';

describe('a name', () => {
  it.each(['ada', 'ada.lovelace', 'a', '0x', 'a_b-c@example.org', 'a'.repeat(100)])(
    'can be %s',
    (name) => {
      expect(isPersonName(name)).toBe(true);
    },
  );

  it.each(['', 'Ada', ' ada', 'ada ', 'a\u0434a', 'ad\u200ba', '.ada', 'ada\n', 'a'.repeat(101)])(
    'cannot be %j, which could be taken for another',
    (name) => {
      expect(isPersonName(name)).toBe(false);
    },
  );
});

it('a role is one of six', () => {
  expect(['Administrator', 'Operator', 'administrator', 'Source'].map(isRole)).toEqual([
    true,
    true,
    false,
    false,
  ]);
});

describe('a token', () => {
  it('names itself, holds 256 random bits and is known by its hash', () => {
    const { token, tokenId, tokenSha256 } = mintToken();
    const [, , secret = ''] = token.split('_', 3);
    expect(token).toMatch(/^so_[0-9a-f]{16}_[A-Za-z0-9_-]{43}$/);
    expect(token.startsWith(`so_${tokenId}_${secret}`)).toBe(true);
    expect(Buffer.from(token.slice(-43), 'base64url')).toHaveLength(32);
    expect(tokenSha256).toBe(sha256(token));
    expect(mintToken().token).not.toBe(token);
  });

  it('proves itself and nothing else', () => {
    const { token, ...kept } = mintToken();
    const proof = proofOf(token)!;
    expect(proof).toEqual(kept);
    expect(isSameProof(proof, kept)).toBe(true);
    const forged = proofOf(`so_${kept.tokenId}_${mintToken().token.slice(-43)}`)!;
    expect(forged.tokenId).toBe(kept.tokenId);
    expect(isSameProof(forged, kept)).toBe(false);
  });

  it.each(['', 'so_', 'so_0123456789abcdef_short', 'x', `so_${'Z'.repeat(16)}_${'a'.repeat(43)}`])(
    'does not look like %j',
    (text) => {
      expect(proofOf(text)).toBeUndefined();
    },
  );
});
