/**
 * What a superuser does to the ledger's table after every guard was taken away, and what a stranger with one old checkpoint
 * says of it: each attack with and without everything behind it hashed again.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { LedgerHalted } from '../../src/actors/ledger-signer.ts';
import { checkpointText, signCheckpoint } from '../../src/domain/ledger/checkpoint.ts';
import { createSignerKey, type SignerKey, SIGNS_TEXT } from '../../src/domain/ledger/note.ts';
import { rootOf } from '../../src/domain/ledger/tree.ts';
import {
  isPolicyFault,
  parseTrustPolicy,
  trustedCheckpoints,
} from '../../src/domain/ledger/trust.ts';
import type { Status } from '../../src/domain/ledger/verdict.ts';
import type { Database } from '../../src/stores/database.ts';
import { exportedBytes, openLedgerExport } from '../../src/stores/ledger-export.ts';
import { verifyExport } from '../../src/stores/ledger-verify.ts';
import { type SignedLedger, signedLedger } from '../support/signed-ledger.ts';

const SIGNED = 100;
const ALL = 120;
let ledger: SignedLedger;
let audit: Database;
/** What the stranger kept. */
let old: string;

beforeAll(async () => {
  ledger = await signedLedger();
  audit = ledger.database.open('audit');
  const signer = await ledger.open();
  await ledger.append(SIGNED);
  old = (await signer.seal())!.note;
  await ledger.append(ALL - SIGNED);
  await ledger.client.query(`call ledger_guard.suspend();
    alter table ledger.ledger_entry disable trigger all;
    alter table ledger.ledger_entry drop constraint hash_is_of_this_row, drop constraint one_entry_per_fact cascade,
      drop constraint one_entry_per_sequence_number, drop constraint first_entry_follows_zeros;
    create table public.honest as select * from ledger.ledger_entry`);
});
afterAll(() => ledger.close());

const COLUMNS =
  'entry_id, entry_type, linked_entity_id, previous_hash, current_hash, entry_data, "timestamp", sealed_at, stream, seq';
beforeEach(async () => {
  await ledger.client.query(`delete from ledger.ledger_entry;
    insert into ledger.ledger_entry (${COLUMNS}) select ${COLUMNS} from public.honest`);
});

async function statusWith(
  notes: readonly string[] = [old],
  key: SignerKey = ledger.key,
): Promise<Status> {
  const policy = parseTrustPolicy(`log ${key.verifier.text}\nquorum none\n`);
  if (isPolicyFault(policy)) throw new Error(policy.detail);
  const checkpoints = trustedCheckpoints(
    notes.map((note) => Buffer.from(note)),
    policy,
  );
  if ('status' in checkpoints) return checkpoints.status;
  const exported = await openLedgerExport(audit, 0);
  const source = { bytes: () => exportedBytes(exported), entriesMax: 2 * ALL };
  return (await verifyExport(source, { checkpoints, threads: 0 })).status;
}

/** Where a checkpoint would be if this log key signed the first `size` entries as they stand. */
async function signedAsItStands(size: number, key: SignerKey): Promise<string> {
  const root = rootOf((await ledger.leafHashes()).slice(0, size));
  return signCheckpoint({ origin: ledger.origin, size: BigInt(size), root }, key);
}

const e = 'ledger.ledger_entry';
const insertAt = (seq: number) => `update ${e} set seq = seq + 1 where seq >= ${seq};
  insert into ${e} (${COLUMNS}) select gen_random_uuid(), entry_type, gen_random_uuid(), previous_hash, current_hash, entry_data,
    "timestamp" - interval '1 day', sealed_at, stream, ${seq} from ${e} where seq = ${seq + 1}`;

/** [what, how, from where to hash again, found by itself, found when all was hashed again] */
const attacks: readonly (readonly [string, string, number, Status, Status])[] = [
  [
    'edit',
    `update ${e} set entry_data = '{"digest":"f","reason":"other"}' where seq = 50`,
    50,
    'HASH_MISMATCH',
    'ROOT_MISMATCH',
  ],
  [
    'edit the time',
    `update ${e} set "timestamp" = "timestamp" - interval '1 day' where seq = 50`,
    50,
    'HASH_MISMATCH',
    'ROOT_MISMATCH',
  ],
  [
    'edit the last that is signed',
    `update ${e} set linked_entity_id = gen_random_uuid() where seq = ${SIGNED - 1}`,
    SIGNED - 1,
    'HASH_MISMATCH',
    'ROOT_MISMATCH',
  ],
  ['delete', `delete from ${e} where seq = 50`, 51, 'SEQ_GAP', 'SEQ_GAP'],
  [
    'delete and number again',
    `delete from ${e} where seq = 50; update ${e} set seq = seq - 1 where seq > 50`,
    50,
    'CHAIN_BREAK',
    'ROOT_MISMATCH',
  ],
  [
    'delete the first and number again',
    `delete from ${e} where seq = 0; update ${e} set seq = seq - 1`,
    0,
    'CHAIN_BREAK',
    'ROOT_MISMATCH',
  ],
  [
    'swap',
    `update ${e} set seq = 101 - seq where seq in (50, 51)`,
    50,
    'CHAIN_BREAK',
    'ROOT_MISMATCH',
  ],
  ['insert and back-date', insertAt(50), 50, 'HASH_MISMATCH', 'ROOT_MISMATCH'],
  ['cut the tail', `delete from ${e} where seq >= 90`, 90, 'TRUNCATED', 'TRUNCATED'],
  ['cut everything', `delete from ${e}`, 0, 'TRUNCATED', 'TRUNCATED'],
];

