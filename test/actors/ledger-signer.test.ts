import { rm, writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LedgerHalted } from '../../src/actors/ledger-signer.ts';
import { openCheckpoint, signCheckpoint } from '../../src/domain/ledger/checkpoint.ts';
import { createSignerKey, SIGNS_TEXT } from '../../src/domain/ledger/note.ts';
import { rootOf } from '../../src/domain/ledger/tree.ts';
import { openCheckpointReader } from '../../src/stores/ledger-checkpoint.ts';
import { type SignedLedger, signedLedger } from '../support/signed-ledger.ts';

let ledger: SignedLedger;
beforeEach(async () => {
  ledger = await signedLedger();
});
afterEach(() => ledger.close());

const newest = () =>
  ledger.database.open('audit').transact((tx) => openCheckpointReader(tx, 0, 'audit').newest());

async function expectHalt(attempt: Promise<unknown>, code: number, words: RegExp) {
  const error = await attempt.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(LedgerHalted);
  expect(error).toMatchObject({ exitCode: code, message: expect.stringMatching(words) });
  const { rows } = await ledger.client.query<{ healthy: boolean; halted: boolean }>(
    `select healthy, exists (select from ledger.halt where lifted_at is null) as halted from ledger.health_for_execution`,
  );
  expect(rows).toEqual([{ healthy: false, halted: true }]);
}

describe('a signer', () => {
  it('signs what has come, keeps it, and releases it', async () => {
    const signer = await ledger.open();
    expect(await signer.seal()).toBeUndefined();
    await ledger.append(300);
    const released = await signer.seal();
    expect(released).toMatchObject({ size: 300 });
    const note = await ledger.state.read();
    expect(note?.toString()).toBe(released?.note);
    const opened = openCheckpoint(note!, [ledger.key.verifier]);
    expect(opened).toMatchObject({ origin: ledger.origin, size: 300n });
    expect(opened).toMatchObject({ root: rootOf(await ledger.leafHashes()) });
    expect(await newest()).toMatchObject({ size: 300, note: released?.note });
    expect(await signer.seal()).toBeUndefined();
    await ledger.append(1);
    expect(await signer.seal()).toMatchObject({ size: 301 });
  });

  it('goes on where it was, and keeps the roots of full subtrees once', async () => {
    await (await ledger.open()).seal();
    await ledger.append(520);
    await (await ledger.open()).seal();
    await ledger.append(300);
    await (await ledger.open()).seal();
    const { rows } = await ledger.client.query(
      'select level, index::integer as index, hash from ledger.subtree_hash where level = 2 order by index',
    );
    const leaves = await ledger.leafHashes();
    expect(rows).toEqual(
      [0, 1, 2].map((index) => ({
        level: 2,
        index,
        hash: rootOf(leaves.slice(index * 256, (index + 1) * 256)).toString('hex'),
      })),
    );
    const counts = await ledger.client.query(
      'select level, count(*)::integer as count from ledger.subtree_hash group by level order by level',
    );
    expect(counts.rows).toEqual([
      { level: 1, count: 51 },
      { level: 2, count: 3 },
    ]);
  });

  it('that ends before its state is kept has signed nothing that anybody saw', async () => {
    const dying = await ledger.open({ failpoint: (step) => dieAt(step, 'checkpoint_signed') });
    await ledger.append(5);
    await expect(dying.seal()).rejects.toThrow('checkpoint_signed');
    expect(await newest()).toBeUndefined();
    expect(await (await ledger.open()).seal()).toMatchObject({ size: 5 });
  });

  it('that ends before it has signed anything comes back to a ledger that went on meanwhile', async () => {
    await ledger.open();
    expect(openCheckpoint((await ledger.state.read())!, [ledger.key.verifier])).toMatchObject({
      origin: ledger.origin,
      size: 0n,
      root: rootOf([]),
    });
    await ledger.append(7);
    expect(await (await ledger.open()).seal()).toMatchObject({ size: 7 });
  });

  it('that ends before it has released what it kept releases those bytes at its next start', async () => {
    const dying = await ledger.open({ failpoint: (step) => dieAt(step, 'state_kept') });
    await ledger.append(5);
    await expect(dying.seal()).rejects.toThrow('state_kept');
    const kept = await ledger.state.read();
    expect(await newest()).toBeUndefined();
    await ledger.append(5);
    const next = await ledger.open();
    expect(await newest()).toMatchObject({ size: 5, note: kept?.toString() });
    expect(await next.seal()).toMatchObject({ size: 10 });
  });

  it('tries again what a database that was away did not take', async () => {
    const signer = await ledger.open();
    await ledger.append(5);
    await ledger.client.query('begin; lock table ledger.checkpoint in share mode');
    await expect(signer.seal()).rejects.toMatchObject({ code: '55P03' });
    await ledger.client.query('rollback');
    expect(await ledger.state.read()).toBeDefined();
    await signer.seal();
    expect(await newest()).toMatchObject({ size: 5 });
  });

  it('does not start under a key of another name', async () => {
    const { key } = createSignerKey('other.example/ledger-0', SIGNS_TEXT);
    await expect(ledger.open({ key })).rejects.toThrow('other.example/ledger-0');
  });
});

