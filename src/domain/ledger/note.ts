/**
 * Signed notes (C2SP signed-note): a text, an empty line, and signature lines of which a reader checks those whose keys
 * it knows. Two kinds of signature are known here: Ed25519 over the text, as logs sign, and the cosignature of a
 * witness, which is Ed25519 over a time and the text. Ed25519 itself is node:crypto's.
 */
import {
  createPrivateKey,
  createPublicKey,
  hash,
  type KeyObject,
  randomBytes,
  sign,
  verify,
} from 'node:crypto';
import { decodeBase64 } from './base64.ts';

/** The type byte of a key: what its signatures are over. */
export const SIGNS_TEXT = 0x01;
export const COSIGNS = 0x04;
type KeyType = typeof SIGNS_TEXT | typeof COSIGNS;

/** Who signs, as others know them. */
export interface VerifierKey {
  readonly name: string;
  /** The first four bytes of a hash over name, type and public key, in hex. Together with the name it finds the key. */
  readonly id: string;
  readonly type: KeyType;
  /** `NAME+ID+BASE64`: what is given to verifiers. */
  readonly text: string;
  readonly publicKey: KeyObject;
  /** The 32 bytes of the public key, in hex: two keys are one when these are equal, whatever they are called. */
  readonly publicKeyHex: string;
}

export interface SignerKey {
  readonly verifier: VerifierKey;
  readonly privateKey: KeyObject;
}

/** Why a note is not to be believed. */
export interface NoteFault {
  /** `unknown_keys`: no signature is of a known key. `bad_signature`: one is, and does not fit. */
  readonly fault: 'malformed' | 'unknown_keys' | 'bad_signature';
  /** One sentence for people. */
  readonly detail: string;
}

export interface Signature {
  readonly key: VerifierKey;
  /** Of a cosignature: when it was made, in seconds since 1970. */
  readonly time: bigint | undefined;
  /** The line, with its LF. */
  readonly line: string;
}

export interface Note {
  /** Ends with LF. */
  readonly text: string;
  /** Of the known keys, all verified; at least one. */
  readonly signatures: readonly Signature[];
}

/** Notes that are longer, or have more signatures, are not read. */
export const NOTE_BYTES_MAX = 65_536;
const SIGNATURES_MAX = 64;

// Keys

const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');
const KEY_BYTES = 32;
const PRIVATE_PREFIX = 'PRIVATE+KEY+';
const NAME = /^[^\s+\p{Cc}]+$/u;
const NAMED_KEY = /^([^+]+)\+([0-9a-f]{8})\+([0-9A-Za-z+/=]+)$/;

/** Names are told apart by eye: no white space, no plus, no control character. */
export function isKeyName(name: string): boolean {
  return NAME.test(name) && name.isWellFormed();
}

/** Reads `NAME+ID+BASE64`; undefined for anything else, also when the id is not that of the key. */
export function parseVerifierKey(text: string): VerifierKey | undefined {
  const read = readNamedKey(text);
  if (read === undefined) return undefined;
  const key = verifierKey(read.name, read.type, read.material);
  return key.text === text ? key : undefined;
}

/** Reads the secret form `PRIVATE+KEY+NAME+ID+BASE64`, as Go's sumdb/note writes it; undefined for anything else. */
export function parseSignerKey(text: string): SignerKey | undefined {
  if (!text.startsWith(PRIVATE_PREFIX)) return undefined;
  const read = readNamedKey(text.slice(PRIVATE_PREFIX.length));
  if (read === undefined) return undefined;
  const signer = signerKey(read.name, read.type, read.material);
  return signer.verifier.id === read.id ? signer : undefined;
}

/** A new key and its secret form, which is all that has to be kept. */
export function createSignerKey(
  name: string,
  type: KeyType,
): { readonly key: SignerKey; readonly secret: string } {
  if (!isKeyName(name)) throw new RangeError(`${JSON.stringify(name)} cannot name a key`);
  const seed = randomBytes(KEY_BYTES);
  const key = signerKey(name, type, seed);
  return { key, secret: secretForm(key.verifier, seed) };
}

function secretForm({ name, id, type }: VerifierKey, seed: Buffer): string {
  return `${PRIVATE_PREFIX}${name}+${id}+${typed(type, seed).toString('base64')}`;
}

function readNamedKey(text: string) {
  const [, name = '', id = '', encoded = ''] = NAMED_KEY.exec(text) ?? [];
  const bytes = decodeBase64(encoded);
  if (!isKeyName(name) || bytes?.length !== 1 + KEY_BYTES) return undefined;
  const [type] = bytes;
  if (type !== SIGNS_TEXT && type !== COSIGNS) return undefined;
  return { name, id, type, material: bytes.subarray(1) } as const;
}

function verifierKey(name: string, type: KeyType, publicKey: Buffer): VerifierKey {
  const material = typed(type, publicKey);
  const id = hash('sha256', Buffer.concat([Buffer.from(`${name}\n`), material])).slice(0, 8);
  return {
    name,
    id,
    type,
    text: `${name}+${id}+${material.toString('base64')}`,
    publicKey: createPublicKey({
      key: Buffer.concat([SPKI_PREFIX, publicKey]),
      format: 'der',
      type: 'spki',
    }),
    publicKeyHex: publicKey.toString('hex'),
  };
}

