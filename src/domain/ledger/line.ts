/**
 * One line of an export: its exact form, and everything that can be said of it alone or with the line before. Written
 * against docs/ledger-format.md, not against the writer: of the writer's code it uses SHA-256 and nothing else.
 */
import { hash } from 'node:crypto';
import { isCanonicalObject } from './canonical-form.ts';
import type { FailureStatus } from './verdict.ts';

/** The longest line: a hash, a leaf of at most 800 bytes, 65,536 bytes of data, two TABs and LF, with room to spare. */
export const LINE_BYTES_MAX = 70_000;
/** No line is shorter: a hash, a leaf with its ten members, `{}`, two TABs and LF. */
export const LINE_BYTES_MIN = 500;

export interface Line {
  readonly currentHash: string;
  readonly leaf: string;
  readonly dataHash: string;
  readonly entryId: string;
  readonly type: string;
  readonly linkedEntityId: string;
  readonly origin: string;
  readonly previousHash: string;
  readonly sealedAt: string;
  readonly seq: string;
  readonly data: Uint8Array;
}

export interface Failure {
  readonly status: FailureStatus;
  /** One sentence for people. */
  readonly detail: string;
}

const HEADER = /^\{"origin":"([0-9a-z._/-]{1,200})","schema":"sentinelops-ledger-export\/v1"\}\n$/;

/** The origin that the first line of an export names; undefined when that is not a header. */
export function originOfHeader(line: string): string | undefined {
  return HEADER.exec(line)?.[1];
}

const HASH = '[0-9a-f]{64}';
const UUID = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}';
const TYPE =
  'EVENT|RISK_ASSESSMENT|EVALUATION|ADVISORY|DECISION|EXECUTION|POLICY|RISK_MODEL|DEAD_LETTER|ERASURE';
const TIME =
  '(?:19[7-9][0-9]|2[01][0-9]{2})-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])' +
  'T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\\.[0-9]{6}Z';
const LINE = new RegExp(
  `(${HASH})\\t(\\{"entry_data_sha256":"(${HASH})","entry_id":"(${UUID})","entry_type":"(${TYPE})",` +
    `"linked_entity_id":"(${UUID})","origin":"([0-9a-z._/-]{1,200})","previous_hash":"(${HASH})",` +
    `"schema":"sentinelops-ledger-entry/v1","sealed_at":"(${TIME})","seq":"(0|[1-9][0-9]{0,18})",` +
    `"timestamp":"${TIME}"\\})\\t([^\\t\\n]*)\\n`,
  'y',
);

/** The lines of a run of bytes, up to the first that has not the form of a line; that one is told as a failure. */
export function* linesOf(bytes: Uint8Array): Generator<Line | Failure> {
  // One character for each byte, so that places in the text are places in the bytes.
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
  let at = 0;
  while (at < text.length) {
    LINE.lastIndex = at;
    const match = LINE.exec(text);
    if (match === null) {
      yield { status: 'MALFORMED', detail: whatIsMalformed(text, at) };
      return;
    }
    const next = LINE.lastIndex;
    yield {
      currentHash: match[1]!,
      leaf: match[2]!,
      dataHash: match[3]!,
      entryId: match[4]!,
      type: match[5]!,
      linkedEntityId: match[6]!,
      origin: match[7]!,
      previousHash: match[8]!,
      sealedAt: match[9]!,
      seq: match[10]!,
      data: bytes.subarray(next - 1 - match[11]!.length, next - 1),
    };
    at = next;
  }
}

function whatIsMalformed(text: string, at: number): string {
  const end = text.indexOf('\n', at);
  if (end === -1)
    return 'The last line does not end: the file was cut, or was still being written.';
  const fields = text.slice(at, end).split('\t').length;
  if (fields !== 3) return `The line has ${fields} fields instead of three.`;
  return 'The leaf is not exactly its template, or one of its values is not in its form.';
}

/** Whether the line names the chain that is being verified. */
export function originFault(line: Line, origin: string): Failure | undefined {
  if (line.origin === origin) return undefined;
  return { status: 'ORIGIN', detail: `The leaf names ${line.origin}, not ${origin}.` };
}

/** Whether the line follows: `seq` is how many entries came before, `previousHash` how the last of them ended. */
export function placeFault(
  line: Pick<Line, 'seq' | 'previousHash'>,
  seq: number,
  previousHash: string,
): Failure | undefined {
  if (line.seq !== String(seq)) {
    return { status: 'SEQ_GAP', detail: `seq ${line.seq} stands where ${seq} should.` };
  }
  if (line.previousHash !== previousHash) {
    const what = seq === 0 ? 'the zeros that the first entry follows' : 'the hash before it';
    return { status: 'CHAIN_BREAK', detail: `previous_hash is not ${what}.` };
  }
  return undefined;
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Whether the line's hashes are those of its bytes, and its data is canonical. */
export function contentFault(line: Line): Failure | undefined {
  if (hash('sha256', `\0${line.leaf}`) !== line.currentHash) {
    return { status: 'HASH_MISMATCH', detail: 'current_hash is not the hash of the leaf.' };
  }
  if (hash('sha256', line.data) !== line.dataHash) {
    return { status: 'DATA_MISMATCH', detail: 'entry_data is not what its leaf was made of.' };
  }
  if (!isCanonicalData(line.data)) {
    return { status: 'NOT_CANONICAL', detail: 'entry_data is not canonical JSON (RFC 8785).' };
  }
  return undefined;
}

const DATA_BYTES_MAX = 65_536;

function isCanonicalData(data: Uint8Array): boolean {
  if (data.length > DATA_BYTES_MAX) return false;
  try {
    return isCanonicalObject(strictUtf8.decode(data));
  } catch {
    return false;
  }
}
