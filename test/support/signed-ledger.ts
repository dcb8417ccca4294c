/** A ledger with entries, a signer for it, and what a superuser who means harm does to it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type pg from 'pg';
import { openSigner, type Signer, type SignerOptions } from '../../src/actors/ledger-signer.ts';
import { createSignerKey, type SignerKey, SIGNS_TEXT } from '../../src/domain/ledger/note.ts';
import type { Database } from '../../src/stores/database.ts';
import { openSignedState, type SignedState } from '../../src/stores/signed-state.ts';
import { cloneDatabase, type TestDatabase } from './database.ts';

export interface SignedLedger {
  readonly database: TestDatabase;
  readonly client: pg.Client;
  readonly origin: string;
  readonly key: SignerKey;
  readonly directory: string;
  readonly state: SignedState;
  /** Under the role of the signer. */
  readonly signing: Database;
  /** Appends entries through the one way in, about nothing in particular. */
  append(count: number): Promise<void>;
  open(options?: Partial<SignerOptions>): Promise<Signer>;
  /** Runs statements as a superuser who has taken every guard away first and puts them back after. */
  forge(statements: string): Promise<void>;
  /** Hashes every entry again, from `seq` on: afterwards the chain is one again. */
  rehashFrom(seq: number): Promise<void>;
  leafHashes(): Promise<readonly Buffer[]>;
  close(): Promise<void>;
}

export async function signedLedger(): Promise<SignedLedger> {
  const database = await cloneDatabase();
  const client = await database.superuser();
  const { rows } = await client.query<{ base: string }>('select ledger.origin_base() as base');
  const origin = `${rows[0]!.base}-0`;
  const { key } = createSignerKey(origin, SIGNS_TEXT);
  const directory = await mkdtemp(join(tmpdir(), 'sentinelops-signer-'));
  const state = await openSignedState(directory, origin);
  const signing = database.open('signer');
  await client.query(APPEND);
  return {
    database,
    client,
    origin,
    key,
    directory,
    state,
    signing,
    append: async (count) =>
      void (await client.query('select pg_temp.append_entries($1)', [count])),
    open: (options) => openSigner({ database: signing, stream: 0, key, state, ...options }),
    forge: async (statements) =>
      void (await client.query(`begin; call ledger_guard.suspend(); ${WITHOUT_GUARDS} ${statements};
        ${WITH_GUARDS} call ledger_guard.resume(); commit;`)),
    async rehashFrom(seq) {
      await client.query(`do $$ declare e record; previous text; begin
        select current_hash into previous from ledger.ledger_entry where stream = 0 and seq = ${seq - 1};
        previous := coalesce(previous, repeat('0', 64));
        for e in select l.seq, l.entry_id, l.entry_type, l.linked_entity_id, l.entry_data, l.timestamp, l.sealed_at
          from ledger.ledger_entry l where l.stream = 0 and l.seq >= ${seq} order by l.seq
        loop
          update ledger.ledger_entry l set previous_hash = previous, current_hash = encode(sha256('\\x00'::bytea
            || convert_to(ledger.leaf(0::smallint, e.seq, e.entry_id, e.entry_type, e.linked_entity_id, previous, e.entry_data,
              e.timestamp, e.sealed_at), 'UTF8')), 'hex')
          where l.stream = 0 and l.seq = e.seq returning current_hash into previous;
        end loop; end $$`);
    },
    async leafHashes() {
      const found = await client.query<{ hash: string }>(
        'select current_hash as hash from ledger.ledger_entry where stream = 0 order by seq',
      );
      return found.rows.map(({ hash }) => Buffer.from(hash, 'hex'));
    },
    async close() {
      await database.close();
      await rm(directory, { recursive: true });
    },
  };
}

const TABLES = ['ledger_entry', 'checkpoint', 'subtree_hash', 'halt'];
const WITHOUT_GUARDS = TABLES.map(
  (table) =>
    `alter table ledger.${table} disable trigger all; alter table ledger.${table} no force row level security;`,
).join(' ');
const WITH_GUARDS = `${TABLES.map(
  (table) =>
    `alter table ledger.${table} enable trigger all; alter table ledger.${table} force row level security;`,
).join(' ')}
  do $$ declare t record; begin
    for t in select tgrelid::regclass as relation, tgname from pg_trigger
      where tgrelid::regclass::text = any (array['ledger.ledger_entry', 'ledger.checkpoint', 'ledger.subtree_hash', 'ledger.halt'])
        and not tgisinternal
    loop execute format('alter table %s enable always trigger %I', t.relation, t.tgname); end loop;
  end $$;`;

/** In batches as the actor makes them: each in one call, chained row by row. */
const APPEND = `
create function pg_temp.append_entries(entries integer) returns void language plpgsql as $$
declare
  head record; done integer := 0; batch integer; hash text; at timestamptz;
  ids uuid[]; linked uuid[]; data text[]; times timestamptz[]; hashes text[];
begin
  while done < entries loop
    batch := least(1024, entries - done);
    select h.size, h.head_hash, h.now::timestamptz as now into head from ledger.head(0::smallint) as h;
    at := head.now; hash := head.head_hash;
    ids := '{}'; linked := '{}'; data := '{}'; times := '{}'; hashes := '{}';
    for i in 0 .. batch - 1 loop
      ids := ids || gen_random_uuid();
      linked := linked || gen_random_uuid();
      data := data || format('{"digest":"%s","reason":"test"}', repeat('d', 64));
      times := times || at;
      hash := encode(sha256('\\x00'::bytea || convert_to(ledger.leaf(0::smallint, head.size + i, ids[i + 1], 'ERASURE', linked[i + 1], hash,
        data[i + 1]::json, at, at), 'UTF8')), 'hex');
      hashes := hashes || hash;
    end loop;
    perform ledger.append(0::smallint, head.size, ids, array_fill('ERASURE'::text, array[batch]), linked, data, times, at, hashes);
    done := done + batch;
  end loop;
end $$`;
