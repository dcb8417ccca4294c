import { describe, expect, it } from 'vitest';
import {
  COSIGNS,
  createSignerKey,
  isNoteFault,
  openNote,
  parseSignerKey,
  parseVerifierKey,
  SIGNS_TEXT,
  signatureLine,
  textOfNote,
} from '../../../src/domain/ledger/note.ts';
import { CHECKPOINT_1000, LOG_VKEY, logKey, WITNESS_VKEY, witnessKey } from './keys.ts';

const open = (note: string | Buffer, ...vkeys: readonly string[]) =>
  openNote(
    Buffer.from(note),
    vkeys.map((vkey) => parseVerifierKey(vkey)!),
  );

/** The examples of the signed-note specification and of Go's sumdb/note. */
const EXAMPLE_VKEY = 'example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k';
const EXAMPLE_SIGNATURE =
  'Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=';
const exampleNote = (signature: string) =>
  `This is an example message.\n\n\u2014 example.com/foo ${signature}\n`;
const GO_SECRET = 'PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz';
const GO_VKEY = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW';
const GO_TEXT =
  "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
const GO_SIGNATURE =
  'x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=';

describe('the published examples', () => {
  it('verify', () => {
    expect(open(exampleNote(EXAMPLE_SIGNATURE), EXAMPLE_VKEY)).toMatchObject({
      text: 'This is an example message.\n',
      signatures: [{ key: { text: EXAMPLE_VKEY }, time: undefined }],
    });
  });

  it('do not verify when their base64 is spelled otherwise', () => {
    for (const end of ['QN=', 'QM', 'QM==', 'QM=\u0020']) {
      const other = EXAMPLE_SIGNATURE.replace(/QM=$/, end);
      expect(open(exampleNote(other), EXAMPLE_VKEY)).toMatchObject({ fault: 'malformed' });
    }
  });

  it('are signed byte for byte as Go signs them', () => {
    const key = parseSignerKey(GO_SECRET)!;
    expect(key.verifier.text).toBe(GO_VKEY);
    expect(signatureLine(GO_TEXT, key)).toBe(`\u2014 PeterNeumann ${GO_SIGNATURE}\n`);
    const note = `${GO_TEXT}\n\u2014 PeterNeumann ${GO_SIGNATURE}\n`;
    expect(open(note, GO_VKEY)).toMatchObject({ text: GO_TEXT });
  });

  it('include a cosignature, with its time', () => {
    expect(logKey.verifier.text).toBe(LOG_VKEY);
    expect(witnessKey.verifier.text).toBe(WITNESS_VKEY);
    expect(open(CHECKPOINT_1000, LOG_VKEY, WITNESS_VKEY)).toMatchObject({
      signatures: [
        { key: { text: LOG_VKEY }, time: undefined },
        { key: { text: WITNESS_VKEY }, time: 1_764_000_010n },
      ],
    });
    const text = textOfNote(Buffer.from(CHECKPOINT_1000))!;
    const [logLine, witnessLine] = CHECKPOINT_1000.split('\n').slice(4);
    expect(signatureLine(text, logKey)).toBe(`${logLine}\n`);
    expect(signatureLine(text, witnessKey, 1_764_000_010n)).toBe(`${witnessLine}\n`);
  });
});

