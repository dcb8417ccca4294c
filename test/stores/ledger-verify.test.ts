import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Pin, Status } from '../../src/domain/ledger/verdict.ts';
import { parsePin } from '../../src/domain/ledger/verdict.ts';
import {
  type VerifyOptions,
  verifyExport,
  verifyLedgerFile,
} from '../../src/stores/ledger-verify.ts';
import {
  changed,
  exported,
  leaf,
  type Row,
  rehash,
  reseal,
  VECTOR_ORIGIN,
  vectorHashes,
  vectorRows,
} from '../domain/ledger/chain.ts';

const honest = vectorRows(100);
const pin: Pin = { size: 100, hash: honest[99]!.currentHash };

/** Verifies in this thread what an export of these bytes would be. */
function verify(text: string | Buffer, options: VerifyOptions = {}) {
  const bytes = Buffer.from(text);
  const source = {
    async *bytes() {
      yield bytes;
    },
    entriesMax: 1_000,
  };
  return verifyExport(source, { threads: 0, ...options });
}

describe('an honest export', () => {
  it('is OK, with its size and its ends', async () => {
    expect(await verify(exported(vectorRows(1_000)))).toEqual({
      status: 'OK',
      code: 0,
      seq: null,
      detail: null,
      origin: VECTOR_ORIGIN,
      size: 1_000,
      firstHash: vectorHashes[0],
      lastHash: vectorHashes[999],
      warnings: [],
    });
  });

  it('is OK under its pins, in any order', async () => {
    const pins = [999, 0, 416, 1].map((seq) => ({ size: seq + 1, hash: vectorHashes[seq]! }));
    expect(await verify(exported(vectorRows(1_000)), { pins })).toMatchObject({ status: 'OK' });
  });

  it('is OK when it has no entry yet', async () => {
    expect(await verify(exported([]))).toMatchObject({
      code: 0,
      size: 0,
      firstHash: null,
      lastHash: null,
    });
  });

  it('is a prefix of every later one', () => {
    expect(exported(honest).startsWith(exported(vectorRows(60)))).toBe(true);
  });
});

/** [what is done, the forged export, status, place, and status and place with the honest head pinned where they differ] */
type Attack = readonly [string, string, Status, number | null, Status?, (number | null)?];

/** In the database: what an exporter then reads. */
const inDatabase = (change: Partial<Row>) => exported(changed(honest, 50, change));
/** In the file: the line of row 50 with one text in place of another. */
function inFile(before: string, after: string): string {
  const lines = exported(honest).split('\n');
  expect(lines[51]).toContain(before);
  return lines.with(51, lines[51]!.replace(before, after)).join('\n');
}
const withData = (entryData: string) => exported(reseal(changed(honest, 50, { entryData })));
const without = (index: number) => honest.toSpliced(index, 1);
const { seq: _seq50, ...contents50 } = honest[50]!;
const { seq: _seq51, ...contents51 } = honest[51]!;
const otherData = '{"decision":"REJECT","n":"50"}';
const backDated = {
  ...honest[49]!,
  entryId: '0000000b-0000-4000-8000-000000000000',
  linkedEntityId: '1000000b-0000-4000-8000-000000000000',
};

