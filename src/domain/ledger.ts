/**
 * The bytes of the ledger: what of an entry is hashed, and how each entry is tied to the one before. The written
 * specification for outsiders is docs/ledger-format.md; the table `ledger.ledger_entry` computes the same hash again in
 * SQL before it accepts a row, so a difference between the two shows before anything is durable.
 */
import { type Digest, sha256 } from './digest.ts';
import type { FactType } from './fact.ts';
import { type EntryId, uuidOf } from './ids.ts';
import type { Timestamp } from './time.ts';

/** The chain that entries go to. One is enough until a single lock is the measured limit. */
export const STREAM = 0;

/** What the first entry of a stream follows. */
export const ZERO_HASH = '0'.repeat(64) as Digest;

/** A fact as its entry will carry it, not yet placed in the chain. */
export interface UnplacedEntry {
  readonly entryType: FactType;
  readonly linkedEntityId: string;
  /** Canonical JSON (RFC 8785) of an object; these bytes are hashed and kept. */
  readonly entryData: string;
  /** When the fact happened. */
  readonly timestamp: Timestamp;
}

/** Where a chain ends: how many entries it has and the hash that the next one follows. */
export interface Head {
  /** The name of the ledger, without the stream. */
  readonly originBase: string;
  readonly stream: number;
  readonly size: number;
  readonly hash: Digest;
}

export interface Entry extends UnplacedEntry {
  readonly entryId: EntryId;
  /** 0, 1, 2 … without a gap in each stream. */
  readonly seq: number;
  readonly previousHash: Digest;
  readonly currentHash: Digest;
  readonly sealedAt: Timestamp;
}

/** `acme.example/ledger-0`: which chain an entry belongs to, in every leaf. */
export function originOf(originBase: string, stream: number): string {
  return `${originBase}-${stream}`;
}

/** The same for the same fact, whoever appends it. */
export function entryIdOf(type: FactType, linkedEntityId: string): EntryId {
  return uuidOf('sentinelops-entry/v1', type, linkedEntityId);
}

/**
 * The leaf: canonical JSON of ten strings. None of them can hold a character that JSON escapes, so joining text gives
 * the canonical bytes.
 */
export function leafOf(origin: string, entry: Omit<Entry, 'currentHash'>): string {
  return (
    `{"entry_data_sha256":"${sha256(entry.entryData)}","entry_id":"${entry.entryId}",` +
    `"entry_type":"${entry.entryType}","linked_entity_id":"${entry.linkedEntityId}",` +
    `"origin":"${origin}","previous_hash":"${entry.previousHash}",` +
    `"schema":"sentinelops-ledger-entry/v1","sealed_at":"${entry.sealedAt}",` +
    `"seq":"${entry.seq}","timestamp":"${entry.timestamp}"}`
  );
}

/** The RFC 6962 leaf hash: a zero byte first, so that no leaf can pass for an inner node of a tree. */
export function hashOfLeaf(leaf: string): Digest {
  return sha256(`\0${leaf}`);
}

/** Places entries behind a head, in the order given, all sealed at the same instant. */
export function chain(
  head: Head,
  sealedAt: Timestamp,
  unplaced: readonly UnplacedEntry[],
): readonly Entry[] {
  const origin = originOf(head.originBase, head.stream);
  let previousHash = head.hash;
  return unplaced.map((fact, index) => {
    const entryId = entryIdOf(fact.entryType, fact.linkedEntityId);
    const placed = { ...fact, entryId, seq: head.size + index, previousHash, sealedAt };
    const currentHash = hashOfLeaf(leafOf(origin, placed));
    previousHash = currentHash;
    return { ...placed, currentHash };
  });
}
