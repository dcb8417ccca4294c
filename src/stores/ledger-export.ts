/**
 * Reads a stream of the ledger out as the lines of its export, in pages, so that memory and transactions stay small
 * however long the chain is. Runs as the auditor. Entries never change, so the pages need no common snapshot.
 */
import type { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { sql } from 'kysely';
import { type Entry, originOf } from '../domain/ledger.ts';
import { headerOf, lineOf } from '../domain/ledger/export-format.ts';
import type { Database, Tx } from './database.ts';

const PAGE_ENTRIES = 1_000;

/** A stream of the ledger up to the entry that was its last when it was opened. */
export interface LedgerExport {
  readonly origin: string;
  /** How many entries there are, if its last one is right about its place. */
  readonly size: number;
  /** From the first entry, or from the one at `from`. May be read more than once; the database is asked again each time. */
  pages(from?: number): AsyncIterable<readonly Entry[]>;
}

/** `database` works under the audit role. */
export async function openLedgerExport(database: Database, stream: number): Promise<LedgerExport> {
  const { originBase, size } = await database.transact((tx) => readExtent(tx, stream));
  return {
    origin: originOf(originBase, stream),
    size,
    async *pages(start = 0) {
      let next = start;
      while (next < size) {
        const from = next;
        const page = await database.transact((tx) => readPage(tx, stream, from, size));
        const last = page.at(-1);
        if (last === undefined) return;
        yield page;
        next = last.seq + 1;
      }
    },
  };
}

/** The bytes of the export file, the header first, cut at the ends of lines. */
export async function* exportedBytes(ledger: LedgerExport): AsyncGenerator<Buffer> {
  yield Buffer.from(headerOf(ledger.origin));
  for await (const page of ledger.pages()) yield bytesOf(ledger.origin, page);
}

export interface ExportOptions {
  readonly stream: number;
  /** Receives the bytes of the file. Left open: whoever opened it ends it. */
  readonly out: Writable;
  /** Entries written so far, of how many. */
  readonly onProgress?: (written: number, size: number) => void;
}

/** What was written, and the hash in which it ends: together a pin for every later verification. */
export interface Exported {
  readonly origin: string;
  readonly size: number;
  readonly lastHash: string | null;
}

/** Writes the export of one stream. Rejects when the database or `out` fails; what was written by then is a prefix. */
export async function exportLedger(database: Database, options: ExportOptions): Promise<Exported> {
  const ledger = await openLedgerExport(database, options.stream);
  let written = 0;
  let lastHash: string | null = null;
  async function* bytes(): AsyncGenerator<Buffer> {
    yield Buffer.from(headerOf(ledger.origin));
    for await (const page of ledger.pages()) {
      yield bytesOf(ledger.origin, page);
      written += page.length;
      lastHash = page.at(-1)?.currentHash ?? lastHash;
      options.onProgress?.(written, ledger.size);
    }
  }
  await pipeline(bytes, options.out, { end: false });
  return { origin: ledger.origin, size: written, lastHash };
}

function bytesOf(origin: string, page: readonly Entry[]): Buffer {
  return Buffer.from(page.map((entry) => lineOf(origin, entry)).join(''));
}

async function readExtent(
  tx: Tx,
  stream: number,
): Promise<{ readonly originBase: string; readonly size: number }> {
  const { rows } = await sql<{ originBase: string | null; size: string }>`
    select ledger.origin_base() as "originBase", coalesce(max(e.seq) + 1, 0)::text as size
    from ledger.ledger_entry e where e.stream = ${stream}::smallint`.execute(tx);
  const { originBase, size } = rows[0]!;
  if (originBase === null) throw new Error('This ledger has no name yet. Run migrate.');
  return { originBase, size: Number(size) };
}

/**
 * Every column as the text that was hashed. ORDER BY names the table: without it the text that is read would be sorted,
 * 10 before 9.
 */
async function readPage(
  tx: Tx,
  stream: number,
  from: number,
  size: number,
): Promise<readonly Entry[]> {
  const { rows } = await sql<Omit<Entry, 'seq'> & { seq: string }>`
    select e.seq::text as seq, e.entry_id as "entryId", e.entry_type as "entryType",
      e.linked_entity_id as "linkedEntityId", e.previous_hash as "previousHash", e.current_hash as "currentHash",
      e.entry_data::text as "entryData",
      to_char(e."timestamp" at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as "timestamp",
      to_char(e.sealed_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as "sealedAt"
    from ledger.ledger_entry e
    where e.stream = ${stream}::smallint and e.seq >= ${from}::bigint and e.seq < ${size}::bigint
    order by e.seq limit ${PAGE_ENTRIES}`.execute(tx);
  return rows.map((row) => ({ ...row, seq: Number(row.seq) }));
}
