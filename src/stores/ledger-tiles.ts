/**
 * Writes a stream as static files (C2SP tlog-tiles): the leaves of all entries and the hashes over them, for any web server
 * to give out and any monitor to follow. What is there already is not written again; the checkpoint comes last, so a
 * reader of it finds everything that it covers.
 */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Entry, hashOfLeaf, leafOf } from '../domain/ledger.ts';
import { unverifiedCheckpoint } from '../domain/ledger/checkpoint.ts';
import {
  entryBundle,
  levelsOf,
  storedLevelOf,
  TILE_WIDTH,
  type Tile,
  tilePath,
  tilesOfLevel,
} from '../domain/ledger/tiles.ts';
import { rootOfSpans, spansOf } from '../domain/ledger/tree.ts';
import type { Database } from './database.ts';
import { openCheckpointReader, type ReleasedCheckpoint } from './ledger-checkpoint.ts';
import { openLedgerExport } from './ledger-export.ts';
import { LedgerDamaged } from './ledger-proofs.ts';
import { replaceDurably } from './signed-state.ts';

export interface WrittenTiles {
  readonly size: number;
  /** Files that were written this time. */
  readonly files: number;
}

/**
 * Brings a directory to the newest checkpoint. Undefined when nothing has been signed yet. Rejects with LedgerDamaged
 * when the entries are not those that were signed, and then leaves the checkpoint as it was. `database` works under the
 * audit role.
 */
export async function writeTiles(
  database: Database,
  stream: number,
  directory: string,
): Promise<WrittenTiles | undefined> {
  const read = <T>(work: (reader: ReturnType<typeof openCheckpointReader>) => Promise<T>) =>
    database.transact((tx) => work(openCheckpointReader(tx, stream, 'audit')));
  const newest = await read((reader) => reader.newest());
  if (newest === undefined) return undefined;
  const old = await sizeOf(directory, await read((reader) => reader.origin()));
  const hashesOf = async (level: number, start: number, count: number) =>
    (await read((reader) => reader.hashes([{ level, start, count }])))[0]!;

  let files = await writeEntries(database, { stream, directory, old, size: newest.size });
  for (let level = 1; level < levelsOf(newest.size); level += 1) {
    for (const tile of tilesOfLevel(level, old, newest.size)) {
      const hashes = await hashesOf(storedLevelOf(level), tile.index * TILE_WIDTH, tile.width);
      await write(directory, tilePath(tile), Buffer.concat(hashes));
      files += 1;
    }
  }
  const spans = spansOf({ start: 0, end: newest.size });
  const root = rootOfSpans(await read((reader) => reader.hashes(spans)));
  if (root.toString('hex') !== newest.rootHash) {
    throw new LedgerDamaged(`The tree of ${newest.size} entries is not the one that was signed.`);
  }
  await writeCheckpoint(directory, newest);
  return { size: newest.size, files: files + 1 };
}

/** How many entries are in the directory already. Refuses the files of another ledger. */
async function sizeOf(directory: string, origin: string): Promise<number> {
  const note = await readFile(join(directory, 'checkpoint')).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    },
  );
  if (note === undefined) return 0;
  const checkpoint = unverifiedCheckpoint(note);
  if (checkpoint?.origin === origin) return Number(checkpoint.size);
  throw new Error(`${directory} holds the tiles of ${checkpoint?.origin ?? 'something else'}.`);
}

interface Extent {
  readonly stream: number;
  readonly directory: string;
  readonly old: number;
  readonly size: number;
}

/** The bundles of entries and the tiles of their hashes; returns how many files. */
async function writeEntries(database: Database, extent: Extent): Promise<number> {
  const { stream, directory, old, size } = extent;
  const tiles = tilesOfLevel(0, old, size);
  const ledger = await openLedgerExport(database, stream);
  let tile: Tile | undefined = tiles.next().value as Tile | undefined;
  let waiting: Entry[] = [];
  let files = 0;
  for await (const page of ledger.pages((tile?.index ?? 0) * TILE_WIDTH)) {
    waiting.push(...page.filter((entry) => entry.seq < size));
    while (tile !== undefined && waiting.length >= tile.width) {
      await writeTile(directory, ledger.origin, tile, waiting.slice(0, tile.width));
      waiting = waiting.slice(tile.width);
      files += 2;
      tile = tiles.next().value as Tile | undefined;
    }
    if (tile === undefined) break;
  }
  if (tile !== undefined) throw new LedgerDamaged(`Entries before ${size} are missing.`);
  return files;
}

async function writeTile(
  directory: string,
  origin: string,
  tile: Tile,
  entries: readonly Entry[],
): Promise<void> {
  const leaves = entries.map((entry) => leafOf(origin, entry));
  const wrong = entries.find((entry, n) => hashOfLeaf(leaves[n]!) !== entry.currentHash);
  if (wrong !== undefined)
    throw new LedgerDamaged(`Entry ${wrong.seq} has another hash than its own.`);
  const hashes = entries.map((entry) => Buffer.from(entry.currentHash, 'hex'));
  await write(directory, tilePath(tile, true), entryBundle(leaves));
  await write(directory, tilePath(tile), Buffer.concat(hashes));
}

/** Under another name first: a reader finds a file whole or not at all. */
async function write(directory: string, path: string, bytes: Buffer): Promise<void> {
  const file = join(directory, path);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(`${file}.new`, bytes);
  await rename(`${file}.new`, file);
}

async function writeCheckpoint(directory: string, { note }: ReleasedCheckpoint): Promise<void> {
  await replaceDurably(join(directory, 'checkpoint'), note, directory);
}
