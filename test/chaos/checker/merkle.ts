/** Roots of a Merkle tree that grows (RFC 6962), from leaf hashes and in the checker's own words. */
import { createHash } from 'node:crypto';

export interface GrowingTree {
  /** Leaves so far. */
  size(): number;
  add(leafHash: Buffer): void;
  /** Of all leaves so far; at least one. */
  root(): Buffer;
}

export function createTree(): GrowingTree {
  /** The perfect subtrees that make up the tree, the largest first, each with its height. */
  const peaks: { readonly height: number; readonly hash: Buffer }[] = [];
  let size = 0;
  return {
    size: () => size,
    add(leafHash) {
      size += 1;
      let peak = { height: 0, hash: leafHash };
      while (peaks.at(-1)?.height === peak.height) {
        peak = { height: peak.height + 1, hash: parentOf(peaks.pop()!.hash, peak.hash) };
      }
      peaks.push(peak);
    },
    root: () => peaks.map(({ hash }) => hash).reduceRight((right, left) => parentOf(left, right)),
  };
}

function parentOf(left: Buffer, right: Buffer): Buffer {
  return createHash('sha256').update(Buffer.of(1)).update(left).update(right).digest();
}
