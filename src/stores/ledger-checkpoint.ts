/**
 * Checkpoints and the stored hashes of the tree (sql/ledger/0120_checkpoint.sql): what the signer releases, and what
 * proofs are read from.
 */
import { sql } from 'kysely';
import { originOf } from '../domain/ledger.ts';
import { parseVerifierKey, type VerifierKey } from '../domain/ledger/note.ts';
import { HASH_BYTES, type HashSpan, type SubtreeHash } from '../domain/ledger/tree.ts';
import type { Timestamp } from '../domain/time.ts';
import type { Tx } from './database.ts';

export interface ReleasedCheckpoint {
  readonly size: number;
  readonly rootHash: string;
  /** The note with every cosignature that has come in. */
  readonly note: string;
  readonly witnesses: readonly string[];
  readonly signedAt: Timestamp;
}

/** What anybody reads who may read checkpoints: the auditor, and the signer. */
export interface CheckpointReader {
  origin(): Promise<string>;
  newest(): Promise<ReleasedCheckpoint | undefined>;
  /** The newest that a witness has cosigned, if that covers entry `seq`; else the newest of all. */
  newestFor(seq: number): Promise<ReleasedCheckpoint | undefined>;
  at(size: number): Promise<ReleasedCheckpoint | undefined>;
  /** Those with more than `from` and at most `to` entries, by size. */
  between(from: number, to: number): Promise<readonly ReleasedCheckpoint[]>;
  /** The hashes of each span. Rejects with HashesMissing when one is not stored. */
  hashes(spans: readonly HashSpan[]): Promise<readonly (readonly Buffer[])[]>;
}

/** Entries, or hashes over them, that a released checkpoint covers are not there. */
export class HashesMissing extends Error {
  override readonly name = 'HashesMissing';
}

type Reader = 'audit' | 'signer';

/**
 * The last checkpoint of at most `size` entries that a witness had cosigned by `instant`, else the last of all of that size:
 * what was known of the ledger before an entry was in it. `tx` works under the audit role, as for what follows.
 */
export async function checkpointBefore(
  tx: Tx,
  stream: number,
  { size, instant }: { readonly size: number; readonly instant: Timestamp },
): Promise<ReleasedCheckpoint | undefined> {
  const { rows } = await sql<{ size: string | null }>`
    select coalesce(
      (select max(s.size) from ledger.cosignature_for_audit s
       where s.stream = ${stream}::smallint and s.size <= ${size}::bigint and s.received_at <= ${instant}::timestamptz),
      (select max(c.size) from ledger.checkpoint_for_audit c
       where c.stream = ${stream}::smallint and c.size <= ${size}::bigint))::text as size`.execute(
    tx,
  );
  const found = rows[0]?.size ?? null;
  return found === null ? undefined : openCheckpointReader(tx, stream, 'audit').at(Number(found));
}

/** The keys by which checkpoints and cosignatures are verified, the log's own first. */
export async function verifierKeys(tx: Tx, stream: number): Promise<readonly VerifierKey[]> {
  const { rows } = await sql<{ key: string }>`
    select key from ledger.verifier_key_for_audit where stream = ${stream}::smallint
    order by kept_at, key`.execute(tx);
  const keys = rows.flatMap(({ key }) => parseVerifierKey(key) ?? []);
  return keys.toSorted((one, other) => one.type - other.type);
}

