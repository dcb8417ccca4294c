import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chain } from '../../src/domain/ledger.ts';
import type { Timestamp } from '../../src/domain/time.ts';
import type { Database } from '../../src/stores/database.ts';
import { openLedgerStore, protectionState } from '../../src/stores/ledger.ts';
import { cloneDatabase, type TestDatabase } from '../support/database.ts';
import { hex, ids, keepChain } from '../support/sql.ts';

let database: TestDatabase;
let client: pg.Client;
let ledger: Database;

beforeAll(async () => {
  database = await cloneDatabase();
  client = await database.superuser();
  ledger = database.open('ledger');
  await keepChain(client);
});
afterAll(() => database.close());

describe('facts', () => {
  it('are read with every digit of their numbers and times', async () => {
    await client.query('alter table event.event disable trigger refuse_change');
    await client.query(`update event.event set received_at = '2026-01-02 03:04:05.000001+00'`);
    await client.query('alter table event.event enable always trigger refuse_change');
    const keys = [
      { type: 'RISK_ASSESSMENT', id: ids.assessment },
      { type: 'EVENT', id: ids.event },
    ] as const;
    const facts = await ledger.transact((tx) => openLedgerStore(tx).facts(keys));
    expect(facts).toMatchObject([
      {
        type: 'RISK_ASSESSMENT',
        eventId: ids.event,
        members: { risk_score: '40.0000', risk_model_version: '1' },
      },
      { type: 'EVENT', id: ids.event, timestamp: '2026-01-02T03:04:05.000001Z', digest: hex('d') },
    ]);
  });

  it('are only those that are final: no open review, no running execution, no letter that may be sent again', async () => {
    const { rows } = await client.query<{ id: string }>(
      'select dead_letter_id as id from event.dead_letter',
    );
    const keys = [
      { type: 'DEAD_LETTER', id: rows[0]!.id },
      // A match goes on as an advisory; it is not where its event ends.
      { type: 'EVALUATION', id: ids.evaluation },
      { type: 'ERASURE', id: ids.event },
    ] as const;
    expect(await ledger.transact((tx) => openLedgerStore(tx).facts(keys))).toEqual([]);
  });
});

describe('the head', () => {
  it('is where the last entry left it, and what is appended moves it', async () => {
    await ledger.transact(async (tx) => {
      const store = openLedgerStore(tx);
      const head = await store.lockHead(0);
      expect(head).toMatchObject({ stream: 0, size: 1, originBase: expect.stringContaining('/') });
      const fact = {
        entryType: 'ERASURE',
        linkedEntityId: randomUUID(),
        entryData: '{"digest":"é"}',
        timestamp: '2026-01-02T03:04:05.678901Z' as Timestamp,
      } as const;
      const entries = chain(head, head.now, [fact]);
      await store.append(head, entries);
      expect(await store.lockHead(0)).toMatchObject({ size: 2, hash: entries[0]!.currentHash });
      const keys = [
        { type: 'ERASURE', id: fact.linkedEntityId },
        { type: 'EVENT', id: ids.event },
      ] as const;
      expect(await store.standing(keys)).toEqual([{ ...keys[0], entryData: fact.entryData }]);
    });
  });

  it('is held until the transaction ends', async () => {
    await client.query('begin');
    await client.query('select ledger.head(0::smallint)');
    const second = ledger.transact((tx) => openLedgerStore(tx).lockHead(0));
    await expect(second).rejects.toMatchObject({ code: '55P03' });
    await client.query('commit');
  });

  it('of a ledger without a name cannot be taken', async () => {
    await client.query(`begin; call ledger_guard.suspend();
      create or replace function ledger.origin_base() returns text language sql immutable parallel safe return null::text;
      call ledger_guard.resume(); commit`);
    const unnamed = ledger.transact((tx) => openLedgerStore(tx).lockHead(0));
    await expect(unnamed).rejects.toThrow('Run migrate');
    await client.query(`select ledger.set_origin_base('named.example/again')`);
  });
});

it('the protection is as the last migration left it', async () => {
  expect(await protectionState(ledger)).toMatchObject({ intact: true });
});