async function dieAt(step: string, last: string): Promise<void> {
  if (step === last) throw new Error(step);
}

describe('a ledger that is not the one that was signed', () => {
  beforeEach(async () => {
    const signer = await ledger.open();
    await ledger.append(40);
    await signer.seal();
  });

  it('because it was cut is halted: at the start of a signer, and under a running one', async () => {
    const running = await ledger.open();
    await ledger.forge('delete from ledger.ledger_entry where seq >= 30');
    await expectHalt(running.seal(), 35, /has 30 entries; it had 40/);
    await expectHalt(ledger.open(), 35, /has 30 entries; 40 were signed/);
  });

  it('because it was cut and went on is halted', async () => {
    const running = await ledger.open();
    await ledger.forge('delete from ledger.ledger_entry where seq >= 30');
    await ledger.append(20);
    await expectHalt(running.seal(), 35, /Entry 39 is another/);
    await expectHalt(ledger.open(), 35, /first 40 entries are not those that were signed/);
  });

  it('because it was changed and hashed again is halted', async () => {
    const running = await ledger.open();
    await forgeRehashed(10);
    await expectHalt(running.seal(), 35, /Entry 39 is another/);
    await expectHalt(ledger.open(), 35, /first 40 entries are not those that were signed/);
  });

  it('because its state file is gone is halted until somebody adopts it', async () => {
    await rm(ledger.state.path);
    await expectHalt(ledger.open(), 35, /no state file/);
    const adopted = await ledger.open({ adopts: true });
    expect(await adopted.seal()).toMatchObject({ size: 40 });
  });

  it('is not adopted when it is not what was released', async () => {
    await rm(ledger.state.path);
    await forgeRehashed(10);
    await expectHalt(ledger.open({ adopts: true }), 35, /not those that were released/);
  });

  it('because its state file is an older one is halted', async () => {
    const older = await ledger.state.read();
    await ledger.append(1);
    await (await ledger.open()).seal();
    await writeFile(ledger.state.path, older!);
    await expectHalt(ledger.open(), 35, /ends at 40 entries; 41 have been released/);
  });

  it('because its state file names another root is halted', async () => {
    const root = Buffer.alloc(32, 1);
    await writeFile(
      ledger.state.path,
      signCheckpoint({ origin: ledger.origin, size: 40n, root }, ledger.key),
    );
    await expectHalt(ledger.open(), 35, /not those that were signed/);
  });

  it('because its state file is signed by another key, or is no note, is halted', async () => {
    const { key } = createSignerKey(ledger.origin, SIGNS_TEXT);
    await expectHalt(ledger.open({ key }), 35, /is not signed by/);
    await writeFile(ledger.state.path, 'nothing');
    await expectHalt(ledger.open(), 35, /is not signed by/);
  });

  it('because two signers share its state file is halted', async () => {
    const [one, other] = [await ledger.open(), await ledger.open()];
    await ledger.append(1);
    await one.seal();
    await ledger.append(1);
    await expectHalt(other.seal(), 35, /written by somebody else/);
  });

  it('because a bit of a new entry flipped is halted before that is signed', async () => {
    const running = await ledger.open();
    await ledger.append(3);
    await ledger.forge(`alter table ledger.ledger_entry drop constraint hash_is_of_this_row;
      update ledger.ledger_entry set entry_data = '{"digest":"x"}' where seq = 41`);
    await expectHalt(running.seal(), 14, /Entry 41/);
    expect(await newest()).toMatchObject({ size: 40 });
  });

  it('takes no entry until a signer finds it whole again', async () => {
    const state = await ledger.state.read();
    await rm(ledger.state.path);
    await expectHalt(ledger.open(), 35, /no state file/);
    await expect(ledger.append(1)).rejects.toMatchObject({ code: '57P03' });
    await writeFile(ledger.state.path, state!);
    const signer = await ledger.open();
    await ledger.append(1);
    expect(await signer.seal()).toMatchObject({ size: 41 });
    const { rows } = await ledger.client.query(
      'select code, lifted_at is not null as lifted from ledger.halt',
    );
    expect(rows).toEqual([{ code: 'STATE_MISMATCH', lifted: true }]);
  });
});

/** Another time in one entry, and every hash from there on fitting again. */
async function forgeRehashed(seq: number): Promise<void> {
  await ledger.forge(`alter table ledger.ledger_entry drop constraint hash_is_of_this_row;
    update ledger.ledger_entry set sealed_at = sealed_at + interval '1 second' where seq = ${seq}`);
  await ledger.client.query(
    'begin; call ledger_guard.suspend(); alter table ledger.ledger_entry disable trigger all',
  );
  await ledger.rehashFrom(seq);
  await ledger.client.query(
    'alter table ledger.ledger_entry enable trigger all; call ledger_guard.resume(); commit',
  );
}
