/** What the verification of a bundle says. */
import { type FailureStatus, statusCodes } from '../ledger/verdict.ts';
import type { Files } from './archive.ts';

/** Those of the ledger, and one more that is no failure: something is missing whose erasure is recorded and proven. */
export const evidenceCodes = { ...statusCodes, ERASED_OK: 0 } as const;
type EvidenceStatus = keyof typeof evidenceCodes;

/** Printed as one line of JSON; the code is also the exit code. */
export interface EvidenceVerdict {
  readonly status: EvidenceStatus;
  readonly code: (typeof evidenceCodes)[EvidenceStatus];
  /** The file that is to blame; null when none is. */
  readonly file: string | null;
  /** One sentence for people; null when all is well. */
  readonly detail: string | null;
  /** The rest is null as long as the checkpoint, or the event, is not known to be genuine. */
  readonly event: string | null;
  readonly origin: string | null;
  /** Of the tree that the checkpoint signs, in decimal. */
  readonly size: string | null;
  readonly root: string | null;
  readonly cosigners: readonly Cosigner[];
  /** Entries that were verified, each with the row that it is about. */
  readonly entries: number;
  /** SHA-256 of what was erased, as ERASURE entries here record. */
  readonly erased: readonly string[];
  /** Whose keys: the verifier's own, or those that the bundle brings along and that prove nothing about who it is. */
  readonly keysFrom: 'policy' | 'bundle';
}

export interface Cosigner {
  readonly name: string;
  /** When it cosigned, in seconds since 1970. */
  readonly time: string;
}

/** The first thing that is wrong. It stays inside the verification. */
export class BundleFault extends Error {
  override readonly name = 'BundleFault';
  readonly status: FailureStatus;
  readonly file: string | null;
  constructor(status: FailureStatus, detail: string, file: string | null = null) {
    super(detail);
    this.status = status;
    this.file = file;
  }
}

/** @throws BundleFault when the file is not there. */
export function need(files: Files, name: string): Buffer {
  const bytes = files.get(name);
  if (bytes === undefined) throw new BundleFault('DATA_MISSING', 'The file is missing.', name);
  return bytes;
}
