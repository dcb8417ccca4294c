/**
 * Hashes entries again before they are signed. One bit that flipped between the append and the signature would be signed
 * for good, and no proof over the tree could ever be made again. Reads lines as the verifier does and shares no code with
 * the writer.
 */
import { contentFault, type Failure, linesOf, originFault, placeFault } from './line.ts';

/** What the next entry follows. */
export interface Place {
  /** How many entries there are before it. */
  readonly size: number;
  readonly hash: string;
}

export interface Rechecked {
  /** Of the entries that passed, in order. */
  readonly leafHashes: readonly Buffer[];
  readonly failure: Failure | undefined;
}

/** Checks whole lines of an export, from `place` on; stops at the first that fails. */
export function recheck(bytes: Uint8Array, origin: string, place: Place): Rechecked {
  const leafHashes: Buffer[] = [];
  let { size, hash } = place;
  for (const line of linesOf(bytes)) {
    if ('status' in line) return { leafHashes, failure: line };
    const failure = originFault(line, origin) ?? placeFault(line, size, hash) ?? contentFault(line);
    if (failure !== undefined) return { leafHashes, failure };
    leafHashes.push(Buffer.from(line.currentHash, 'hex'));
    hash = line.currentHash;
    size += 1;
  }
  return { leafHashes, failure: undefined };
}
