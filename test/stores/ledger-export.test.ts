import { createWriteStream } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import type pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Database } from '../../src/stores/database.ts';
import { exportLedger } from '../../src/stores/ledger-export.ts';
import { verifyLedgerDatabase, verifyLedgerFile } from '../../src/stores/ledger-verify.ts';
import { migrate } from '../../src/stores/migrate.ts';
import { emptyDatabase, type TestDatabase } from '../support/database.ts';
import {
  changed,
  exported,
  type Row,
  rehash,
  reseal,
  VECTOR_ORIGIN_BASE,
  vectorRows,
} from '../domain/ledger/chain.ts';

let database: TestDatabase;
let client: pg.Client;
let audit: Database;
let directory: string;
const honest = vectorRows(100);
const pins = [{ size: 100, hash: honest[99]!.currentHash }];

beforeAll(async () => {
  database = await emptyDatabase();
  await migrate(database.url, { ledgerOrigin: VECTOR_ORIGIN_BASE });
  client = await database.superuser();
  audit = database.open('audit');
  directory = await mkdtemp(join(tmpdir(), 'sentinelops-export-'));
  // What a superuser can do who means it; without this none of the rows below could be stored.
  await client.query(`call ledger_guard.suspend();
    alter table ledger.ledger_entry disable trigger all;
    alter table ledger.ledger_entry drop constraint hash_is_of_this_row, drop constraint one_entry_per_fact cascade,
      drop constraint first_entry_follows_zeros;`);
});
afterAll(async () => {
  await rm(directory, { recursive: true });
  await database.close();
});
beforeEach(() => keep(honest));

/** Makes these the rows of the table, whatever they say. */
async function keep(rows: readonly Row[]): Promise<void> {
  await client.query('delete from ledger.ledger_entry');
  await client.query(
    `insert into ledger.ledger_entry (stream, seq, entry_id, entry_type, linked_entity_id, previous_hash, current_hash,
       entry_data, "timestamp", sealed_at)
     select 0, * from unnest($1::bigint[], $2::uuid[], $3::text[], $4::uuid[], $5::text[], $6::text[], $7::json[],
       $8::timestamptz[], $9::timestamptz[])`,
    [
      rows.map((row) => row.seq),
      rows.map((row) => row.entryId),
      rows.map((row) => row.entryType),
      rows.map((row) => row.linkedEntityId),
      rows.map((row) => row.previousHash),
      rows.map((row) => row.currentHash),
      rows.map((row) => row.entryData),
      rows.map((row) => row.timestamp),
      rows.map((row) => row.sealedAt),
    ],
  );
}

const verify = (options = {}) => verifyLedgerDatabase(audit, { stream: 0, threads: 0, ...options });

describe('an export', () => {
  it('is the published file, byte for byte, and verifies', async () => {
    const path = join(directory, 'ledger');
    const out = createWriteStream(path);
    const written: [number, number][] = [];
    const result = await exportLedger(audit, {
      stream: 0,
      out,
      onProgress: (...progress) => written.push(progress),
    });
    await new Promise<void>((done) => out.end(done));
    expect(await readFile(path, 'utf8')).toBe(exported(honest));
    expect(result).toEqual({
      origin: `${VECTOR_ORIGIN_BASE}-0`,
      size: 100,
      lastHash: pins[0]!.hash,
    });
    expect(written).toEqual([[100, 100]]);
    expect(await verifyLedgerFile(path, { pins })).toMatchObject({ status: 'OK', size: 100 });
  });

  it('of a stream without entries is its header', async () => {
    expect(await exportedText(5)).toBe(
      `{"origin":"${VECTOR_ORIGIN_BASE}-5","schema":"sentinelops-ledger-export/v1"}\n`,
    );
  });

  it('goes on over more than one page, in order of place and not of text', async () => {
    const long = vectorRows(4_321);
    await keep(long);
    expect(await exportedText(0)).toBe(exported(long));
  });

  it('fails when what it writes to fails', async () => {
    const full = new Writable({
      write: (_chunk, _encoding, done) => done(new Error('no space left')),
    });
    await expect(exportLedger(audit, { stream: 0, out: full })).rejects.toThrow('no space left');
  });
});

async function exportedText(stream: number): Promise<string> {
  const chunks: Buffer[] = [];
  const out = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      chunks.push(chunk);
      done();
    },
  });
  await exportLedger(audit, { stream, out });
  return Buffer.concat(chunks).toString();
}

