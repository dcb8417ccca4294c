import { afterEach, beforeEach, expect, it } from 'vitest';
import { changeKey } from '../../src/actors/ledger-key-change.ts';
import { createSignerKey, openNote, SIGNS_TEXT } from '../../src/domain/ledger/note.ts';
import { type SignedLedger, signedLedger } from '../support/signed-ledger.ts';

let ledger: SignedLedger;
beforeEach(async () => {
  ledger = await signedLedger();
});
afterEach(() => ledger.close());

const change = (to = createSignerKey(ledger.origin, SIGNS_TEXT).key) =>
  changeKey({ database: ledger.signing, stream: 0, from: ledger.key, to, state: ledger.state });

it('the new key goes on where the old one ended, and the old one has said so', async () => {
  const signer = await ledger.open();
  await ledger.append(5);
  await signer.seal();
  const { key } = createSignerKey(ledger.origin, SIGNS_TEXT);
  const statement = await change(key);
  expect(openNote(Buffer.from(statement), [ledger.key.verifier])).toMatchObject({
    text: `sentinelops-key-change/v1\norigin ${ledger.origin}\nsize 5\nfrom ${ledger.key.verifier.text}\nto ${key.verifier.text}\n`,
  });
  const { rows } = await ledger.client.query<{ statement: string }>(
    'select statement from ledger.key_change',
  );
  expect(rows).toEqual([{ statement }]);
  await ledger.append(5);
  expect(await (await ledger.open({ key })).seal()).toMatchObject({ size: 10 });
  // What is asked again after a crash changes nothing, and a key that nobody named does not go on.
  await expect(ledger.open()).rejects.toMatchObject({ exitCode: 35 });
});

it('a change that ended halfway is made by asking again', async () => {
  const signer = await ledger.open();
  await ledger.append(5);
  await signer.seal();
  const { key } = createSignerKey(ledger.origin, SIGNS_TEXT);
  const failing = { ...ledger.state, replace: () => Promise.reject(new Error('disk full')) };
  const options = { database: ledger.signing, stream: 0, from: ledger.key, to: key };
  await expect(changeKey({ ...options, state: failing })).rejects.toThrow('disk full');
  await change(key);
  await (await ledger.open({ key })).seal();
});

it('is refused before anything was signed, and to a key of another name', async () => {
  await expect(change()).rejects.toThrow('nothing was signed yet');
  const stranger = createSignerKey('other.example/ledger-0', SIGNS_TEXT).key;
  await expect(change(stranger)).rejects.toThrow('cannot follow');
});