function signerKey(name: string, type: KeyType, seed: Buffer): SignerKey {
  const privateKey = createPrivateKey({
    key: Buffer.concat([PKCS8_PREFIX, seed]),
    format: 'der',
    type: 'pkcs8',
  });
  const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
  return { verifier: verifierKey(name, type, spki.subarray(SPKI_PREFIX.length)), privateKey };
}

function typed(type: KeyType, bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.of(type), bytes]);
}

// Signing

/** The signature line of a text, with its LF. A cosigner also says when, in seconds since 1970. */
export function signatureLine(
  text: string,
  { verifier, privateKey }: SignerKey,
  time = 0n,
): string {
  const isCosigner = verifier.type === COSIGNS;
  const message = isCosigner ? cosignedMessage(text, time) : Buffer.from(text);
  const signature = sign(null, message, privateKey);
  const blob = Buffer.concat([
    Buffer.from(verifier.id, 'hex'),
    isCosigner ? timeBytes(time) : Buffer.alloc(0),
    signature,
  ]);
  return `\u2014 ${verifier.name} ${blob.toString('base64')}\n`;
}

function cosignedMessage(text: string, time: bigint): Buffer {
  return Buffer.from(`cosignature/v1\ntime ${time}\n${text}`);
}

function timeBytes(time: bigint): Buffer {
  const bytes = Buffer.alloc(TIME_BYTES);
  bytes.writeBigUInt64BE(time);
  return bytes;
}

// Reading

const ID_BYTES = 4;
const TIME_BYTES = 8;
const TIME_MAX = 2n ** 63n - 1n;
const SIGNATURE_LINE = /^\u2014 ([^ ]+) ([0-9A-Za-z+/=]+)$/;
const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * The text and the signatures of known keys. A note none of whose keys is known is refused, and so is one on which any
 * known key does not fit: that is no accident.
 */
export function openNote(bytes: Uint8Array, known: readonly VerifierKey[]): Note | NoteFault {
  const parts = partsOf(bytes);
  if (parts === undefined) return malformed('This is not a signed note.');
  const signatures: Signature[] = [];
  for (const line of parts.lines) {
    const [, name = '', encoded = ''] = SIGNATURE_LINE.exec(line) ?? [];
    const blob = decodeBase64(encoded);
    if (!isKeyName(name) || blob === undefined || blob.length <= ID_BYTES) {
      return malformed('A signature line of the note has not the form of one.');
    }
    const id = blob.toString('hex', 0, ID_BYTES);
    for (const key of known.filter((each) => each.name === name && each.id === id)) {
      const signature = verified(parts.text, key, blob.subarray(ID_BYTES));
      if (signature === undefined) {
        return { fault: 'bad_signature', detail: `The signature by ${key.text} does not fit.` };
      }
      signatures.push({ key, ...signature, line: `${line}\n` });
    }
  }
  if (signatures.length > 0) return { text: parts.text, signatures };
  return { fault: 'unknown_keys', detail: 'The note is not signed by any known key.' };
}

/** The text of a note, believed or not; undefined when it has not the form of a note. */
export function textOfNote(bytes: Uint8Array): string | undefined {
  return partsOf(bytes)?.text;
}

/** The text itself may have empty lines: the last one separates it from the signatures. */
function partsOf(bytes: Uint8Array): { text: string; lines: readonly string[] } | undefined {
  if (bytes.length > NOTE_BYTES_MAX) return undefined;
  let note: string;
  try {
    note = strictUtf8.decode(bytes);
  } catch {
    return undefined;
  }
  // oxlint-disable-next-line no-control-regex -- control characters are what it looks for
  if (/[\u0000-\u0009\u000b-\u001f]/.test(note) || !note.endsWith('\n')) return undefined;
  const end = note.lastIndexOf('\n\n');
  if (end === -1) return undefined;
  const lines = note.slice(end + 2, -1).split('\n');
  if (lines.length > SIGNATURES_MAX) return undefined;
  return { text: note.slice(0, end + 1), lines };
}

function verified(
  text: string,
  key: VerifierKey,
  blob: Buffer,
): { readonly time: bigint | undefined } | undefined {
  if (key.type === SIGNS_TEXT) {
    return verify(null, Buffer.from(text), key.publicKey, blob) ? { time: undefined } : undefined;
  }
  if (blob.length <= TIME_BYTES) return undefined;
  const time = blob.readBigUInt64BE();
  if (time > TIME_MAX) return undefined;
  const fits = verify(null, cosignedMessage(text, time), key.publicKey, blob.subarray(TIME_BYTES));
  return fits ? { time } : undefined;
}

function malformed(detail: string): NoteFault {
  return { fault: 'malformed', detail };
}

export function isNoteFault(opened: object): opened is NoteFault {
  return 'fault' in opened;
}