const attacks: readonly Attack[] = [
  ['edit the data of a row', inDatabase({ entryData: otherData }), 'HASH_MISMATCH', 50],
  ['edit the type', inDatabase({ entryType: 'ADVISORY' }), 'HASH_MISMATCH', 50],
  [
    'edit the time of the fact',
    inDatabase({ timestamp: '2025-11-24T16:00:00.000001Z' }),
    'HASH_MISMATCH',
    50,
  ],
  [
    'edit the time of sealing',
    inDatabase({ sealedAt: '2025-11-24T16:00:00.350001Z' }),
    'HASH_MISMATCH',
    50,
  ],
  ['edit the entry id', inDatabase({ entryId: backDated.entryId }), 'HASH_MISMATCH', 50],
  [
    'edit the linked id',
    inDatabase({ linkedEntityId: backDated.linkedEntityId }),
    'HASH_MISMATCH',
    50,
  ],
  ['edit current_hash', inDatabase({ currentHash: 'a'.repeat(64) }), 'HASH_MISMATCH', 50],
  ['edit entry_data in the file', inFile('"APPROVE"', '"REJECT"'), 'DATA_MISMATCH', 50],
  ['edit previous_hash', inDatabase({ previousHash: 'a'.repeat(64) }), 'CHAIN_BREAK', 50],
  [
    'swap the contents of two rows',
    exported(changed(changed(honest, 50, contents51), 51, contents50)),
    'CHAIN_BREAK',
    50,
  ],
  [
    'delete a row and number the rest anew',
    exported(without(50).map((row, index) => ({ ...row, seq: String(index) }))),
    'CHAIN_BREAK',
    50,
  ],
  [
    'begin with another hash',
    exported(reseal(honest, { genesis: 'a'.repeat(64) })),
    'CHAIN_BREAK',
    0,
  ],
  [
    'edit a row and hash it again alone',
    exported(honest.with(50, rehash({ ...honest[50]!, entryData: otherData }))),
    'CHAIN_BREAK',
    51,
  ],
  [
    'edit the last row and hash it again',
    exported(honest.with(99, rehash({ ...honest[99]!, entryData: otherData }))),
    'OK',
    null,
    'HEAD_MISMATCH',
    99,
  ],
  ['delete a middle row', exported(without(50)), 'SEQ_GAP', 50],
  ['delete the first row', exported(without(0)), 'SEQ_GAP', 0],
  ['swap two lines', exported(honest.with(50, honest[51]!).with(51, honest[50]!)), 'SEQ_GAP', 50],
  ['repeat a line', exported(honest.toSpliced(51, 0, honest[50]!)), 'SEQ_GAP', 51],
  [
    'record a fact twice in a valid chain',
    exported(reseal(changed(honest, 70, { linkedEntityId: honest[50]!.linkedEntityId }))),
    'DUPLICATE',
    70,
  ],
  [
    'use an entry id twice in a valid chain',
    exported(reseal(changed(honest, 70, { entryId: honest[50]!.entryId }))),
    'DUPLICATE',
    70,
  ],
  [
    'white space in the data of a valid chain',
    withData('{"decision": "APPROVE"}'),
    'NOT_CANONICAL',
    50,
  ],
  ['a duplicate key in it', withData('{"n":"50","n":"50"}'), 'NOT_CANONICAL', 50],
  ['a number in it', withData('{"n":50}'), 'NOT_CANONICAL', 50],
  ['NUL in it', withData('{"n":"\\u0000"}'), 'NOT_CANONICAL', 50],
  ['more than 64 KiB of it', withData(`{"n":"${'x'.repeat(65_536)}"}`), 'NOT_CANONICAL', 50],
  ['a TAB in it', withData('{"n":\t"50"}'), 'MALFORMED', 50],
  ['seq written 00', exported([rehash({ ...honest[0]!, seq: '00' })]), 'MALFORMED', 0],
  [
    'seq beyond 2^53',
    exported([...honest, rehash({ ...honest[0]!, seq: '9007199254740993' })]),
    'SEQ_GAP',
    100,
  ],
  ['a type that does not exist', inDatabase({ entryType: 'RUMOUR' }), 'MALFORMED', 50],
  [
    'a month that does not exist',
    inDatabase({ timestamp: '2025-13-01T00:00:00.000000Z' }),
    'MALFORMED',
    50,
  ],
  ['infinity', inDatabase({ sealedAt: 'infinity' }), 'MALFORMED', 50],
  ['cut the file inside a line', exported(honest).slice(0, -100), 'MALFORMED', 99],
  ['cut the last line end', exported(honest).slice(0, -1), 'MALFORMED', 99],
  ['end lines as Windows does', exported(honest).replaceAll('\n', '\r\n'), 'MALFORMED', null],
  ['a fourth field', inFile('"}\t{', '"}\t\t{'), 'MALFORMED', 50],
  ['a line without end', `${exported(honest)}${'x'.repeat(200_000)}`, 'MALFORMED', 100],
  ['no header', exported(honest).split('\n').slice(1).join('\n'), 'MALFORMED', null],
  ['nothing at all', '', 'MALFORMED', null],
  ['a header alone, cut', exported([]).slice(0, -1), 'MALFORMED', null],
  [
    'the header of another chain',
    exported(honest).replace(VECTOR_ORIGIN, 'other.example/ledger-0'),
    'ORIGIN',
    0,
  ],
  [
    'entries of another chain',
    exported(honest) + exported(honest, 'other.example/ledger-0').split('\n').slice(1).join('\n'),
    'ORIGIN',
    100,
  ],
  ['cut the last ten rows', exported(honest.slice(0, 90)), 'OK', null, 'TRUNCATED', 90],
  [
    'delete a row and hash everything again',
    exported(reseal(without(50))),
    'OK',
    null,
    'TRUNCATED',
    99,
  ],
  [
    'edit a row and hash everything again',
    exported(reseal(changed(honest, 50, { entryData: otherData }))),
    'OK',
    null,
    'HEAD_MISMATCH',
    99,
  ],
  [
    'insert a back-dated row and hash everything again',
    exported(reseal(honest.toSpliced(50, 0, backDated))),
    'OK',
    null,
    'HEAD_MISMATCH',
    99,
  ],
  [
    'delete a row, hash everything again and fill it up',
    exported(reseal([...without(50), backDated])),
    'OK',
    null,
    'HEAD_MISMATCH',
    99,
  ],
];

