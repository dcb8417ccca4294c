/**
 * Whether a chain is the one that checkpoints were signed over: grows the tree again from the hashes that passed, and
 * compares its root at each checkpoint's size.
 */
import type { Checkpoint } from './checkpoint.ts';
import type { Failure } from './line.ts';
import { createTree, HASH_BYTES } from './tree.ts';

export interface CheckpointCheck {
  /** Takes the hashes of the entries that passed, 32 bytes each, in order. */
  add(leafHashes: Uint8Array): void;
  /** What the checkpoints say against the chain, once all of it has been taken; undefined when nothing. */
  fault(): (Failure & { readonly seq: number | null }) | undefined;
}

/** The checkpoints are signed, and no two have one size. */
export function createCheckpointCheck(checkpoints: readonly Checkpoint[]): CheckpointCheck {
  const bySize = checkpoints.toSorted((a, b) => Number(a.size - b.size));
  const matches = new Map<bigint, boolean>();
  const tree = createTree();
  let next = 0;

  function compareWithNext(): void {
    for (; bySize[next]?.size === BigInt(tree.size); next += 1) {
      matches.set(bySize[next]!.size, bySize[next]!.root.equals(tree.root()));
    }
  }
  compareWithNext();

  return {
    add(leafHashes) {
      const bytes = Buffer.from(leafHashes.buffer, leafHashes.byteOffset, leafHashes.length);
      for (let at = 0; at < bytes.length; at += HASH_BYTES) {
        tree.add(bytes.subarray(at, at + HASH_BYTES));
        if (bySize[next]?.size === BigInt(tree.size)) compareWithNext();
      }
    },
    fault() {
      const longer = bySize[next];
      if (longer !== undefined) {
        const detail = `There are ${tree.size} entries; a checkpoint covers ${longer.size}.`;
        return { status: 'TRUNCATED', seq: tree.size, detail };
      }
      const other = bySize.find(({ size }) => matches.get(size) === false);
      if (other === undefined) return undefined;
      // A later checkpoint is over exactly these entries: then the log itself has signed two histories.
      const later = bySize.find(({ size }) => size > other.size && matches.get(size) === true);
      if (later !== undefined) {
        const detail = `The checkpoints of ${other.size} and of ${later.size} entries are of two ledgers.`;
        return { status: 'FORK', seq: null, detail };
      }
      const detail = `The tree of the first ${other.size} entries is not the one that was signed.`;
      return { status: 'ROOT_MISMATCH', seq: null, detail };
    },
  };
}
