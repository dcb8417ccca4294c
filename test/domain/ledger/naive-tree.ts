/** RFC 6962, section 2.1, word for word and slow: what the code under test is compared with. */
import { createHash } from 'node:crypto';

const sha256 = (...parts: readonly Uint8Array[]) => {
  const digest = createHash('sha256');
  for (const part of parts) digest.update(part);
  return digest.digest();
};

export const naiveLeafHash = (data: Uint8Array): Buffer => sha256(Buffer.of(0), data);

const split = (size: number) => 2 ** Math.floor(Math.log2(size - 1));

/** MTH */
export function naiveRoot(leaves: readonly Buffer[]): Buffer {
  if (leaves.length === 0) return sha256();
  if (leaves.length === 1) return leaves[0]!;
  const k = split(leaves.length);
  return sha256(Buffer.of(1), naiveRoot(leaves.slice(0, k)), naiveRoot(leaves.slice(k)));
}

/** PATH */
export function naiveInclusion(index: number, leaves: readonly Buffer[]): readonly Buffer[] {
  if (leaves.length === 1) return [];
  const k = split(leaves.length);
  return index < k
    ? [...naiveInclusion(index, leaves.slice(0, k)), naiveRoot(leaves.slice(k))]
    : [...naiveInclusion(index - k, leaves.slice(k)), naiveRoot(leaves.slice(0, k))];
}

/** PROOF, whose SUBPROOF is told whether the subtree begins with the first leaf. */
export function naiveConsistency(
  old: number,
  leaves: readonly Buffer[],
  isFirst = true,
): readonly Buffer[] {
  if (old === 0) return [];
  if (old === leaves.length) return isFirst ? [] : [naiveRoot(leaves)];
  const k = split(leaves.length);
  return old <= k
    ? [...naiveConsistency(old, leaves.slice(0, k), isFirst), naiveRoot(leaves.slice(k))]
    : [...naiveConsistency(old - k, leaves.slice(k), false), naiveRoot(leaves.slice(0, k))];
}
