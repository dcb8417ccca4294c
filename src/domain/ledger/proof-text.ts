/**
 * Proofs as text: C2SP tlog-proof for inclusion, and lines of base64 for consistency. Anybody reads them back in one way
 * only, since every number and hash has one spelling.
 */
import { decodeBase64 } from './base64.ts';
import { parseSize } from './checkpoint.ts';
import { HASH_BYTES } from './tree.ts';

const HEADER = 'c2sp.org/tlog-proof@v1';
/** A tree below 2^63 has no longer proof. */
export const PROOF_HASHES_MAX = 63;

export interface InclusionProofText {
  readonly index: bigint;
  /** From the leaf's sibling up. */
  readonly hashes: readonly Buffer[];
  /** The checkpoint's note, byte for byte. */
  readonly checkpoint: Buffer;
}

export function inclusionProofText(
  index: number,
  hashes: readonly Buffer[],
  checkpoint: string,
): string {
  return `${HEADER}\nindex ${index}\n${hashLines(hashes)}\n${checkpoint}`;
}

/** Undefined for anything but a tlog-proof without extra data, which ours never has. */
export function parseInclusionProof(bytes: Buffer): InclusionProofText | undefined {
  const end = bytes.indexOf('\n\n');
  if (end === -1) return undefined;
  const [header, indexLine = '', ...lines] = bytes.toString('utf8', 0, end).split('\n');
  const index = indexLine.startsWith('index ') ? parseSize(indexLine.slice(6)) : undefined;
  const hashes = parseHashes(lines);
  if (header !== HEADER || index === undefined || hashes === undefined) return undefined;
  return { index, hashes, checkpoint: bytes.subarray(end + 2) };
}

/** One hash on each line. */
export function hashLines(hashes: readonly Buffer[]): string {
  return hashes.map((hash) => `${hash.toString('base64')}\n`).join('');
}

/** Undefined when a line is not the one spelling of 32 bytes, or there are more than any proof needs. */
export function parseHashes(lines: readonly string[]): readonly Buffer[] | undefined {
  if (lines.length > PROOF_HASHES_MAX) return undefined;
  const hashes = lines.map(decodeBase64);
  const isHash = (hash: Buffer | undefined): hash is Buffer => hash?.length === HASH_BYTES;
  return hashes.every(isHash) ? hashes : undefined;
}
