/** What a verification says, and the pins that it may be given. */

/**
 * Exit codes of `ledger verify` and `evidence verify`, in the order in which an entry is checked. 1 (own crash) and 2 (usage)
 * are no verdicts.
 */
export const statusCodes = {
  OK: 0,
  /** The file or database cannot be read. */
  UNREADABLE: 3,
  /** A line is not three fields, a leaf is not exactly its template, or a value is outside its character set. */
  MALFORMED: 10,
  /** The header or a leaf names another origin than expected. */
  ORIGIN: 11,
  /** seq is not the previous one plus 1, or the first is not 0. */
  SEQ_GAP: 12,
  /** previous_hash is not the current_hash before, or not the zeros. */
  CHAIN_BREAK: 13,
  /** current_hash is not SHA-256 of a zero byte and the leaf. */
  HASH_MISMATCH: 14,
  /** entry_data_sha256 is not SHA-256 of entry_data. */
  DATA_MISMATCH: 15,
  /** entry_data is not its own canonical form. */
  NOT_CANONICAL: 16,
  /** The entry_id, or the fact (type and linked_entity_id), was seen before. */
  DUPLICATE: 17,
  /** Fewer entries than a pin says. */
  TRUNCATED: 18,
  /** The hash of the entry that a pin names is another. */
  HEAD_MISMATCH: 19,
  /** With a database only: a fact without entry, an entry without fact, or digests that differ. */
  LINK_MISSING: 20,
  /** The root of the tree at a checkpoint's size is another. */
  ROOT_MISMATCH: 30,
  /** A checkpoint is not signed by a known log, or a known key does not fit. */
  SIG_INVALID: 31,
  /** Two checkpoints that the log has signed cannot both be of one growing tree. */
  FORK: 32,
  /** Fewer witnesses have cosigned than the policy asks for. */
  QUORUM: 33,
  /** A proof does not lead from the entry, or from the older root, to the root. */
  PROOF_INVALID: 34,
  /** The ledger is not the one that its signer has signed: a start of the signer ends with this code. */
  STATE_MISMATCH: 35,
  /** An entry says that it was sealed at another time than the witnesses saw. */
  TIME: 36,
  /** A day of a source does not add up. */
  INCOMPLETE: 38,
  /** Of a bundle: something that an entry rests on is not there, and no erasure says why. */
  DATA_MISSING: 39,
} as const;
export type Status = keyof typeof statusCodes;
export type FailureStatus = Exclude<Status, 'OK'>;

/** The first failure decides. Printed as one line of JSON. */
export interface Verdict {
  readonly status: Status;
  readonly code: (typeof statusCodes)[Status];
  /** The first bad entry, by its place; null when none is to blame. */
  readonly seq: number | null;
  /** One sentence for people; null when all is well. */
  readonly detail: string | null;
  /** As the header names it; null when there is no readable header. */
  readonly origin: string | null;
  /** How many entries passed, from the first on. */
  readonly size: number;
  /** current_hash of the first and of the last entry that passed. */
  readonly firstHash: string | null;
  readonly lastHash: string | null;
  readonly warnings: readonly Warning[];
}

export interface Warning {
  /** `sealed_at_runs_backwards`: order is seq, never time, so this is odd and not an error. */
  readonly warning: 'sealed_at_runs_backwards';
  readonly count: number;
  readonly firstSeq: number;
}

/** What somebody outside kept: at this size, the chain ended in this hash. A receipt is one: seq + 1 and current_hash. */
export interface Pin {
  readonly size: number;
  readonly hash: string;
}

const SIZE_DIGITS_MAX = 15;

/** Reads `SIZE:HASH`; undefined when it is anything else. */
export function parsePin(text: string): Pin | undefined {
  const match = /^([1-9][0-9]*):([0-9a-f]{64})$/.exec(text);
  if (match === null || match[1]!.length > SIZE_DIGITS_MAX) return undefined;
  return { size: Number(match[1]), hash: match[2]! };
}
