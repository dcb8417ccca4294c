/**
 * What a reader with one old checkpoint finds that a reader without any does not: the attacks on a chain that end in OK
 * by themselves, and ten thousand random ones.
 */
import { randomInt } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { signCheckpoint } from '../../src/domain/ledger/checkpoint.ts';
import { createSignerKey, SIGNS_TEXT } from '../../src/domain/ledger/note.ts';
import { rootOf } from '../../src/domain/ledger/tree.ts';
import {
  isPolicyFault,
  parseTrustPolicy,
  trustedCheckpoints,
} from '../../src/domain/ledger/trust.ts';
import type { Status } from '../../src/domain/ledger/verdict.ts';
import { verifyExport } from '../../src/stores/ledger-verify.ts';
import {
  changed,
  exported,
  type Row,
  reseal,
  VECTOR_ORIGIN,
  vectorRows,
} from '../domain/ledger/chain.ts';
import {
  CHECKPOINT_1000,
  CHECKPOINT_700,
  LOG_VKEY,
  logKey,
  WITNESS_VKEY,
} from '../domain/ledger/keys.ts';

const honest = vectorRows(1_000);
const policy = parseTrustPolicy(`log ${LOG_VKEY}\nwitness w ${WITNESS_VKEY}\nquorum w\n`);
const unwitnessed = parseTrustPolicy(`log ${LOG_VKEY}\nquorum none\n`);

async function verdict(
  rows: readonly Row[],
  notes = [CHECKPOINT_700],
  trust = policy,
  threads = 0,
) {
  if (isPolicyFault(trust)) throw new Error(trust.detail);
  const checkpoints = trustedCheckpoints(
    notes.map((note) => Buffer.from(note)),
    trust,
  );
  if ('status' in checkpoints) return checkpoints;
  const bytes = Buffer.from(exported(rows));
  const source = {
    async *bytes() {
      yield bytes;
    },
    entriesMax: 2_000,
  };
  return verifyExport(source, { checkpoints, threads });
}

const rootOfRows = (rows: readonly Row[]) =>
  rootOf(rows.map((row) => Buffer.from(row.currentHash, 'hex')));
const signedOver = (rows: readonly Row[], key = logKey) =>
  signCheckpoint({ origin: VECTOR_ORIGIN, size: BigInt(rows.length), root: rootOfRows(rows) }, key);
const edited = (seq: number) => changed(honest, seq, { entryData: '{"decision":"REJECT"}' });

it('the published checkpoints are of the published chain, also checked in threads', async () => {
  expect(await verdict(honest, [CHECKPOINT_1000, CHECKPOINT_700])).toMatchObject({
    status: 'OK',
    size: 1_000,
  });
  expect(await verdict(honest.slice(0, 700))).toMatchObject({ status: 'OK', size: 700 });
  expect(await verdict(honest, [CHECKPOINT_700], policy, 2)).toMatchObject({ status: 'OK' });
});

const attacks: readonly (readonly [string, readonly Row[], Status])[] = [
  ['the last rows are cut', honest.slice(0, 690), 'TRUNCATED'],
  ['all rows are gone', [], 'TRUNCATED'],
  [
    'a row is deleted and all hashed again',
    reseal(honest.slice(0, 700).toSpliced(50, 1)),
    'TRUNCATED',
  ],
  ['a row is edited and all hashed again', reseal(edited(50)), 'ROOT_MISMATCH'],
  ['the last covered row is edited and all hashed again', reseal(edited(699)), 'ROOT_MISMATCH'],
  [
    'a row is put in and all hashed again',
    reseal(honest.toSpliced(50, 0, vectorRows(1_001)[1_000]!)),
    'ROOT_MISMATCH',
  ],
  [
    'two rows are swapped and all hashed again',
    reseal(honest.with(50, honest[51]!).with(51, honest[50]!)),
    'ROOT_MISMATCH',
  ],
  [
    'a row is deleted, another put at the end, all hashed again',
    reseal([...honest.toSpliced(50, 1), vectorRows(1_001)[1_000]!]),
    'ROOT_MISMATCH',
  ],
];

describe('against one old checkpoint it is found when', () => {
  it.each(attacks)('%s', async (_what, rows, status) => {
    expect(await verdict(rows)).toMatchObject({ status });
    // Without it none of them shows.
    expect(await verdict(rows, [])).toMatchObject({ status: 'OK' });
  });

  it('what no checkpoint covers is changed: not at all', async () => {
    expect(await verdict(reseal(edited(700)))).toMatchObject({ status: 'OK' });
    expect(await verdict(reseal(edited(700)), [CHECKPOINT_1000])).toMatchObject({
      status: 'ROOT_MISMATCH',
    });
  });
});

