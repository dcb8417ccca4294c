/**
 * Checkpoints (C2SP tlog-checkpoint): what a log says of its tree, as a signed note of three lines. Whoever keeps one can
 * show later that the log was changed before it, or cut off.
 */
import { decodeBase64 } from './base64.ts';
import {
  isNoteFault,
  type Note,
  type NoteFault,
  openNote,
  type SignerKey,
  SIGNS_TEXT,
  signatureLine,
  textOfNote,
  type VerifierKey,
} from './note.ts';
import { HASH_BYTES } from './tree.ts';

export interface Checkpoint {
  readonly origin: string;
  /** How many entries the tree has. */
  readonly size: bigint;
  readonly root: Buffer;
}

/** A checkpoint that its log has signed. */
export interface SignedCheckpoint extends Checkpoint, Note {}

const SIZE_MAX = 2n ** 63n - 1n;
const TEXT = /^([^\n]+)\n(0|[1-9][0-9]{0,18})\n([0-9A-Za-z+/]{43}=)\n$/;

/** The three lines that are signed. */
export function checkpointText({ origin, size, root }: Checkpoint): string {
  return `${origin}\n${size}\n${root.toString('base64')}\n`;
}

/** Reads exactly three lines; a log of ours has no extension lines, since nobody could audit them. */
export function parseCheckpointText(text: string): Checkpoint | undefined {
  const [, origin, digits = '', encoded = ''] = TEXT.exec(text) ?? [];
  const root = decodeBase64(encoded);
  if (origin === undefined || root?.length !== HASH_BYTES) return undefined;
  const size = BigInt(digits);
  return size > SIZE_MAX ? undefined : { origin, size, root };
}

/** What a note says of a tree, whoever signed it; undefined when it is no checkpoint. */
export function unverifiedCheckpoint(bytes: Uint8Array): Checkpoint | undefined {
  const text = textOfNote(bytes);
  return text === undefined ? undefined : parseCheckpointText(text);
}

/** The note by which a log of this key, whose name is the origin, answers for a tree. */
export function signCheckpoint(checkpoint: Checkpoint, key: SignerKey): string {
  const text = checkpointText(checkpoint);
  return `${text}\n${signatureLine(text, key)}`;
}

/**
 * Opens a checkpoint. `known` holds the keys of logs and, where their cosignatures count, of witnesses. The log itself
 * has to be among the signers: its key has the name that the first line gives.
 */
export function openCheckpoint(
  bytes: Uint8Array,
  known: readonly VerifierKey[],
): SignedCheckpoint | NoteFault {
  const note = openNote(bytes, known);
  if (isNoteFault(note)) return note;
  const checkpoint = parseCheckpointText(note.text);
  if (checkpoint === undefined) {
    return { fault: 'malformed', detail: 'The note is not a checkpoint.' };
  }
  const byItsLog = ({ key }: Note['signatures'][number]) =>
    key.type === SIGNS_TEXT && key.name === checkpoint.origin;
  if (note.signatures.some(byItsLog)) return { ...checkpoint, ...note };
  return {
    fault: 'unknown_keys',
    detail: `The checkpoint is not signed by a known key of ${checkpoint.origin}.`,
  };
}

/** Parses a count of entries as it is written in checkpoints and requests: decimal, one spelling, below 2^63. */
export function parseSize(text: string): bigint | undefined {
  if (!/^(0|[1-9][0-9]{0,18})$/.test(text)) return undefined;
  const size = BigInt(text);
  return size > SIZE_MAX ? undefined : size;
}
