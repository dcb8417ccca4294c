import { describe, expect, it } from 'vitest';
import {
  checkpointText,
  openCheckpoint,
  parseCheckpointText,
  parseSize,
  signCheckpoint,
  unverifiedCheckpoint,
} from '../../../src/domain/ledger/checkpoint.ts';
import {
  createSignerKey,
  SIGNS_TEXT,
  signatureLine,
  textOfNote,
} from '../../../src/domain/ledger/note.ts';
import { VECTOR_ORIGIN } from './chain.ts';
import { CHECKPOINT_1000, CHECKPOINT_700, logKey, witnessKey } from './keys.ts';

const root = Buffer.from('480069af963aaa4259abdc1ca62f909ef75c878b361a774ef6aec9578b1e45e1', 'hex');
const checkpoint = { origin: VECTOR_ORIGIN, size: 1_000n, root };
const keys = [logKey.verifier, witnessKey.verifier];
const open = (note: string, known = keys) => openCheckpoint(Buffer.from(note), known);

describe('a checkpoint', () => {
  it('is signed to the published bytes', () => {
    const text = checkpointText(checkpoint);
    const note =
      signCheckpoint(checkpoint, logKey) + signatureLine(text, witnessKey, 1_764_000_010n);
    expect(note).toBe(CHECKPOINT_1000);
  });

  it('opens to what it says and who signed', () => {
    expect(open(CHECKPOINT_1000)).toMatchObject({ ...checkpoint, signatures: { length: 2 } });
    expect(open(CHECKPOINT_700)).toMatchObject({ size: 700n, signatures: { length: 2 } });
    expect(unverifiedCheckpoint(Buffer.from(CHECKPOINT_1000))).toEqual(checkpoint);
  });

  it('needs the signature of the log that it names', () => {
    expect(open(CHECKPOINT_1000, [witnessKey.verifier])).toMatchObject({ fault: 'unknown_keys' });
    // A key of another log, known as well, has signed this log's text.
    const other = createSignerKey('other.example/ledger-0', SIGNS_TEXT).key;
    const forged = signCheckpoint(checkpoint, other);
    expect(open(forged, [...keys, other.verifier])).toMatchObject({ fault: 'unknown_keys' });
  });

  it('that is a note of something else is refused', () => {
    const text = 'some text\n';
    expect(open(`${text}\n${signatureLine(text, logKey)}`)).toMatchObject({ fault: 'malformed' });
  });

  it('has exactly three lines, each in one spelling', () => {
    const text = textOfNote(Buffer.from(CHECKPOINT_1000))!;
    expect(parseCheckpointText(text)).toEqual(checkpoint);
    for (const other of [
      `${text}an extension\n`,
      text.replace('1000', '01000'),
      text.replace('1000', '+1000'),
      text.replace('1000', '-1'),
      text.replace('1000', '9223372036854775808'),
      text.replace('ReE=', 'ReF='),
      text.replace('SABp', ''),
      text.slice(0, -1),
      text.slice(text.indexOf('\n')),
    ]) {
      expect([other, parseCheckpointText(other)]).toEqual([other, undefined]);
    }
    expect(parseCheckpointText(text.replace('1000', '9223372036854775807'))?.size).toBe(
      2n ** 63n - 1n,
    );
  });
});

it('sizes are decimal, below 2^63, in one spelling', () => {
  expect(parseSize('0')).toBe(0n);
  expect(parseSize('9223372036854775807')).toBe(2n ** 63n - 1n);
  for (const text of ['', '00', '1e3', ' 1', '1\n', '9223372036854775808', '0x1']) {
    expect(parseSize(text)).toBeUndefined();
  }
});
