/**
 * Finding repeats among millions of keys in bounded memory: a set of 53-bit fingerprints, eight bytes each, instead of
 * the keys. Equal keys always have equal fingerprints; equal fingerprints only make a repeat likely, and whoever finds
 * one compares the keys.
 */

const SLOTS_AT_START = 1 << 8;
const LOAD_MAX = 0.5;
const EMPTY = 0;

/**
 * A whole number in 1 … 2^53 − 1. The seed is drawn anew for each run: an author of keys cannot choose keys that collide.
 */
export function fingerprintOf(key: string, seed: number): number {
  let high = seed ^ 0x9e3779b9;
  let low = Math.imul(seed, 0x85ebca6b) ^ key.length;
  for (let index = 0; index < key.length; index += 1) {
    const unit = key.charCodeAt(index);
    high = Math.imul(high ^ unit, 0x5bd1e995);
    low = Math.imul(low ^ unit, 0x1b873593);
    high ^= high >>> 15;
    low ^= low >>> 13;
  }
  high = Math.imul(high ^ (low >>> 16), 0xc2b2ae35);
  low = Math.imul(low ^ (high >>> 13), 0x27d4eb2f);
  const fingerprint = ((high ^ (high >>> 16)) >>> 11) * 2 ** 32 + ((low ^ (low >>> 15)) >>> 0);
  return fingerprint === EMPTY ? 1 : fingerprint;
}

export interface FingerprintSet {
  /** False when the fingerprint was there already. */
  add(fingerprint: number): boolean;
}

/** Open addressing with linear probing over one typed array, which doubles when it is half full. */
export function createFingerprintSet(): FingerprintSet {
  let slots = new Float64Array(SLOTS_AT_START);
  let size = 0;

  function insert(into: Float64Array, fingerprint: number): boolean {
    const mask = into.length - 1;
    let slot = (fingerprint >>> 0) & mask;
    for (;;) {
      const held = into[slot];
      if (held === fingerprint) return false;
      if (held === EMPTY) break;
      slot = (slot + 1) & mask;
    }
    into[slot] = fingerprint;
    return true;
  }

  function grow(): void {
    const larger = new Float64Array(slots.length * 2);
    for (const fingerprint of slots) if (fingerprint !== EMPTY) insert(larger, fingerprint);
    slots = larger;
  }

  return {
    add(fingerprint) {
      if (size >= slots.length * LOAD_MAX) grow();
      if (!insert(slots, fingerprint)) return false;
      size += 1;
      return true;
    },
  };
}
