import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { CHECKPOINT_1000 } from '../domain/ledger/keys.ts';
import { naiveLeafHash } from '../domain/ledger/naive-tree.ts';
import { writeTiles } from '../../src/stores/ledger-tiles.ts';
import { type SignedLedger, signedLedger } from '../support/signed-ledger.ts';

let ledger: SignedLedger;
let directory: string;
beforeEach(async () => {
  ledger = await signedLedger();
  directory = await mkdtemp(join(tmpdir(), 'sentinelops-tiles-'));
});
afterEach(async () => {
  await rm(directory, { recursive: true });
  await ledger.close();
});

const write = () => writeTiles(ledger.database.open('audit'), 0, directory);
const bytes = (path: string) => readFile(join(directory, path));
async function files(): Promise<string[]> {
  const all = await readdir(directory, { recursive: true, withFileTypes: true });
  return all
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1))
    .toSorted();
}

async function grow(count: number): Promise<void> {
  await ledger.append(count);
  await (await ledger.open({ adopts: true })).seal();
}

it('before anything is signed there is nothing to write', async () => {
  expect(await write()).toBeUndefined();
  expect(await files()).toEqual([]);
});

it('the files are those of the signed tree, and a later run adds what is missing', async () => {
  await grow(300);
  expect(await write()).toEqual({ size: 300, files: 6 });
  const before = await files();
  expect(before).toEqual([
    'checkpoint',
    'tile/0/000',
    'tile/0/001.p/44',
    'tile/1/000.p/1',
    'tile/entries/000',
    'tile/entries/001.p/44',
  ]);
  expect(await write()).toEqual({ size: 300, files: 1 });
  await grow(250);
  expect(await write()).toEqual({ size: 550, files: 6 });
  const leaves = await ledger.leafHashes();
  expect(await bytes('tile/0/001')).toEqual(Buffer.concat(leaves.slice(256, 512)));
  expect(await bytes('tile/0/002.p/38')).toEqual(Buffer.concat(leaves.slice(512)));
  expect(await bytes('tile/1/000.p/2')).toHaveLength(64);
  expect((await bytes('checkpoint')).toString()).toContain(`${ledger.origin}\n550\n`);
  // Each entry of a bundle hashes to the hash at its place in the tile.
  const bundle = await bytes('tile/entries/001');
  const hashes: Buffer[] = [];
  for (let at = 0; at < bundle.length; ) {
    const length = bundle.readUInt16BE(at);
    hashes.push(naiveLeafHash(bundle.subarray(at + 2, at + 2 + length)));
    at += 2 + length;
  }
  expect(Buffer.concat(hashes)).toEqual(await bytes('tile/0/001'));
});

it('entries that are not those that were signed leave the checkpoint as it was', async () => {
  await grow(300);
  await write();
  const checkpoint = await bytes('checkpoint');
  await grow(300);
  await ledger.forge(`alter table ledger.ledger_entry drop constraint hash_is_of_this_row;
    update ledger.ledger_entry set current_hash = repeat('a', 64) where seq = 400`);
  await expect(write()).rejects.toMatchObject({ name: 'LedgerDamaged' });
  expect(await bytes('checkpoint')).toEqual(checkpoint);
});

it('the tiles of another ledger are not mixed with these', async () => {
  await grow(3);
  await write();
  await writeFile(join(directory, 'checkpoint'), CHECKPOINT_1000);
  await expect(write()).rejects.toThrow('sentinelops.example/ledger/decisions-0');
});
