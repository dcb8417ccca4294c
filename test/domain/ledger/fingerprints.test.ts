import { expect, it } from 'vitest';
import { createFingerprintSet, fingerprintOf } from '../../../src/domain/ledger/fingerprints.ts';

const KEYS = 300_000;
const keys = Array.from(
  { length: KEYS },
  (_, n) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`,
);

it('gives keys that differ in one digit different fingerprints', () => {
  // Of 300,000 keys in 2^53 places, two meet by chance in one of 200,000 runs.
  expect(new Set(keys.map((key) => fingerprintOf(key, 1))).size).toBe(KEYS);
});

it('gives whole numbers that a double holds exactly, never the empty one', () => {
  const fingerprints = keys.slice(0, 10_000).map((key) => fingerprintOf(key, 7));
  expect(fingerprints.every((n) => Number.isSafeInteger(n) && n > 0)).toBe(true);
  // All 53 bits are used: half of them are above the middle.
  expect(fingerprints.filter((n) => n > 2 ** 52).length).toBeGreaterThan(4_500);
});

it('depends on the seed, so that nobody can choose keys that collide', () => {
  expect(
    keys.slice(0, 1_000).filter((key) => fingerprintOf(key, 1) === fingerprintOf(key, 2)),
  ).toEqual([]);
});

it('knows each fingerprint from the second time on, through every doubling', () => {
  const set = createFingerprintSet();
  const fingerprints = keys.map((key) => fingerprintOf(key, 3));
  expect(fingerprints.every((fingerprint) => set.add(fingerprint))).toBe(true);
  expect(fingerprints.some((fingerprint) => set.add(fingerprint))).toBe(false);
});
