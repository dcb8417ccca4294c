/**
 * Reads a stream of the ledger from its first entry on, hashes every entry again, and grows the Merkle tree over them. It
 * goes on from where it stopped, and notices when what it has read is no longer there.
 */
import { lineOf } from '../domain/ledger/export-format.ts';
import type { Failure } from '../domain/ledger/line.ts';
import { recheck } from '../domain/ledger/recheck.ts';
import { createTree, type SubtreeHash } from '../domain/ledger/tree.ts';
import type { Database } from '../stores/database.ts';
import { type LedgerExport, openLedgerExport } from '../stores/ledger-export.ts';

export interface LedgerReading {
  /** How many entries have been read and hashed. */
  readonly size: number;
  root(): Buffer;
  /** The root that the tree had at one of the sizes that were asked for. */
  rootAt(size: number): Buffer | undefined;
  /** Roots of full subtrees that have come since they were last taken. */
  takeSubtreeHashes(): readonly SubtreeHash[];
  /** Reads to the end of the stream; the first thing that is wrong with it, or undefined. */
  readOn(): Promise<Failure | undefined>;
}

export interface ReadingOptions {
  /** Works under a role that reads entries. */
  readonly database: Database;
  readonly stream: number;
  /** The sizes at which the root will be asked for. */
  readonly rootsAt: readonly number[];
  readonly onProgress?: ((hashed: number) => void) | undefined;
}

export function createLedgerReading(options: ReadingOptions): LedgerReading {
  const { database, stream, rootsAt, onProgress = () => undefined } = options;
  let subtreeHashes: SubtreeHash[] = [];
  const tree = createTree((found) => subtreeHashes.push(found));
  const roots = new Map<number, Buffer>();
  let head = '0'.repeat(64);

  function add(leafHash: Buffer): void {
    tree.add(leafHash);
    head = leafHash.toString('hex');
    if (rootsAt.includes(tree.size)) roots.set(tree.size, tree.root());
  }

  async function readPages(entries: LedgerExport): Promise<Failure | undefined> {
    // The last entry is read again. Its hash covers all before it, so a ledger that was put back shows there.
    let isRead = tree.size > 0;
    for await (const page of entries.pages(Math.max(0, tree.size - 1))) {
      if (isRead && page[0]?.currentHash !== head) return putBack(tree.size, entries.size);
      const fresh = isRead ? page.slice(1) : page;
      isRead = false;
      const lines = Buffer.from(fresh.map((entry) => lineOf(entries.origin, entry)).join(''));
      const { leafHashes, failure } = recheck(lines, entries.origin, {
        size: tree.size,
        hash: head,
      });
      for (const leafHash of leafHashes) add(leafHash);
      if (failure !== undefined) {
        return { ...failure, detail: `Entry ${tree.size}: ${failure.detail}` };
      }
      onProgress(tree.size);
    }
    return isRead ? putBack(tree.size, entries.size) : undefined;
  }

  return {
    get size() {
      return tree.size;
    },
    root: () => tree.root(),
    rootAt: (size) => roots.get(size),
    takeSubtreeHashes() {
      const taken = subtreeHashes;
      subtreeHashes = [];
      return taken;
    },
    readOn: async () => readPages(await openLedgerExport(database, stream)),
  };
}

function putBack(read: number, found: number): Failure {
  const detail =
    found < read
      ? `The ledger has ${found} entries; it had ${read}.`
      : `Entry ${read - 1} is another than the one that was read before.`;
  return { status: 'STATE_MISMATCH', detail };
}
