/**
 * Checks proofs by the algorithms of RFC 9162, sections 2.1.3.2 and 2.1.4.2. Sizes and places are bigint: they come from
 * strangers and may be any number. Written for verifiers; it knows nothing of how proofs are made.
 */
import { EMPTY_ROOT, HASH_BYTES, hashOfNode } from './tree.ts';

export interface InclusionClaim {
  readonly index: bigint;
  readonly size: bigint;
  readonly leafHash: Buffer;
  readonly root: Buffer;
  /** From the leaf's sibling up. */
  readonly proof: readonly Buffer[];
}

/** Whether the leaf is at its place in the tree. False also for a hash too many or too few, or of another length. */
export function isIncluded({ index, size, leafHash, root, proof }: InclusionClaim): boolean {
  if (!areHashes([leafHash, root, ...proof]) || index < 0n || index >= size) return false;
  let node = index;
  let last = size - 1n;
  let found = leafHash;
  for (const sibling of proof) {
    if (last === 0n) return false;
    if (isOdd(node) || node === last) {
      found = hashOfNode(sibling, found);
      // A node without a right neighbour moves up unchanged to the level on which it has a left one.
      while (!isOdd(node) && node !== 0n) [node, last] = [node >> 1n, last >> 1n];
    } else {
      found = hashOfNode(found, sibling);
    }
    [node, last] = [node >> 1n, last >> 1n];
  }
  return last === 0n && found.equals(root);
}

export interface ConsistencyClaim {
  readonly oldSize: bigint;
  readonly oldRoot: Buffer;
  readonly size: bigint;
  readonly root: Buffer;
  readonly proof: readonly Buffer[];
}

/** Whether the old tree is the beginning of the other. Between equal sizes, and from size 0, the proof is empty. */
export function isConsistent({ oldSize, oldRoot, size, root, proof }: ConsistencyClaim): boolean {
  if (!areHashes([oldRoot, root, ...proof]) || oldSize < 0n || oldSize > size) return false;
  if (oldSize === size) return proof.length === 0 && oldRoot.equals(root);
  if (oldSize === 0n) return proof.length === 0 && oldRoot.equals(EMPTY_ROOT);
  let node = oldSize - 1n;
  let last = size - 1n;
  while (isOdd(node)) [node, last] = [node >> 1n, last >> 1n];
  // An old tree that is one full subtree is a node of the new one: the proof need not repeat its root.
  const [first, ...rest] = node === 0n ? [oldRoot, ...proof] : proof;
  if (first === undefined) return false;
  let oldFound = first;
  let found = first;
  for (const sibling of rest) {
    if (last === 0n) return false;
    if (isOdd(node) || node === last) {
      oldFound = hashOfNode(sibling, oldFound);
      found = hashOfNode(sibling, found);
      while (!isOdd(node) && node !== 0n) [node, last] = [node >> 1n, last >> 1n];
    } else {
      found = hashOfNode(found, sibling);
    }
    [node, last] = [node >> 1n, last >> 1n];
  }
  return last === 0n && oldFound.equals(oldRoot) && found.equals(root);
}

function isOdd(number: bigint): boolean {
  return (number & 1n) === 1n;
}

function areHashes(buffers: readonly Buffer[]): boolean {
  return buffers.every((buffer) => buffer.length === HASH_BYTES);
}
