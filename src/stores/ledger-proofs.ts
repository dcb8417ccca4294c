/**
 * Makes proofs from the stored hashes of the tree: some dozen hashes each, whatever the length of the ledger. What is
 * stored is not believed: a proof that does not lead to the signed root is an error and is not given out.
 */
import { sql } from 'kysely';
import { isConsistent, isIncluded } from '../domain/ledger/proof.ts';
import {
  consistencyRanges,
  type HashSpan,
  inclusionRanges,
  type LeafRange,
  rootOfSpans,
  spansOf,
} from '../domain/ledger/tree.ts';
import { type Refusal, refuse } from '../domain/problem.ts';
import type { Tx } from './database.ts';
import type { CheckpointReader, ReleasedCheckpoint } from './ledger-checkpoint.ts';

/** Stored hashes do not lead to a root that was signed: the ledger was changed below its checkpoints. */
export class LedgerDamaged extends Error {
  override readonly name = 'LedgerDamaged';
}

export interface InclusionProof {
  readonly seq: number;
  readonly hashes: readonly Buffer[];
  readonly checkpoint: ReleasedCheckpoint;
}

/**
 * That entry `seq` is under a checkpoint: the newest that a witness has cosigned if that covers it, else the newest.
 * Refusals: `not_sealed`.
 */
export async function proveInclusion(
  reader: CheckpointReader,
  seq: number,
): Promise<InclusionProof | Refusal> {
  const checkpoint = await reader.newestFor(seq);
  if (checkpoint === undefined || checkpoint.size <= seq) {
    const until = checkpoint?.size ?? 0;
    return refuse('not_sealed', `checkpoints cover ${until} entries so far; this would be ${seq}`);
  }
  const [hashes] = await inclusionHashes(reader, [seq], checkpoint);
  return { seq, hashes: hashes!, checkpoint };
}

/** What proves each of these entries, which a checkpoint covers, to be under it. One read, however many they are. */
export async function inclusionHashes(
  reader: CheckpointReader,
  seqs: readonly number[],
  { size, rootHash }: ReleasedCheckpoint,
): Promise<readonly (readonly Buffer[])[]> {
  const root = Buffer.from(rootHash, 'hex');
  const ranges = seqs.map((seq) => [{ start: seq, end: seq + 1 }, ...inclusionRanges(seq, size)]);
  const roots = [...(await rootsOf(reader, ranges.flat()))];
  return seqs.map((seq, n) => {
    const [leafHash, ...proof] = roots.splice(0, ranges[n]!.length) as [Buffer, ...Buffer[]];
    if (!isIncluded({ index: BigInt(seq), size: BigInt(size), leafHash, root, proof })) {
      throw new LedgerDamaged(`Entry ${seq} is not in the tree that was signed.`);
    }
    return proof;
  });
}

/**
 * That the tree of `old` entries is the beginning of the one of `size`. Refusals: `not_sealed` when no checkpoint covers
 * so many entries, `bad_range` when the first is the larger one.
 */
export async function proveConsistency(
  reader: CheckpointReader,
  old: number,
  size: number,
): Promise<readonly Buffer[] | Refusal> {
  if (old > size) return refuse('bad_range', `${old} entries are more than ${size}`);
  const newest = await reader.newest();
  if (size > (newest?.size ?? 0)) {
    return refuse('not_sealed', `checkpoints cover ${newest?.size ?? 0} entries so far`);
  }
  const signed = [await reader.at(old), size === newest?.size ? newest : await reader.at(size)];
  const ranges = consistencyRanges(old, size);
  const trees = [old, size].map((end) => ({ start: 0, end }));
  // In one read. Where there is a checkpoint of a size, the root is the signed one, and its tree is not asked for.
  const asked = trees.filter((_tree, n) => signed[n] === undefined);
  const roots = [...(await rootsOf(reader, [...ranges, ...asked]))];
  const proof = roots.splice(0, ranges.length);
  const [oldRoot, root] = signed.map((checkpoint) =>
    checkpoint === undefined ? roots.shift()! : Buffer.from(checkpoint.rootHash, 'hex'),
  ) as [Buffer, Buffer];
  if (!isConsistent({ oldSize: BigInt(old), oldRoot, size: BigInt(size), root, proof })) {
    throw new LedgerDamaged(`The trees of ${old} and of ${size} entries do not fit each other.`);
  }
  return proof;
}

/** The roots of runs of leaves. One read, whatever they are. */
async function rootsOf(
  reader: CheckpointReader,
  ranges: readonly LeafRange[],
): Promise<readonly Buffer[]> {
  const spans: (readonly HashSpan[])[] = ranges.map(spansOf);
  const hashes = [...(await reader.hashes(spans.flat()))];
  return spans.map((each) => rootOfSpans(hashes.splice(0, each.length)));
}

/**
 * Where the entry is whose `entry_id` this is, or which is about the fact of this id (an event, a decision …); of several
 * the first.
 */
export async function seqOf(tx: Tx, stream: number, id: string): Promise<number | undefined> {
  const { rows } = await sql<{ seq: string }>`
    select e.seq::text as seq from ledger.ledger_entry e
    where e.stream = ${stream}::smallint and (e.entry_id = ${id}::uuid or e.linked_entity_id = ${id}::uuid)
    order by e.seq limit 1`.execute(tx);
  const [found] = rows;
  return found && Number(found.seq);
}
