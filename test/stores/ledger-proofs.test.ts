import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openCheckpoint } from '../../src/domain/ledger/checkpoint.ts';
import { isConsistent, isIncluded } from '../../src/domain/ledger/proof.ts';
import { rootOf } from '../../src/domain/ledger/tree.ts';
import { isRefusal } from '../../src/domain/problem.ts';
import { type CheckpointReader, openCheckpointReader } from '../../src/stores/ledger-checkpoint.ts';
import { proveConsistency, proveInclusion, seqOf } from '../../src/stores/ledger-proofs.ts';
import { type SignedLedger, signedLedger } from '../support/signed-ledger.ts';

const SIZES = [1, 255, 256, 700, 1_500];
let ledger: SignedLedger;
let leaves: readonly Buffer[];

beforeAll(async () => {
  ledger = await signedLedger();
  const signer = await ledger.open();
  let size = 0;
  for (const next of SIZES) {
    await ledger.append(next - size);
    await signer.seal();
    size = next;
  }
  await ledger.append(10);
  leaves = await ledger.leafHashes();
});
afterAll(() => ledger.close());

const read = <T>(work: (reader: CheckpointReader) => Promise<T>) =>
  ledger.database.open('audit').transact((tx) => work(openCheckpointReader(tx, 0, 'audit')));

describe('an inclusion proof', () => {
  it('leads from every entry to the newest signed root', async () => {
    for (const seq of [0, 1, 254, 255, 256, 511, 512, 700, 1_279, 1_280, 1_499]) {
      const proof = await read((reader) => proveInclusion(reader, seq));
      if (isRefusal(proof)) throw new Error(proof.detail);
      const signed = openCheckpoint(Buffer.from(proof.checkpoint.note), [ledger.key.verifier]);
      expect(signed).toMatchObject({ size: 1_500n, root: rootOf(leaves.slice(0, 1_500)) });
      const claim = { index: BigInt(seq), leafHash: leaves[seq]!, proof: proof.hashes };
      expect(isIncluded({ ...claim, ...(signed as { size: bigint; root: Buffer }) })).toBe(true);
    }
  });

  it('is not made of an entry that no checkpoint covers', async () => {
    for (const seq of [1_500, 1_509, 5_000]) {
      expect(await read((reader) => proveInclusion(reader, seq))).toMatchObject({
        reason: 'not_sealed',
      });
    }
  });
});

describe('a consistency proof', () => {
  it('leads from every signed tree to every later one', async () => {
    for (const [at, old] of SIZES.entries()) {
      for (const size of SIZES.slice(at)) {
        const proof = await read((reader) => proveConsistency(reader, old, size));
        if (isRefusal(proof)) throw new Error(proof.detail);
        const [oldRoot, root] = [old, size].map((each) => rootOf(leaves.slice(0, each))) as [
          Buffer,
          Buffer,
        ];
        expect(
          isConsistent({ oldSize: BigInt(old), oldRoot, size: BigInt(size), root, proof }),
        ).toBe(true);
      }
    }
  });

  it('is made between sizes that were never signed, and is empty from nothing', async () => {
    expect(await read((reader) => proveConsistency(reader, 300, 1_000))).not.toMatchObject({
      reason: expect.anything(),
    });
    expect(await read((reader) => proveConsistency(reader, 0, 1_000))).toEqual([]);
  });

  it('is not made backwards or beyond what is signed', async () => {
    expect(await read((reader) => proveConsistency(reader, 2, 1))).toMatchObject({
      reason: 'bad_range',
    });
    expect(await read((reader) => proveConsistency(reader, 1, 1_501))).toMatchObject({
      reason: 'not_sealed',
    });
  });
});

it('an entry is found by its id and by the id of its fact', async () => {
  const { rows } = await ledger.client.query<{ entry_id: string; linked_entity_id: string }>(
    'select entry_id, linked_entity_id from ledger.ledger_entry where seq = 17',
  );
  const audit = ledger.database.open('audit');
  for (const id of Object.values(rows[0]!)) {
    expect(await audit.transact((tx) => seqOf(tx, 0, id))).toBe(17);
  }
  const nobody = '0fffffff-0000-4000-8000-000000000000';
  expect(await audit.transact((tx) => seqOf(tx, 0, nobody))).toBeUndefined();
});

it('no proof is given out over hashes that were changed or are gone', async () => {
  const damaged = await signedLedger();
  try {
    const signer = await damaged.open();
    await damaged.append(600);
    await signer.seal();
    await damaged.forge(`update ledger.subtree_hash set hash = repeat('a', 64) where index = 0`);
    const audit = damaged.database.open('audit');
    const prove = (seq: number) =>
      audit.transact((tx) => proveInclusion(openCheckpointReader(tx, 0, 'audit'), seq));
    await expect(prove(300)).rejects.toMatchObject({ name: 'LedgerDamaged' });
    expect(isRefusal(await prove(5))).toBe(false);
    await damaged.forge('delete from ledger.subtree_hash where index = 1');
    await expect(prove(5)).rejects.toMatchObject({ name: 'HashesMissing' });
  } finally {
    await damaged.close();
  }
});
