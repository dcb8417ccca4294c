/** Whether a ledger is the one that was signed: asked when the signer starts, before anything is signed again. */
import type { Checkpoint } from './checkpoint.ts';

export interface SignedLedger {
  /** What the state file says, which no backup of the database can set back; undefined without one. */
  readonly signed: Pick<Checkpoint, 'size' | 'root'> | undefined;
  /** The newest checkpoint in the database. */
  readonly released: { readonly size: number; readonly rootHash: string } | undefined;
  /** How many entries there are. */
  readonly size: number;
  /** Of the tree over them, at the two sizes above. */
  readonly rootAt: (size: number) => Buffer | undefined;
  /** Whether a ledger with entries and without a state file is taken as it is. */
  readonly adopts: boolean;
}

/** What is wrong, as a sentence; undefined when the ledger is what was signed, and goes on. */
export function stateFault(ledger: SignedLedger): string | undefined {
  const { signed, released, size, rootAt, adopts } = ledger;
  if (signed === undefined && size > 0 && !adopts) {
    return `There are ${size} entries and no state file. If nothing was ever signed: ledger adopt.`;
  }
  const signedSize = Number(signed?.size ?? 0n);
  if (size < signedSize) return `The ledger has ${size} entries; ${signedSize} were signed.`;
  if (signed !== undefined && signedSize > 0 && !signed.root.equals(rootAt(signedSize) ?? NONE)) {
    return `The first ${signedSize} entries are not those that were signed.`;
  }
  if (released === undefined) return undefined;
  if (signed !== undefined && released.size > signedSize) {
    return `The state file ends at ${signedSize} entries; ${released.size} have been released.`;
  }
  if (size < released.size || rootAt(released.size)?.toString('hex') !== released.rootHash) {
    return `The first ${released.size} entries are not those that were released.`;
  }
  return undefined;
}

const NONE = Buffer.alloc(0);
