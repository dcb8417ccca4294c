/**
 * The Merkle tree of RFC 6962 over the entries of a stream. A leaf hash is the 32 bytes of an entry's `current_hash`,
 * which is made for that: it is never hashed again, so chain and tree cannot disagree.
 *
 * Which hashes a proof needs is arithmetic, kept apart from where they are read: `inclusionRanges` and
 * `consistencyRanges` name runs of leaves, `spansOf` says which stored hashes make up the hash of a run.
 */
import { hash } from 'node:crypto';

export const HASH_BYTES = 32;
/** The root of the tree without leaves. */
export const EMPTY_ROOT: Buffer = hash('sha256', '', 'buffer');

/** What is hashed of a node: 0x01, left, right. One for all calls, which take turns: a proof hashes hundreds. */
const node = Buffer.alloc(1 + 2 * HASH_BYTES, 1);

export function hashOfNode(left: Buffer, right: Buffer): Buffer {
  left.copy(node, 1);
  right.copy(node, 1 + HASH_BYTES);
  // As a string, which node:crypto makes several times faster than a buffer.
  return Buffer.from(hash('sha256', node, 'binary'), 'binary');
}

/**
 * Of the hashes inside the tree, those on every fourth level are stored. A proof then reads at most 15 neighbours a level and
 * hashes some hundred times; storing all would take as much room as the leaves, storing every eighth costs eight times the
 * hashing.
 */
export const STORED_HEIGHT = 4;
const STORED_WIDTH = 2 ** STORED_HEIGHT;

/** The hash of a full subtree of 16^level leaves, the one with this index among all of them. */
export interface SubtreeHash {
  readonly level: number;
  readonly index: number;
  readonly hash: Buffer;
}

/** A tree that grows: it remembers the roots of its full subtrees only, at most one for each power of two. */
export interface Tree {
  readonly size: number;
  add(leafHash: Buffer): void;
  root(): Buffer;
}

/** `onSubtreeHash` is told of each full subtree of 16, 256, 4096 … leaves when its last leaf comes. */
export function createTree(onSubtreeHash: (found: SubtreeHash) => void = () => undefined): Tree {
  /** From the largest subtree, which is the leftmost, to the smallest. */
  const peaks: Buffer[] = [];
  let size = 0;
  return {
    get size() {
      return size;
    },
    add(leafHash) {
      let peak = leafHash;
      let level = 0;
      // Each one at the end of the binary size is a peak that the new leaf completes to a twice as large one.
      for (let rest = size; rest % 2 === 1; rest = (rest - 1) / 2) {
        peak = hashOfNode(peaks.pop()!, peak);
        level += 1;
        if (level % STORED_HEIGHT === 0) {
          onSubtreeHash({
            level: level / STORED_HEIGHT,
            index: Math.floor(size / 2 ** level),
            hash: peak,
          });
        }
      }
      peaks.push(peak);
      size += 1;
    },
    root: () => foldPeaks(peaks),
  };
}

/** The root over neighbouring full subtrees, the largest first. */
function foldPeaks(peaks: readonly Buffer[]): Buffer {
  return peaks.length === 0
    ? EMPTY_ROOT
    : peaks.reduceRight((right, left) => hashOfNode(left, right));
}

/** The root of the tree over these leaf hashes. */
export function rootOf(leafHashes: Iterable<Buffer>): Buffer {
  const tree = createTree();
  for (const leafHash of leafHashes) tree.add(leafHash);
  return tree.root();
}

// What proofs are made of

/** The leaves from `start` up to, but not including, `end`. */
export interface LeafRange {
  readonly start: number;
  readonly end: number;
}

/** The runs of leaves whose roots prove that leaf `index` is in the tree of `size`, from the leaf's sibling up. */
export function inclusionRanges(index: number, size: number): readonly LeafRange[] {
  if (!(index >= 0 && index < size)) throw new RangeError(`no leaf ${index} in a tree of ${size}`);
  const ranges: LeafRange[] = [];
  let start = 0;
  let end = size;
  while (end - start > 1) {
    const middle = start + splitOf(end - start);
    if (index < middle) {
      ranges.push({ start: middle, end });
      end = middle;
    } else {
      ranges.push({ start, end: middle });
      start = middle;
    }
  }
  return ranges.reverse();
}

/** The runs of leaves whose roots prove that the tree of `old` leaves is the beginning of that of `size`. */
export function consistencyRanges(old: number, size: number): readonly LeafRange[] {
  if (!(old >= 0 && old <= size)) throw new RangeError(`no tree of ${old} in a tree of ${size}`);
  if (old === 0 || old === size) return [];
  const ranges: LeafRange[] = [];
  let start = 0;
  let end = size;
  while (end !== old) {
    const middle = start + splitOf(end - start);
    if (old <= middle) {
      ranges.push({ start: middle, end });
      end = middle;
    } else {
      ranges.push({ start, end: middle });
      start = middle;
    }
  }
  // A subtree that begins with the first leaf is the old tree itself, whose root the verifier has.
  if (start > 0) ranges.push({ start, end });
  return ranges.reverse();
}

/** The largest power of two below `size`, which is at least 2. */
function splitOf(size: number): number {
  let split = 1;
  while (split * 2 < size) split *= 2;
  return split;
}

/** Neighbouring hashes of one stored level, a power of two of them, under one node of the tree. */
export interface HashSpan {
  /** Each hash is the root of 16^level leaves; at level 0 the hashes are leaf hashes. */
  readonly level: number;
  readonly start: number;
  readonly count: number;
}

/** The stored hashes under the full subtrees that a run of leaves consists of, from the left. */
export function spansOf({ start, end }: LeafRange): readonly HashSpan[] {
  const spans: HashSpan[] = [];
  for (let next = start; next < end; ) {
    let height = 0;
    while (next % 2 ** (height + 1) === 0 && next + 2 ** (height + 1) <= end) height += 1;
    const level = Math.floor(height / STORED_HEIGHT);
    const perHash = STORED_WIDTH ** level;
    spans.push({ level, start: next / perHash, count: 2 ** height / perHash });
    next += 2 ** height;
  }
  return spans;
}

/** The root of a run of leaves, from the hashes of its spans, in the order of `spansOf`. */
export function rootOfSpans(spans: readonly (readonly Buffer[])[]): Buffer {
  return foldPeaks(spans.map(rootOf));
}
