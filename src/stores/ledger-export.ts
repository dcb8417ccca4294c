/**
 * Reads a stream of the ledger out as the lines of its export, in pages, so that memory and transactions stay small
 * however long the chain is. Runs as the auditor. Entries never change, so the pages need no common snapshot.
 */
import type { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { sql } from 'kysely';
import { type Entry, originOf } from '../domain/ledger.ts';
import {
  type ExportFormat,
  headerOf,
  type LastEntry,
  lineOf,
  tabbed,
} from '../domain/ledger/export-format.ts';
import type { Database, Tx } from './database.ts';
import { openCheckpointReader } from './ledger-checkpoint.ts';

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
  readonly format?: ExportFormat;
  /** What `out` ends with already, from an earlier export: the next entry follows. */
  readonly after?: Pick<LastEntry, 'seq' | 'currentHash'> | undefined;
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
  const { format = tabbed, after } = options;
  const { origin } = ledger;
  if (after !== undefined) await refuseOther(ledger, after);
  let written = after === undefined ? 0 : after.seq + 1;
  let lastHash: string | null = after?.currentHash ?? null;
  async function* bytes(): AsyncGenerator<Buffer> {
    if (after === undefined) yield Buffer.from(format.header(origin));
    else yield Buffer.from(await checkpointLines(written - 1, written));
    for await (const page of ledger.pages(written)) {
      const from = written;
      const notes = await notesBetween(from, from + page.length);
      const lines = page.map(
        (entry) => format.entry(origin, entry) + (notes.get(entry.seq + 1) ?? ''),
      );
      yield Buffer.from(lines.join(''));
      written += page.length;
      lastHash = page.at(-1)?.currentHash ?? lastHash;
      options.onProgress?.(written, ledger.size);
    }
  }
  /** The lines of checkpoints by size, as far as the format has a place for them. */
  async function notesBetween(from: number, to: number): Promise<ReadonlyMap<number, string>> {
    if (format.checkpoint('') === undefined) return new Map();
    const found = await database.transact((tx) =>
      openCheckpointReader(tx, options.stream, 'audit').between(from, to),
    );
    return new Map(found.map(({ size, note }) => [size, format.checkpoint(note) ?? '']));
  }
  async function checkpointLines(from: number, to: number): Promise<string> {
    return [...(await notesBetween(from, to)).values()].join('');
  }
  await pipeline(bytes, options.out, { end: false });
  return { origin, size: written, lastHash };
}

/** What goes on has to be what was begun. */
async function refuseOther(
  ledger: LedgerExport,
  { seq, currentHash }: Pick<LastEntry, 'seq' | 'currentHash'>,
): Promise<void> {
  for await (const [entry] of ledger.pages(seq)) {
    if (entry?.seq === seq && entry.currentHash === currentHash) return;
    break;
  }
  throw new Error(
    `The file ends with entry ${seq} of hash ${currentHash}, which ${ledger.origin} has not.`,
  );
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

/** Every column as the text that was hashed. */
const columns = sql`
  e.seq::text as seq, e.entry_id as "entryId", e.entry_type as "entryType",
  e.linked_entity_id as "linkedEntityId", e.previous_hash as "previousHash", e.current_hash as "currentHash",
  e.entry_data::text as "entryData",
  to_char(e."timestamp" at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as "timestamp",
  to_char(e.sealed_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as "sealedAt"`;
type EntryRow = Omit<Entry, 'seq'> & { readonly seq: string };

/** ORDER BY names the table: without it the text that is read would be sorted, 10 before 9. */
async function readPage(
  tx: Tx,
  stream: number,
  from: number,
  size: number,
): Promise<readonly Entry[]> {
  const { rows } = await sql<EntryRow>`
    select ${columns} from ledger.ledger_entry e
    where e.stream = ${stream}::smallint and e.seq >= ${from}::bigint and e.seq < ${size}::bigint
    order by e.seq limit ${PAGE_ENTRIES}`.execute(tx);
  return rows.map(entryOf);
}

/** The entries of facts, in order of seq; a fact that has none in this stream is left out. */
export async function entriesAbout(
  tx: Tx,
  stream: number,
  facts: readonly { readonly type: string; readonly id: string }[],
): Promise<readonly Entry[]> {
  const { rows } = await sql<EntryRow>`
    select ${columns}
    from unnest(${facts.map(({ id }) => id)}::uuid[], ${facts.map(({ type }) => type)}::text[]) as asked (id, type)
    join ledger.ledger_entry e on e.linked_entity_id = asked.id and e.entry_type = asked.type
    where e.stream = ${stream}::smallint order by e.seq`.execute(tx);
  return rows.map(entryOf);
}

/** The ERASURE entry that says what was erased under a commitment; undefined when none does. */
export async function entryErasing(
  tx: Tx,
  stream: number,
  commitment: string,
): Promise<Entry | undefined> {
  const { rows } = await sql<EntryRow>`
    select ${columns} from ledger.ledger_entry e
    where e.stream = ${stream}::smallint and e.entry_type = 'ERASURE'
      and (e.entry_data -> 'commitments')::jsonb ? ${commitment}
    order by e.seq limit 1`.execute(tx);
  return rows.map(entryOf)[0];
}

function entryOf(row: EntryRow): Entry {
  return { ...row, seq: Number(row.seq) };
}
