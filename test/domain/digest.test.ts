import { expect, it } from 'vitest';
import { newSalt } from '../../src/domain/digest.ts';

it('a salt is 32 bytes in hex, and no other salt is the same', () => {
  const salts = Array.from({ length: 1_000 }, newSalt);
  expect(salts.filter((salt) => !/^[0-9a-f]{64}$/.test(salt))).toEqual([]);
  expect(new Set(salts).size).toBe(1_000);
  // Nor does one begin where another ends: bytes are used once.
  expect(new Set(salts.flatMap((salt) => [salt.slice(0, 32), salt.slice(32)])).size).toBe(2_000);
});