/** `reader` is whose role the transaction works under. */
export function openCheckpointReader(tx: Tx, stream: number, reader: Reader): CheckpointReader {
  const view = (name: string) => sql.table(`ledger.${name}_for_${reader}`);

  async function checkpointsWhere(condition: ReturnType<typeof sql>) {
    const { rows } = await sql<Omit<ReleasedCheckpoint, 'size'> & { readonly size: string }>`
      select c.size::text as size, c.root_hash as "rootHash", c.signed_at as "signedAt",
        c.note || coalesce(string_agg(s.line, '' order by s.received_at, s.witness), '') as note,
        coalesce(array_agg(s.witness order by s.received_at, s.witness) filter (where s.witness is not null), '{}')
          as witnesses
      from (select c.stream, c.size, c.root_hash, c.note, c.signed_at from ${view('checkpoint')} c
            where c.stream = ${stream}::smallint and ${condition}) as c
      left join ${view('cosignature')} s on s.stream = c.stream and s.size = c.size
      group by c.size, c.root_hash, c.note, c.signed_at order by c.size`.execute(tx);
    return rows.map((row): ReleasedCheckpoint => ({ ...row, size: Number(row.size) }));
  }

  const checkpointWhere = async (condition: ReturnType<typeof sql>) =>
    (await checkpointsWhere(condition))[0];
  const newest = sql`(select max(n.size) from ${view('checkpoint')} n where n.stream = ${stream}::smallint)`;

  return {
    async origin() {
      const { rows } = await sql<{ base: string | null }>`
        select ledger.origin_base() as base`.execute(tx);
      const base = rows[0]?.base;
      if (base === null || base === undefined) {
        throw new Error('This ledger has no name yet. Run migrate.');
      }
      return originOf(base, stream);
    },
    newest: () => checkpointWhere(sql`c.size = ${newest}`),
    newestFor: (seq) =>
      // Two looks at the end of an index, however many checkpoints there are.
      checkpointWhere(sql`c.size = coalesce(
        (select max(s.size) from ${view('cosignature')} s where s.stream = ${stream}::smallint and s.size > ${seq}::bigint),
        ${newest})`),
    at: (size) => checkpointWhere(sql`c.size = ${size}::bigint`),
    between: (from, to) =>
      checkpointsWhere(sql`c.size > ${from}::bigint and c.size <= ${to}::bigint`),

    async hashes(spans) {
      // One row for each span, its hashes in one text: a proof in a million entries is made of some hundred hashes.
      const { rows } = await sql<{ hashes: string | null }>`
        select case when asked.level = 0
          then (select string_agg(e.current_hash, '' order by e.seq) from ledger.ledger_entry e
                where e.stream = ${stream}::smallint and e.seq >= asked.start and e.seq < asked.start + asked.count)
          else (select string_agg(t.hash, '' order by t.index) from ${view('subtree_hash')} t
                where t.stream = ${stream}::smallint and t.level = asked.level
                  and t.index >= asked.start and t.index < asked.start + asked.count)
          end as hashes
        from unnest(${spans.map((span) => span.level)}::smallint[], ${spans.map((span) => span.start)}::bigint[],
          ${spans.map((span) => span.count)}::bigint[]) with ordinality as asked (level, start, count, n)
        order by asked.n`.execute(tx);
      return spans.map((span, n) => split(rows[n]?.hashes ?? '', span));
    },
  };
}

function split(hex: string, { level, start, count }: HashSpan): readonly Buffer[] {
  const bytes = Buffer.from(hex, 'hex');
  if (bytes.length !== count * HASH_BYTES) {
    throw new HashesMissing(
      `Of ${count} hashes of level ${level} from ${start} on, some are gone.`,
    );
  }
  return Array.from({ length: count }, (_, n) =>
    bytes.subarray(n * HASH_BYTES, (n + 1) * HASH_BYTES),
  );
}

/** The signer's side. Works under the role of the signer. */
export interface SignerStore extends CheckpointReader {
  /** How many subtree hashes are kept of each level; they are kept from the left, without a gap. */
  subtreeHashCounts(): Promise<ReadonlyMap<number, number>>;
  /** Durable at COMMIT. One that stands already stays. */
  keepSubtreeHashes(hashes: readonly SubtreeHash[]): Promise<void>;
  /** Publishes a signed note; does nothing when a checkpoint of this size and root is the last one already. */
  release(checkpoint: ReleasableCheckpoint): Promise<void>;
  keepCosignatures(size: number, lines: readonly CosignatureLine[]): Promise<void>;
  /** Says that a quorum has cosigned the checkpoint of this size. */
  keepWitnessed(size: number): Promise<void>;
  keepKeyChange(change: KeyChange): Promise<void>;
  /** For those who hand out evidence. A key that stands already stays. */
  keepVerifierKeys(keys: readonly VerifierKey[]): Promise<void>;
  /**
   * Puts entries back behind the `size` that stand in a halted ledger, at most 1,024; returns the new size. Durable at
   * COMMIT. The table computes every hash again.
   */
  replay(size: number, entries: readonly ReplayedEntry[]): Promise<number>;
  /** Stops the ledger: from COMMIT on nothing is appended, finalised or executed. */
  halt(code: string, detail: string): Promise<void>;
  /** True when there was a halt. */
  liftHalt(): Promise<boolean>;
}