describe('the log itself is found to have signed two histories', () => {
  it('by two checkpoints of one size', async () => {
    const forged = signedOver(reseal(edited(50)).slice(0, 700));
    expect(await verdict(honest, [CHECKPOINT_700, forged], unwitnessed)).toMatchObject({
      status: 'FORK',
    });
  });

  it('by an export that fits the later checkpoint and not the earlier', async () => {
    const other = reseal(edited(50));
    expect(await verdict(other, [CHECKPOINT_700, signedOver(other)], unwitnessed)).toMatchObject({
      status: 'FORK',
    });
  });
});

describe('a checkpoint does not count', () => {
  it('when another key signed it, or none', async () => {
    const stranger = createSignerKey(VECTOR_ORIGIN, SIGNS_TEXT).key;
    const forged = reseal(edited(50));
    expect(await verdict(forged, [signedOver(forged, stranger)], unwitnessed)).toMatchObject({
      status: 'SIG_INVALID',
    });
    expect(await verdict(honest, [CHECKPOINT_700.replace('\n700\n', '\n701\n')])).toMatchObject({
      status: 'SIG_INVALID',
    });
  });

  it('when too few have cosigned it', async () => {
    expect(await verdict(honest, [signedOver(honest)])).toMatchObject({ status: 'QUORUM' });
    expect(await verdict(honest, [signedOver(honest)], unwitnessed)).toMatchObject({
      status: 'OK',
    });
  });

  it('when it is of another ledger', async () => {
    const origin = 'other.example/ledger-0';
    const { key } = createSignerKey(origin, SIGNS_TEXT);
    const note = signCheckpoint({ origin, size: 1n, root: rootOfRows(honest.slice(0, 1)) }, key);
    const trust = parseTrustPolicy(`log ${key.verifier.text}\nquorum none\n`);
    expect(await verdict(honest, [note], trust)).toMatchObject({ status: 'ORIGIN' });
  });
});

it('of ten thousand random changes with everything hashed again none is missed, and no honest chain is blamed', async () => {
  const size = 6;
  const rows = honest.slice(0, size);
  const root = rootOfRows(rows);
  const checkpoints = [{ origin: VECTOR_ORIGIN, size: BigInt(size), root }];
  const statusOf = async (of: readonly Row[]) => {
    const bytes = Buffer.from(exported(of));
    const source = {
      async *bytes() {
        yield bytes;
      },
      entriesMax: 100,
    };
    return (await verifyExport(source, { checkpoints, threads: 0 })).status;
  };
  const digits = (length: number) => String(randomInt(10 ** length)).padStart(length, '0');
  const at = () => randomInt(size);
  const changes: readonly (() => readonly Row[])[] = [
    () => changed(rows, at(), { entryData: `{"n":"${digits(9)}x"}` }),
    () => changed(rows, at(), { timestamp: `2025-11-24T1${digits(1)}:59:00.1${digits(5)}Z` }),
    () => changed(rows, at(), { sealedAt: `2025-11-24T1${digits(1)}:59:00.1${digits(5)}Z` }),
    () => changed(rows, at(), { linkedEntityId: `20000000-0000-4000-8000-${digits(12)}` }),
    () => changed(rows, at(), { entryId: `20000000-0000-4000-8000-${digits(12)}` }),
    () => rows.toSpliced(at(), 1),
    () => rows.toSpliced(at(), 0, honest[500 + randomInt(400)]!),
    () => {
      const first = randomInt(size - 1);
      return rows.with(first, rows[first + 1]!).with(first + 1, rows[first]!);
    },
    () => rows.slice(0, at()),
  ];
  const expected = (of: readonly Row[]) => (of.length < size ? 'TRUNCATED' : 'ROOT_MISMATCH');
  for (let round = 0; round < 10_000; round += 1) {
    const forged = reseal(changes[round % changes.length]!());
    const status = await statusOf(forged);
    if (status !== expected(forged)) expect([status, forged]).toEqual([expected(forged), forged]);
  }
  for (let length = size; length < 100; length += 1) {
    expect(await statusOf(honest.slice(0, length))).toBe('OK');
  }
}, 120_000);
