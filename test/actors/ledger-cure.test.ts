import { createWriteStream } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { cureLedger, NotCured } from '../../src/actors/ledger-cure.ts';
import { LedgerHalted } from '../../src/actors/ledger-signer.ts';
import { type Checkpoint, openCheckpoint } from '../../src/domain/ledger/checkpoint.ts';
import { jsonLines } from '../../src/domain/ledger/export-format.ts';
import { exportLedger } from '../../src/stores/ledger-export.ts';
import { type SignedLedger, signedLedger } from '../support/signed-ledger.ts';

let ledger: SignedLedger;
let file: string;
let signed: Checkpoint;
beforeEach(async () => {
  ledger = await signedLedger();
  file = join(ledger.directory, 'export');
  const signer = await ledger.open();
  for (const entries of [500, 900, 1_100]) {
    await ledger.append(entries);
    await signer.seal();
  }
  signed = openCheckpoint((await ledger.state.read())!, [ledger.key.verifier]) as Checkpoint;
  const out = createWriteStream(file);
  await exportLedger(ledger.database.open('audit'), { stream: 0, format: jsonLines, out });
  out.end();
  await finished(out);
});
afterEach(() => ledger.close());

const cut = (from: number) =>
  ledger.forge(`delete from ledger.ledger_entry where seq >= ${from};
    delete from ledger.checkpoint where size > ${from};
    delete from ledger.subtree_hash`);
const cure = () => cureLedger({ database: ledger.signing, stream: 0, file, signed });
const root = async () => (await ledger.leafHashes()).at(-1)!.toString('hex');

it('puts back what a restored backup has lost; the signer then lifts the halt and goes on', async () => {
  const last = await root();
  await cut(700);
  await expect(ledger.open()).rejects.toThrow(LedgerHalted);
  expect(await cure()).toEqual({ origin: ledger.origin, from: 700, size: 2_500 });
  expect(await root()).toBe(last);
  await expect(ledger.append(1)).rejects.toMatchObject({ code: '57P03' });
  const signer = await ledger.open();
  await ledger.append(1);
  expect(await signer.seal()).toMatchObject({ size: 2_501 });
});

it('puts back into an empty ledger as well', async () => {
  await cut(0);
  await expect(ledger.open()).rejects.toThrow(LedgerHalted);
  expect(await cure()).toMatchObject({ from: 0, size: 2_500 });
  await ledger.open();
});

it('puts nothing into a ledger that went on, or was changed', async () => {
  await cut(700);
  await ledger.append(3);
  await expect(ledger.open()).rejects.toThrow(LedgerHalted);
  await expect(cure()).rejects.toThrow(NotCured);
  expect((await ledger.leafHashes()).length).toBe(703);
});

it('takes no export that does not hold what was signed', async () => {
  await cut(700);
  await expect(ledger.open()).rejects.toThrow(LedgerHalted);
  const text = await readFile(file, 'utf8');
  const lines = text.split('\n');
  await writeFile(file, text.replace('"reason":"test"', '"reason":"tesT"'));
  await expect(cure()).rejects.toThrow(/DATA_MISMATCH/);
  await writeFile(file, `${lines.slice(0, 2_000).join('\n')}\n`);
  await expect(cure()).rejects.toThrow(/TRUNCATED/);
  expect((await ledger.leafHashes()).length).toBe(700);
});

it('puts nothing into a ledger that is not halted', async () => {
  await cut(700);
  await expect(cure()).rejects.toMatchObject({ code: '55000' });
});
