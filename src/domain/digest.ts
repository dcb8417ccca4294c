/** SHA-256 digests: of bytes, of rows as stored, of payloads. All print as 64 lower-case hex digits. */
import { hash, randomBytes } from 'node:crypto';
import { type CanonicalRecord, canonicalRecord } from './canonical.ts';

declare const digest: unique symbol;
/** 64 lower-case hex digits. */
export type Digest = string & { readonly [digest]: true };

export function sha256(bytes: string | Buffer): Digest {
  return hash('sha256', bytes) as Digest;
}

/**
 * A row as it is hashed: the canonical JSON of its columns, under a name that says which table and which version of the
 * row's shape. A row with free text or personal data passes its `salt`: the plain hash of a name can be guessed, and the
 * ledger that carries the SHA-256 of these bytes can never be erased.
 */
export function rowRecord(table: string, columns: CanonicalRecord): string {
  return canonicalRecord({ row: columns, table: `sentinelops-row/v1 ${table}` });
}

/** The digest of a row as stored: of the bytes above. */
export function rowDigest(table: string, columns: CanonicalRecord): Digest {
  return sha256(rowRecord(table, columns));
}

const SALT_BYTES = 32;
/** Random bytes are fetched from the system for many salts at once, and each is used once. */
const supply = { bytes: Buffer.alloc(0), used: 0 };

/** 32 random bytes in hex, kept in the row whose digest it protects. */
export function newSalt(): string {
  if (supply.used === supply.bytes.length) {
    supply.bytes = randomBytes(SALT_BYTES * 128);
    supply.used = 0;
  }
  const salt = supply.bytes.toString('hex', supply.used, supply.used + SALT_BYTES);
  supply.bytes.fill(0, supply.used, supply.used + SALT_BYTES);
  supply.used += SALT_BYTES;
  return salt;
}
