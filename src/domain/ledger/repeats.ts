/**
 * Which keys of an export occur twice. Fingerprints show where a repeat is likely (fingerprints.ts); a look at the keys
 * themselves confirms it. A part of the fingerprints can be searched at a time, so that memory stays bounded however
 * long the chain is.
 */
import { createFingerprintSet, fingerprintOf } from './fingerprints.ts';
import { type Line, linesOf } from './line.ts';
import { keysOf } from './segment.ts';

/** Of the suspects of a search, the first are kept: the first of them that is confirmed decides. */
const SUSPECTS_MAX = 1_000;

/** A fingerprint that occurs at this place and somewhere before it. */
export interface Suspect {
  readonly seq: number;
  readonly fingerprint: number;
}

export interface RepeatSearch {
  /** Takes the fingerprints of a segment, two for each entry; the segments in order. */
  add(fingerprints: Float64Array): void;
  readonly suspects: readonly Suspect[];
}

/** Searches one of `parts` equal parts of all fingerprints. */
export function createRepeatSearch(part: number, parts: number): RepeatSearch {
  const seen = createFingerprintSet();
  const suspects: Suspect[] = [];
  let entries = 0;
  return {
    suspects,
    add(fingerprints) {
      for (let index = 0; index < fingerprints.length; index += 1) {
        const fingerprint = fingerprints[index]!;
        if (fingerprint % parts !== part || seen.add(fingerprint)) continue;
        if (suspects.length < SUSPECTS_MAX) {
          suspects.push({ seq: entries + Math.floor(index / 2), fingerprint });
        }
      }
      entries += fingerprints.length / 2;
    },
  };
}

/** An entry whose id or fact was seen before. */
export interface Repeat {
  readonly seq: number;
  /** current_hash of the entry in front of it. */
  readonly previousHash: string;
  /** Which key, as the beginning of a sentence. */
  readonly what: string;
}

export interface RepeatProof {
  /** The first repeat, once it has come by. */
  look(bytes: Uint8Array): Repeat | undefined;
  /** Entries looked at so far. */
  readonly seen: number;
}

/** Looks at the keys behind the suspects, segment by segment, in order. */
export function createRepeatProof(suspects: readonly Suspect[], seed: number): RepeatProof {
  const suspected = new Set(suspects.map((suspect) => suspect.fingerprint));
  const keys = new Set<string>();
  let seq = 0;

  function repeatedBy(line: Line): string | undefined {
    for (const [index, key] of keysOf(line).entries()) {
      if (!suspected.has(fingerprintOf(key, seed))) continue;
      const what = index === 0 ? `entry_id ${key}` : `The fact ${key}`;
      if (keys.has(what)) return what;
      keys.add(what);
    }
    return undefined;
  }

  return {
    get seen() {
      return seq;
    },
    look(bytes) {
      for (const line of linesOf(bytes)) {
        if ('status' in line) return undefined;
        const what = repeatedBy(line);
        if (what !== undefined) return { seq, previousHash: line.previousHash, what };
        seq += 1;
      }
      return undefined;
    },
  };
}