describe('a note', () => {
  const note = CHECKPOINT_1000;

  it('is refused after any change of one character', () => {
    const passed: string[] = [];
    for (const [at, character] of note.split('').entries()) {
      for (const other of ['x', 'A', '0', '=', '\n', ' ', '\u2014', '']) {
        if (other === character) continue;
        const changed = note.slice(0, at) + other + note.slice(at + 1);
        // An added empty line moves what is signed; a changed name makes a line of a stranger, the other still stands.
        const opened = open(changed, LOG_VKEY, WITNESS_VKEY);
        const bothStand = !isNoteFault(opened) && opened.signatures.length === 2;
        if (bothStand) passed.push(`${at}: ${JSON.stringify(other)}`);
      }
    }
    expect(passed).toEqual([]);
  });

  it('is refused with any bit flipped', () => {
    const bytes = Buffer.from(note);
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const flipped = Buffer.from(bytes);
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      const opened = open(flipped, LOG_VKEY, WITNESS_VKEY);
      expect([bit, !isNoteFault(opened) && opened.signatures.length === 2]).toEqual([bit, false]);
    }
  });

  it('of strangers is refused, and strangers beside a known key are passed over', () => {
    expect(open(note, GO_VKEY)).toMatchObject({ fault: 'unknown_keys' });
    expect(open(note, GO_VKEY, LOG_VKEY)).toMatchObject({
      signatures: [{ key: { text: LOG_VKEY } }],
    });
    const other = createSignerKey('regulator.example/w1', COSIGNS).key;
    const more = note + signatureLine(textOfNote(Buffer.from(note))!, other, 5n);
    expect(open(more, LOG_VKEY, WITNESS_VKEY)).toMatchObject({ signatures: { length: 2 } });
  });

  it('is refused whole when a known key does not fit, though another does', () => {
    const text = textOfNote(Buffer.from(note))!;
    const forged = `${text}\n${signatureLine(text, logKey)}${signatureLine(`${text}x\n`, witnessKey, 5n)}`;
    expect(open(forged, LOG_VKEY, WITNESS_VKEY)).toMatchObject({ fault: 'bad_signature' });
    const [, logLine] = note.split('\n\n');
    // A cosignature under another time is another signature.
    const line = logLine!.split('\n')[1]!;
    const blob = Buffer.from(line.split(' ')[2]!, 'base64');
    blob.writeBigUInt64BE(1_764_000_011n, 4);
    const redated = note.replace(line.split(' ')[2]!, blob.toString('base64'));
    expect(open(redated, LOG_VKEY, WITNESS_VKEY)).toMatchObject({ fault: 'bad_signature' });
  });

  it('has a text that may hold empty lines, and no control characters', () => {
    const text = 'one\n\ntwo\n';
    const signed = `${text}\n${signatureLine(text, logKey)}`;
    expect(open(signed, LOG_VKEY)).toMatchObject({ text });
    for (const malformed of [
      '',
      'text\n',
      'text\n\n',
      signed.slice(0, -1),
      signed.replace('two', 'tw\to'),
      signed.replaceAll('\n', '\r\n'),
      `${signed}\n`,
      signed + signed.split('\n\n')[2]!.repeat(64),
    ]) {
      expect(open(malformed, LOG_VKEY)).toMatchObject({ fault: 'malformed' });
    }
    expect(open(Buffer.from([0xff, 0x0a, 0x0a]), LOG_VKEY)).toMatchObject({ fault: 'malformed' });
    expect(open(Buffer.alloc(70_000, 0x61), LOG_VKEY)).toMatchObject({ fault: 'malformed' });
  });
});

describe('keys', () => {
  it('are read in one spelling only, with the id that their bytes have', () => {
    for (const text of [
      '',
      'name',
      LOG_VKEY.replace('f4d5ea08', 'f4d5ea09'),
      LOG_VKEY.replace('f4d5ea08', 'F4D5EA08'),
      `${LOG_VKEY}=`,
      LOG_VKEY.slice(0, -4),
      LOG_VKEY.replace('decisions', 'deci sions'),
      LOG_VKEY.replace('+ATu9', '+CTu9'),
      GO_SECRET,
    ]) {
      expect([text, parseVerifierKey(text)]).toEqual([text, undefined]);
    }
    expect(parseSignerKey(GO_VKEY)).toBeUndefined();
    expect(parseSignerKey(GO_SECRET.replace('c74f20a3', 'c74f20a4'))).toBeUndefined();
  });

  it('are made anew each time, and read back from their secret form', () => {
    const { key, secret } = createSignerKey('acme.example/ledger-0', SIGNS_TEXT);
    const again = createSignerKey('acme.example/ledger-0', SIGNS_TEXT);
    expect(again.key.verifier.text).not.toBe(key.verifier.text);
    const read = parseSignerKey(secret)!;
    expect(read.verifier.text).toBe(key.verifier.text);
    expect(signatureLine('a\n', read)).toBe(signatureLine('a\n', key));
    expect(() => createSignerKey('with space', SIGNS_TEXT)).toThrow(RangeError);
    expect(() => createSignerKey('a+b', SIGNS_TEXT)).toThrow(RangeError);
  });
});