describe('with one old checkpoint in hand it is found that somebody did', () => {
  it.each(attacks)('%s', async (_what, statements, _from, status) => {
    await ledger.client.query(statements);
    expect(await statusWith()).toBe(status);
  });

  it.each(attacks)(
    '%s, and hashed everything again',
    async (_what, statements, from, _by, status) => {
      await ledger.client.query(statements);
      await ledger.rehashFrom(from);
      expect(await statusWith()).toBe(status);
    },
  );

  it('restore an old backup and go on', async () => {
    await ledger.client.query(`delete from ${e} where seq >= 60`);
    await ledger.append(ALL - 60);
    expect(await statusWith()).toBe('ROOT_MISMATCH');
  });

  it('sign another history with the key of the log', async () => {
    await ledger.client.query(
      `update ${e} set linked_entity_id = gen_random_uuid() where seq = 50`,
    );
    await ledger.rehashFrom(50);
    expect(await statusWith([old, await signedAsItStands(SIGNED, ledger.key)])).toBe('FORK');
    expect(await statusWith([old, await signedAsItStands(ALL, ledger.key)])).toBe('FORK');
  });

  it('replace the key', async () => {
    const { key } = createSignerKey(ledger.origin, SIGNS_TEXT);
    await ledger.client.query(
      `update ${e} set linked_entity_id = gen_random_uuid() where seq = 50`,
    );
    await ledger.rehashFrom(50);
    expect(await statusWith([await signedAsItStands(ALL, key)])).toBe('SIG_INVALID');
  });

  it('nothing, when nobody did anything', async () => {
    expect(await statusWith()).toBe('OK');
    expect(await statusWith([old, await signedAsItStands(ALL, ledger.key)])).toBe('OK');
    expect(old).toContain(
      checkpointText({
        origin: ledger.origin,
        size: BigInt(SIGNED),
        root: rootOf((await ledger.leafHashes()).slice(0, SIGNED)),
      }),
    );
  });
});

/** One bit of a column, as text that is still of its kind; the status that says so. */
const flips: readonly (readonly [string, string, Status])[] = [
  [
    'entry_id',
    `overlay(entry_id::text placing case when left(entry_id::text, 1) = '0' then '1' else '0' end from 1)::uuid`,
    'HASH_MISMATCH',
  ],
  ['entry_type', `'EVENT'`, 'HASH_MISMATCH'],
  [
    'linked_entity_id',
    `overlay(linked_entity_id::text placing case when left(linked_entity_id::text, 1) = '0' then '1' else '0' end from 1)::uuid`,
    'HASH_MISMATCH',
  ],
  [
    'previous_hash',
    `overlay(previous_hash placing case when left(previous_hash, 1) = '0' then '1' else '0' end from 1)`,
    'CHAIN_BREAK',
  ],
  [
    'current_hash',
    `overlay(current_hash placing case when left(current_hash, 1) = '0' then '1' else '0' end from 1)`,
    'HASH_MISMATCH',
  ],
  ['entry_data', `replace(entry_data::text, 'test', 'tesu')::json`, 'HASH_MISMATCH'],
  ['"timestamp"', `"timestamp" + interval '1 microsecond'`, 'HASH_MISMATCH'],
  ['sealed_at', `sealed_at + interval '1 microsecond'`, 'HASH_MISMATCH'],
  ['stream', `1`, 'SEQ_GAP'],
  ['seq', `seq # 64`, 'SEQ_GAP'],
];

describe('one bit that flipped shows', () => {
  it.each(flips)('in %s, in every row of a sample', async (column, value, status) => {
    for (const seq of [0, 1, 49, 63, 98]) {
      await ledger.client.query(
        `begin; update ${e} set ${column} = ${value} where seq = ${seq} and stream = 0; commit`,
      );
      const found = await statusWith();
      // A flipped place meets the neighbour that has it already, whichever comes first in the order.
      const expected = column === 'seq' ? ['SEQ_GAP', 'CHAIN_BREAK'] : [status];
      expect([column, seq, expected.includes(found) ? found : status]).toEqual([
        column,
        seq,
        found,
      ]);
      await ledger.client.query(`delete from ledger.ledger_entry;
        insert into ledger.ledger_entry (${COLUMNS}) select ${COLUMNS} from public.honest`);
    }
  });
});

it('the signer that comes back to a restored backup halts and signs nothing', async () => {
  await ledger.client.query(`delete from ${e} where seq >= 60`);
  await ledger.append(ALL - 60);
  const before = await ledger.state.read();
  await expect(ledger.open()).rejects.toThrow(LedgerHalted);
  expect(await ledger.state.read()).toEqual(before);
});