export type ReleasableCheckpoint = Pick<ReleasedCheckpoint, 'size' | 'rootHash' | 'note'>;

/** An entry as an export has it. */
export interface ReplayedEntry {
  readonly entryId: string;
  readonly type: string;
  readonly linkedEntityId: string;
  readonly entryData: string;
  readonly timestamp: string;
  readonly sealedAt: string;
  readonly currentHash: string;
}

export interface CosignatureLine {
  /** The name of the witness's key. */
  readonly witness: string;
  /** With its LF. */
  readonly line: string;
}

export interface KeyChange {
  readonly size: number;
  readonly fromKey: string;
  readonly toKey: string;
  /** The note that the old key signed. */
  readonly statement: string;
}

const DETAIL_CHARACTERS_MAX = 2_000;

export function openSignerStore(tx: Tx, stream: number): SignerStore {
  return {
    ...openCheckpointReader(tx, stream, 'signer'),

    async subtreeHashCounts() {
      const { rows } = await sql<{ level: number; count: string }>`
        select level, (max(index) + 1)::text as count from ledger.subtree_hash_for_signer
        where stream = ${stream}::smallint group by level`.execute(tx);
      return new Map(rows.map(({ level, count }) => [level, Number(count)]));
    },

    async keepSubtreeHashes(hashes) {
      await sql`select ledger.keep_subtree_hashes(${stream}::smallint,
        ${hashes.map(({ level }) => level)}::smallint[], ${hashes.map(({ index }) => index)}::bigint[],
        ${hashes.map(({ hash }) => hash.toString('hex'))}::text[])`.execute(tx);
    },

    async release({ size, rootHash, note }) {
      await sql`select ledger.release_checkpoint(
        ${stream}::smallint, ${size}::bigint, ${rootHash}, ${note})`.execute(tx);
    },

    async keepCosignatures(size, lines) {
      await sql`select ledger.keep_cosignatures(${stream}::smallint, ${size}::bigint,
        ${lines.map(({ witness }) => witness)}::text[], ${lines.map(({ line }) => line)}::text[])`.execute(
        tx,
      );
    },

    async keepWitnessed(size) {
      await sql`select ledger.keep_witnessed(${stream}::smallint, ${size}::bigint)`.execute(tx);
    },

    async keepKeyChange({ size, fromKey, toKey, statement }) {
      await sql`select ledger.keep_key_change(${stream}::smallint, ${size}::bigint, ${fromKey}, ${toKey},
        ${statement})`.execute(tx);
    },

    async keepVerifierKeys(keys) {
      await sql`select ledger.keep_verifier_keys(
        ${stream}::smallint, ${keys.map(({ text }) => text)}::text[])`.execute(tx);
    },

    async replay(size, entries) {
      const { rows } = await sql<{ size: string }>`
        select ledger.replay(${stream}::smallint, ${size}::bigint, ${entries.map(({ entryId }) => entryId)}::uuid[],
          ${entries.map(({ type }) => type)}::text[], ${entries.map((entry) => entry.linkedEntityId)}::uuid[],
          ${entries.map(({ entryData }) => entryData)}::text[], ${entries.map(({ timestamp }) => timestamp)}::timestamptz[],
          ${entries.map(({ sealedAt }) => sealedAt)}::timestamptz[],
          ${entries.map(({ currentHash }) => currentHash)}::text[])::text as size`.execute(tx);
      return Number(rows[0]!.size);
    },

    async halt(code, detail) {
      await sql`select ledger.halt(${stream}::smallint, ${code},
        ${detail.slice(0, DETAIL_CHARACTERS_MAX)})`.execute(tx);
    },

    async liftHalt() {
      const { rows } = await sql<{ lifted: boolean }>`
        select ledger.lift_halt(${stream}::smallint) as lifted`.execute(tx);
      return rows[0]!.lifted;
    },
  };
}
