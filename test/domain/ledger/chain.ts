/**
 * Chains for tests, honest and forged. Builds the bytes by itself, from docs/ledger-format.md: a test that took them from
 * the code under test could not find a fault in it.
 */
import { hash } from 'node:crypto';

/** The columns of an entry in the database, all as text, plus what its leaf says of its data. */
export interface Row {
  readonly seq: string;
  readonly entryId: string;
  readonly entryType: string;
  readonly linkedEntityId: string;
  readonly previousHash: string;
  readonly currentHash: string;
  readonly entryData: string;
  readonly timestamp: string;
  readonly sealedAt: string;
}

export const VECTOR_ORIGIN_BASE = 'sentinelops.example/ledger/decisions';
export const VECTOR_ORIGIN = `${VECTOR_ORIGIN_BASE}-0`;
/** Hashes of the published vector chain, by place. */
export const vectorHashes: Readonly<Record<number, string>> = {
  0: 'dc677262594c7bd2f7acdb6d96a8393ee438de3515c873d53b8ea28b35658664',
  1: '4ee0432031b67d1048b41af4b1bed33a7f3b1918315313cdff1dbf8d908d29b5',
  2: '6c41958ba286715347c90599768322898e8ba618d5a7cb1b2d3c52ed4ff6d396',
  416: '192db029b384870d0a1190923b19575e59456c639731bd5cf001e38065d9bd1b',
  999: '70efc6626ea11c6bedf734fb59f6b25d444ee75aa1715a845e147a11da460210',
};

/** Roots of the published vector chain, by size. */
export const vectorRoots: Readonly<Record<number, string>> = {
  1: 'dc677262594c7bd2f7acdb6d96a8393ee438de3515c873d53b8ea28b35658664',
  2: '133c2d2ec532dae1a5b5dbb838b5d7ce365bab944ca21c3b64850dfe8d9b2797',
  3: '1b4cd613815322fdad50d2456d2b69fb9226bc4294fb0abb23bf13f8ed061d2d',
  255: '208c9657d630430114079045c00a997053d3637861b7276cc56f55249530967b',
  256: '68d7c4f4baa359cf076cc7acdb06e2b47dfed7d60d0b7432524c0fb2ca068785',
  257: '8de681f25ce021df7ebac2082411b654f84dfb2e8e64394810848dd6925e1c08',
  700: 'f258a56fc6e1db7e90fb22b9faadf40d90cb0e311a4a6b6ac42d1564d91e36e6',
  1000: '480069af963aaa4259abdc1ca62f909ef75c878b361a774ef6aec9578b1e45e1',
};

/** The first `count` entries of the vector chain. */
export function vectorRows(count: number): readonly Row[] {
  return reseal(Array.from({ length: count }, (_, index) => vectorRow(index)));
}

function vectorRow(index: number): Row {
  const digits = String(index).padStart(12, '0');
  return {
    seq: String(index),
    entryId: `00000000-0000-4000-8000-${digits}`,
    entryType: 'DECISION',
    linkedEntityId: `10000000-0000-4000-8000-${digits}`,
    previousHash: '',
    currentHash: '',
    entryData: `{"decision":"APPROVE","n":"${index}"}`,
    timestamp: instant(1_763_999_999_000 + 7 * index),
    sealedAt: instant(1_764_000_000_000 + 7 * index),
  };
}

function instant(epochMs: number): string {
  return new Date(epochMs).toISOString().replace('Z', '000Z');
}

export function leaf(row: Row, origin = VECTOR_ORIGIN): string {
  return JSON.stringify({
    entry_data_sha256: hash('sha256', row.entryData),
    entry_id: row.entryId,
    entry_type: row.entryType,
    linked_entity_id: row.linkedEntityId,
    origin,
    previous_hash: row.previousHash,
    schema: 'sentinelops-ledger-entry/v1',
    sealed_at: row.sealedAt,
    seq: row.seq,
    timestamp: row.timestamp,
  });
}

/** Hashes one row again, leaving its link as it is. */
export function rehash(row: Row, origin = VECTOR_ORIGIN): Row {
  return { ...row, currentHash: hash('sha256', `\0${leaf(row, origin)}`) };
}

/** Numbers, links and hashes every row again: what a forger does who controls everything. */
export function reseal(
  rows: readonly Row[],
  { genesis = '0'.repeat(64), origin = VECTOR_ORIGIN } = {},
): readonly Row[] {
  let previousHash = genesis;
  return rows.map((row, index) => {
    const sealed = rehash({ ...row, seq: String(index), previousHash }, origin);
    previousHash = sealed.currentHash;
    return sealed;
  });
}

/** The rows with the one at `index` changed. */
export function changed(rows: readonly Row[], index: number, change: Partial<Row>): readonly Row[] {
  return rows.with(index, { ...rows.at(index)!, ...change });
}

/** What an exporter makes of these rows. */
export function exported(rows: readonly Row[], origin = VECTOR_ORIGIN): string {
  const lines = rows.map((row) => `${row.currentHash}\t${leaf(row, origin)}\t${row.entryData}\n`);
  return `{"origin":"${origin}","schema":"sentinelops-ledger-export/v1"}\n${lines.join('')}`;
}