describe('forgeries', () => {
  for (const [what, forged, status, seq, pinnedStatus = status, pinnedSeq = seq] of attacks) {
    it(what, async () => {
      const pinned = { status: pinnedStatus, seq: pinnedSeq };
      expect(await verify(forged)).toMatchObject({ status, seq });
      expect(await verify(forged, { pins: [pin] })).toMatchObject(pinned);
    });
  }

  it('a whole chain of another origin passes by itself and fails when the origin is known', async () => {
    const other = exported(
      reseal(honest, { origin: 'other.example/ledger-0' }),
      'other.example/ledger-0',
    );
    expect(await verify(other)).toMatchObject({ status: 'OK', origin: 'other.example/ledger-0' });
    expect(await verify(other, { origin: VECTOR_ORIGIN })).toMatchObject({
      status: 'ORIGIN',
      seq: null,
    });
  });

  it('every bit flipped in every byte', async () => {
    const bytes = Buffer.from(exported(vectorRows(3)));
    const missed: string[] = [];
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const flipped = Buffer.from(bytes);
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      const { status } = await verify(flipped, { origin: VECTOR_ORIGIN });
      if (status === 'OK') missed.push(`bit ${bit & 7} of byte ${bit >> 3}`);
    }
    expect(missed).toEqual([]);
    expect(bytes.length * 8).toBeGreaterThan(14_000);
  });

  it('of several faults the first entry decides, and of one entry the lowest code', async () => {
    const later = exported(
      changed(changed(honest, 60, { entryType: 'RUMOUR' }), 50, { entryData: otherData }),
    );
    expect(await verify(later)).toMatchObject({ status: 'HASH_MISMATCH', seq: 50 });
    const both = inDatabase({ previousHash: 'a'.repeat(64), entryData: '{"n": 1}' });
    expect(await verify(both)).toMatchObject({ status: 'CHAIN_BREAK', seq: 50 });
  });

  it('a repeat counts before a failure behind it, and not before one in front of it', async () => {
    const repeated = reseal(changed(honest, 70, { entryId: honest[50]!.entryId }));
    const behind = exported(changed(repeated, 80, { entryData: otherData }));
    expect(await verify(behind)).toMatchObject({
      status: 'DUPLICATE',
      seq: 70,
      size: 70,
      lastHash: repeated[69]!.currentHash,
    });
    const before = exported(changed(repeated, 60, { entryData: otherData }));
    expect(await verify(before)).toMatchObject({ status: 'HASH_MISMATCH', seq: 60, size: 60 });
  });

  it('says how far the chain is good', async () => {
    expect(await verify(inDatabase({ entryData: otherData }))).toMatchObject({
      code: 14,
      size: 50,
      firstHash: honest[0]!.currentHash,
      lastHash: honest[49]!.currentHash,
    });
  });
});