describe('the database itself', () => {
  const backDated = {
    entryId: '0000000b-0000-4000-8000-000000000000',
    linkedEntityId: '1000000b-0000-4000-8000-000000000000',
  };
  const other = '{"decision":"REJECT","n":"50"}';
  const sql = (statement: string) => () => client.query(statement);
  const set = (what: string) => sql(`update ledger.ledger_entry set ${what} where seq = 50`);

  it.each<readonly [string, () => Promise<unknown>, string, number]>([
    ['data is edited', set(`entry_data = '${other}'`), 'HASH_MISMATCH', 50],
    ['a type is edited', set(`entry_type = 'ADVISORY'`), 'HASH_MISMATCH', 50],
    [
      'a time is edited',
      set(`"timestamp" = "timestamp" + interval '1 microsecond'`),
      'HASH_MISMATCH',
      50,
    ],
    [
      'the time of sealing is edited',
      set(`sealed_at = sealed_at - interval '1 day'`),
      'HASH_MISMATCH',
      50,
    ],
    [
      'an id is edited',
      set(`linked_entity_id = '${backDated.linkedEntityId}'`),
      'HASH_MISMATCH',
      50,
    ],
    ['a hash is edited', set(`current_hash = repeat('a', 64)`), 'HASH_MISMATCH', 50],
    ['a link is edited', set(`previous_hash = repeat('a', 64)`), 'CHAIN_BREAK', 50],
    [
      'data is given white space',
      set(`entry_data = '{"decision": "APPROVE"}'`),
      'HASH_MISMATCH',
      50,
    ],
    ['a time is infinite', () => infinite(), 'MALFORMED', 50],
    ['a row is deleted', sql('delete from ledger.ledger_entry where seq = 50'), 'SEQ_GAP', 50],
    [
      'the first row is deleted',
      sql('delete from ledger.ledger_entry where seq = 0'),
      'SEQ_GAP',
      0,
    ],
    [
      'a row is edited and hashed again alone',
      () => keep(honest.with(50, rehash({ ...honest[50]!, entryData: other }))),
      'CHAIN_BREAK',
      51,
    ],
    [
      'a fact is there twice in a valid chain',
      () => keep(reseal(changed(honest, 70, { linkedEntityId: honest[50]!.linkedEntityId }))),
      'DUPLICATE',
      70,
    ],
    [
      'the last rows are cut off',
      sql('delete from ledger.ledger_entry where seq >= 90'),
      'TRUNCATED',
      90,
    ],
    [
      'a row is edited and everything hashed again',
      () => keep(reseal(changed(honest, 50, { entryData: other }))),
      'HEAD_MISMATCH',
      99,
    ],
  ])('does not pass when %s', async (_name, attack, status, seq) => {
    await attack();
    expect(await verify({ pins })).toMatchObject({ status, seq });
  });

  async function infinite(): Promise<void> {
    await client.query(
      'alter table ledger.ledger_entry drop constraint if exists times_are_finite',
    );
    await client.query(`update ledger.ledger_entry set sealed_at = 'infinity' where seq = 50`);
  }

  it('does not pass when entries have no facts', async () => {
    // The chain of the vectors is about decisions that this database has never seen.
    expect(await verify({ pins })).toMatchObject({
      status: 'LINK_MISSING',
      code: 20,
      seq: 0,
      size: 100,
    });
  });

  it('does not pass when a fact has no entry, unless it is still on its way', async () => {
    await keep([]);
    await client.query(`insert into identity.person (person_id, name) values (gen_random_uuid(), 'author');
      insert into policy.policy (policy_id, version, status, description, regulatory_reference, priority_level, name, title,
        definition, definition_sha256, author)
      select gen_random_uuid(), 1, 'draft', 'd', 'r', 1, 'p', 't', '{}', repeat('3', 64), person_id from identity.person;
      insert into policy.policy_change (change_id, policy_id, version, to_status, definition_sha256, actor, row_digest)
      select gen_random_uuid(), policy_id, 1, 'draft', repeat('3', 64), author, repeat('d', 64) from policy.policy;`);
    expect(await verify({ graceMs: 60_000 })).toMatchObject({ status: 'OK', size: 0 });
    expect(await verify({ graceMs: 0 })).toMatchObject({ status: 'LINK_MISSING', seq: null });
  });

  it('is unreadable, not wrong, when it does not answer', async () => {
    const gone = await emptyDatabase();
    const session = gone.open('audit');
    await gone.close();
    expect(await verifyLedgerDatabase(session, { stream: 0 })).toMatchObject({
      status: 'UNREADABLE',
      code: 3,
    });
  });
});
