/**
 * Checks a run of whole lines of an export by itself: each entry, and how each follows the one before it in the run.
 * Pure and without memory, so that runs can be checked side by side in threads. How the first line follows the run in
 * front, and whether a key was seen before, is for verification.ts and repeats.ts.
 */
import { fingerprintOf } from './fingerprints.ts';
import {
  contentFault,
  type Failure,
  type Line,
  LINE_BYTES_MIN,
  linesOf,
  originFault,
  placeFault,
} from './line.ts';
import { HASH_BYTES } from './tree.ts';

export interface SegmentTask {
  /** Whole lines. Only the last line of an export may lack its LF, which is then a fault. */
  readonly bytes: Uint8Array;
  readonly origin: string;
  /** Of the fingerprints; the same for a whole verification. */
  readonly seed: number;
  /** The places whose hashes are asked for. */
  readonly pinnedSeqs: readonly number[];
  /** True when the lines have passed before and only their fingerprints are wanted again. */
  readonly passedBefore: boolean;
  /** True when the hash of each entry is asked for, to grow the tree. */
  readonly wantsLeafHashes: boolean;
}

export interface SegmentReport extends SegmentNotes {
  /** Of the line after those that passed, if there is one: why it did not. */
  readonly failure: Failure | undefined;
  /**
   * What the first line says of its place, still to be judged. Undefined when it has failed a check that comes before
   * that one.
   */
  readonly opening: Pick<Line, 'seq' | 'previousHash'> | undefined;
}

/** Of the entries that passed. */
interface SegmentNotes {
  readonly passed: number;
  readonly firstHash: string | undefined;
  readonly lastHash: string | undefined;
  /** Two for each entry: of its entry_id and of its fact. */
  readonly fingerprints: Float64Array;
  readonly pinned: readonly { readonly seq: number; readonly hash: string }[];
  readonly sealed: SealedTimes | undefined;
  /** The current_hash of each, 32 bytes, one after the other; empty when nobody asked. */
  readonly leafHashes: Uint8Array;
}

export interface SealedTimes {
  readonly first: string;
  readonly last: string;
  /** How many entries were sealed before the one in front of them, and which entry of the run was the first of them. */
  readonly backwards: number;
  readonly firstBackwards: number;
}

/** Stops at the first line that fails. */
export function checkSegment(task: SegmentTask): SegmentReport {
  const notes = createNotes(task);
  let opening: Line | undefined;
  let last: Line | undefined;
  let failure: Failure | undefined;
  for (const line of linesOf(task.bytes)) {
    failure = 'status' in line ? line : originFault(line, task.origin);
    if (failure !== undefined || 'status' in line) break;
    opening ??= line;
    if (!task.passedBefore) failure = followFault(line, last) ?? contentFault(line);
    if (failure !== undefined) break;
    notes.add(line);
    last = line;
  }
  return {
    ...notes.taken(),
    failure,
    opening: opening && { seq: opening.seq, previousHash: opening.previousHash },
  };
}

function followFault(line: Line, last: Line | undefined): Failure | undefined {
  return last && placeFault(line, Number(last.seq) + 1, last.currentHash);
}

/** What may occur only once: the id of an entry, and the fact that it is about. */
export function keysOf(line: Line): readonly [entryId: string, fact: string] {
  return [line.entryId, `${line.type} ${line.linkedEntityId}`];
}

function createNotes({ bytes, seed, pinnedSeqs, wantsLeafHashes }: SegmentTask) {
  const entriesMax = Math.ceil(bytes.length / LINE_BYTES_MIN);
  const fingerprints = new Float64Array(2 * entriesMax);
  const leafHashes = Buffer.alloc(wantsLeafHashes ? HASH_BYTES * entriesMax : 0);
  const pinned: { seq: number; hash: string }[] = [];
  let passed = 0;
  let first: Line | undefined;
  let last: Line | undefined;
  let backwards = 0;
  let firstBackwards = 0;
  return {
    add(line: Line): void {
      const [entryId, fact] = keysOf(line);
      fingerprints[2 * passed] = fingerprintOf(entryId, seed);
      fingerprints[2 * passed + 1] = fingerprintOf(fact, seed);
      if (wantsLeafHashes) leafHashes.write(line.currentHash, HASH_BYTES * passed, 'hex');
      const pin = pinnedSeqs.find((seq) => String(seq) === line.seq);
      if (pin !== undefined) pinned.push({ seq: pin, hash: line.currentHash });
      if (last !== undefined && line.sealedAt < last.sealedAt) {
        if (backwards === 0) firstBackwards = passed;
        backwards += 1;
      }
      first ??= line;
      last = line;
      passed += 1;
    },
    taken(): SegmentNotes {
      return {
        passed,
        firstHash: first?.currentHash,
        lastHash: last?.currentHash,
        fingerprints: fingerprints.slice(0, 2 * passed),
        leafHashes: wantsLeafHashes ? leafHashes.subarray(0, HASH_BYTES * passed) : leafHashes,
        pinned,
        sealed: first &&
          last && { first: first.sealedAt, last: last.sealedAt, backwards, firstBackwards },
      };
    },
  };
}