it('warns, and no more, when sealed_at runs backwards', async () => {
  const backwards = { sealedAt: '2025-11-24T15:00:00.000000Z' };
  const rows = reseal(changed(changed(honest, 50, backwards), 70, backwards));
  expect(await verify(exported(rows))).toMatchObject({
    status: 'OK',
    warnings: [{ warning: 'sealed_at_runs_backwards', count: 2, firstSeq: 50 }],
  });
});

describe('pins', () => {
  it('are read as SIZE:HASH and nothing else', () => {
    expect(parsePin(`100:${pin.hash}`)).toEqual(pin);
    for (const text of [
      `0:${pin.hash}`,
      `01:${pin.hash}`,
      '1:abc',
      `1:${pin.hash.toUpperCase()}`,
      ` 1:${pin.hash}`,
    ]) {
      expect(parsePin(text)).toBeUndefined();
    }
  });

  it('that are too long count before pins that differ', async () => {
    const pins = [
      { size: 5, hash: 'a'.repeat(64) },
      { size: 101, hash: pin.hash },
    ];
    expect(await verify(exported(honest), { pins })).toMatchObject({ status: 'TRUNCATED' });
  });
});

describe('a file', () => {
  let directory: string;
  let path: string;
  const long = vectorRows(4_000);

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'sentinelops-ledger-'));
    path = join(directory, 'ledger.export');
    await writeFile(path, exported(long));
  });
  afterAll(() => rm(directory, { recursive: true }));

  it('is checked by threads side by side as by one', async () => {
    const pins = [{ size: 4_000, hash: long[3_999]!.currentHash }];
    const alone = await verifyLedgerFile(path, { threads: 0, pins });
    expect(alone).toMatchObject({ status: 'OK', size: 4_000 });
    expect(await verifyLedgerFile(path, { threads: 2, pins })).toEqual(alone);
  });

  it.each([0, 2])('shows faults at the borders of segments (%d threads)', async (threads) => {
    const forged = join(directory, `forged-${threads}`);
    // A segment is a mebibyte, some 1,790 of these lines.
    for (const index of [1_700, 1_786, 1_787, 1_788, 1_789, 1_790, 1_800, 3_999]) {
      await writeFile(forged, exported(long.toSpliced(index, 1)));
      const expected = index === 3_999 ? { status: 'OK' } : { status: 'SEQ_GAP', seq: index };
      expect(await verifyLedgerFile(forged, { threads })).toMatchObject(expected);
    }
  });

  it('is searched for repeats in parts when it is too long for one set', async () => {
    const options = { threads: 0, fingerprintsMax: 500 };
    expect(await verifyLedgerFile(path, options)).toMatchObject({ status: 'OK' });
    const forged = join(directory, 'repeats');
    for (const [first, again] of [
      [0, 3_999],
      [1_000, 1_001],
      [2_000, 3_000],
    ] as const) {
      const { linkedEntityId } = long[first]!;
      await writeFile(forged, exported(reseal(changed(long, again, { linkedEntityId }))));
      expect(await verifyLedgerFile(forged, options)).toMatchObject({
        status: 'DUPLICATE',
        seq: again,
      });
    }
  });

  it('reports how far it is', async () => {
    const seen: number[] = [];
    await verifyLedgerFile(path, { threads: 0, onProgress: (passed) => seen.push(passed) });
    expect(seen.at(-1)).toBe(4_000);
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
  });

  it('that is not there, or is a folder, is unreadable: no verdict on any ledger', async () => {
    const none = { status: 'UNREADABLE', code: 3, origin: null };
    expect(await verifyLedgerFile(join(directory, 'nowhere'), {})).toMatchObject(none);
    expect(await verifyLedgerFile(directory, {})).toMatchObject(none);
  });
});

it('a leaf takes no more bytes than the reader allows for', () => {
  const longest: Row = {
    ...honest[0]!,
    entryType: 'RISK_ASSESSMENT',
    seq: '9'.repeat(19),
  };
  expect(leaf(longest, 'x'.repeat(200)).length).toBeLessThan(800);
});
