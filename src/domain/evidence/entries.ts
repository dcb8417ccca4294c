/** Reads the entries of a bundle, each by itself: its bytes, its place in the signed tree, and the row that it is about. */
import { hash } from 'node:crypto';
import { isJsonObject } from '../json.ts';
import type { SignedCheckpoint } from '../ledger/checkpoint.ts';
import { contentFault, type Line, linesOf, originFault } from '../ledger/line.ts';
import { parseInclusionProof } from '../ledger/proof-text.ts';
import { isIncluded } from '../ledger/proof.ts';
import type { Files } from './archive.ts';
import { entryFiles, type Members, type ShownEntry } from './bundle.ts';
import { BundleFault } from './verdict.ts';

const LEAF_FILE = /^(0|[1-9][0-9]{0,18})\.leaf$/;

export interface ReadEntries {
  /** In order of seq. */
  readonly entries: readonly ShownEntry[];
  /** The files that have been read for them. */
  readonly files: ReadonlySet<string>;
}

/** @throws BundleFault for the first entry that is not in the tree as it stands here. */
export function readEntries(files: Files, checkpoint: SignedCheckpoint, note: Buffer): ReadEntries {
  const seqs = [...files.keys()].flatMap((name) => LEAF_FILE.exec(name)?.[1] ?? []).map(BigInt);
  const read = new Set<string>();
  const take = (name: string): Buffer | undefined => {
    read.add(name);
    return files.get(name);
  };
  const entries = seqs
    .toSorted((a, b) => (a < b ? -1 : 1))
    .map((seq) => readEntry(seq, take, { checkpoint, note }));
  return { entries, files: read };
}

interface Under {
  readonly checkpoint: SignedCheckpoint;
  readonly note: Buffer;
}

function readEntry(
  seq: bigint,
  take: (name: string) => Buffer | undefined,
  under: Under,
): ShownEntry {
  const names = entryFiles(seq);
  const need = (name: string): Buffer => {
    const bytes = take(name);
    if (bytes === undefined) throw new BundleFault('DATA_MISSING', 'The file is missing.', name);
    return bytes;
  };
  const leaf = need(names.leaf);
  const data = need(names.data);
  const leafHash = hash('sha256', Buffer.concat([Buffer.of(0), leaf]), 'buffer');
  const line = lineOf(leaf, data, leafHash.toString('hex'), names.leaf);
  const fault = originFault(line, under.checkpoint.origin) ?? contentFault(line);
  if (fault !== undefined) throw new BundleFault(fault.status, fault.detail, names.data);
  if (line.seq !== String(seq)) {
    throw new BundleFault('MALFORMED', `The leaf is that of entry ${line.seq}.`, names.leaf);
  }
  checkProof(need(names.proof), { seq, leafHash, file: names.proof }, under);
  const members = JSON.parse(data.toString()) as Members;
  return {
    seq,
    type: line.type,
    id: line.linkedEntityId,
    hash: line.currentHash,
    sealedAt: line.sealedAt,
    timestamp: (JSON.parse(leaf.toString()) as { readonly timestamp: string }).timestamp,
    data: members,
    row: rowOf(take(names.record), { type: line.type, data: members, file: names.record }),
  };
}

/** The entry as the one line that it has in an export, so that one reader serves both. */
function lineOf(leaf: Buffer, data: Buffer, leafHash: string, file: string): Line {
  const bytes = Buffer.concat([
    Buffer.from(`${leafHash}\t`),
    leaf,
    Buffer.from('\t'),
    data,
    Buffer.from('\n'),
  ]);
  const [line, ...more] = linesOf(bytes);
  if (line !== undefined && !('status' in line) && more.length === 0) return line;
  throw new BundleFault('MALFORMED', 'The leaf and its data have not their form.', file);
}

interface ProvenLeaf {
  readonly seq: bigint;
  readonly leafHash: Buffer;
  readonly file: string;
}

function checkProof(bytes: Buffer, leaf: ProvenLeaf, { checkpoint, note }: Under): void {
  const { seq, leafHash, file } = leaf;
  const proof = parseInclusionProof(bytes);
  if (proof === undefined || proof.index !== seq) {
    throw new BundleFault('PROOF_INVALID', `This is no proof of entry ${seq}.`, file);
  }
  if (!proof.checkpoint.equals(note)) {
    throw new BundleFault('ROOT_MISMATCH', 'The proof is under another checkpoint.', file);
  }
  const { size, root } = checkpoint;
  if (!isIncluded({ index: seq, size, leafHash, root, proof: proof.hashes })) {
    const detail = `Entry ${seq} is not in the tree that was signed, or was edited.`;
    throw new BundleFault('PROOF_INVALID', detail, file);
  }
}

const ROW_TABLES: Readonly<Record<string, string>> = {
  EVENT: 'event.event',
  RISK_ASSESSMENT: 'risk.risk_assessment',
  EVALUATION: 'advisory.evaluation',
  ADVISORY: 'advisory.advisory',
  DECISION: 'decision.decision',
  EXECUTION: 'execution.execution',
  POLICY: 'policy.policy_change',
  RISK_MODEL: 'risk.risk_model_change',
};

/** The row whose digest the entry carries, when it is here. */
function rowOf(
  record: Buffer | undefined,
  { type, data, file }: { readonly type: string; readonly data: Members; readonly file: string },
): Members | null {
  if (record === undefined) return null;
  if (hash('sha256', record) !== data['digest']) {
    throw new BundleFault('DATA_MISMATCH', 'The row is not the one of its entry.', file);
  }
  const { row, table } = membersOf(record);
  if (table !== `sentinelops-row/v1 ${ROW_TABLES[type]}` || !isJsonObject(row)) {
    throw new BundleFault('MALFORMED', `This is no row of ${type}.`, file);
  }
  const other = Object.keys(row).find(
    (name) => typeof data[name] === 'string' && data[name] !== row[name],
  );
  if (other === undefined) return row;
  throw new BundleFault('LINK_MISSING', `The row and its entry differ in ${other}.`, file);
}

/** None for what is no JSON. */
function membersOf(record: Buffer): Members {
  try {
    const members: unknown = JSON.parse(record.toString());
    return isJsonObject(members) ? members : {};
  } catch {
    return {};
  }
}
