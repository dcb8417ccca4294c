/**
 * Cures a ledger that has lost its end, as a database restored from a backup has: puts the entries back from an export.
 *
 *     verify   the export, by itself
 *     compare  the export with the state file: it has to hold the tree that was signed
 *     compare  the ledger with the export: it has to be a beginning of it
 *     replay   what is missing, into the halted ledger      durable page by page; a broken off cure is begun again
 *
 * It signs nothing. The signer lifts the halt at its next start, when it finds the tree that it had signed. A ledger that is
 * not a beginning of what was signed is not cured by anything but the right backup. Entries need their facts: the rows
 * of the other domains have to be there, from the same backup and its write-ahead log.
 */
import type { Checkpoint } from '../domain/ledger/checkpoint.ts';
import { type Line, linesOf } from '../domain/ledger/line.ts';
import type { Verdict } from '../domain/ledger/verdict.ts';
import type { Database } from '../stores/database.ts';
import { openSignerStore } from '../stores/ledger-checkpoint.ts';
import { openLedgerExport } from '../stores/ledger-export.ts';
import { segmentsOf } from '../stores/ledger-segments.ts';
import { exportFile, verifyLedgerFile } from '../stores/ledger-verify.ts';

export interface CureOptions {
  /** Works under the role of the signer. */
  readonly database: Database;
  readonly stream: number;
  /** Path of the export, in either format. */
  readonly file: string;
  /** What the state file says, opened with the key of the log. */
  readonly signed: Checkpoint;
  readonly onProgress?: ((replayed: number) => void) | undefined;
}

export interface Cured {
  readonly origin: string;
  /** How many entries the ledger had, and has now. */
  readonly from: number;
  readonly size: number;
}

/** Why nothing was cured, or not all. What was replayed until then stays, and is part of what was signed. */
export class NotCured extends Error {
  override readonly name = 'NotCured';
}

const ENTRIES_PER_CALL_MAX = 1_000;

export async function cureLedger(options: CureOptions): Promise<Cured> {
  const { database, stream, file, signed, onProgress } = options;
  const verdict = await verifyLedgerFile(file, { origin: signed.origin, checkpoints: [signed] });
  if (verdict.status !== 'OK') {
    throw new NotCured(
      `${file} does not hold what was signed. ${verdict.status}: ${verdict.detail}`,
    );
  }
  const standing = await openLedgerExport(database, stream);
  await refuseOther(standing, file, verdict);
  let size = standing.size;
  for await (const lines of missingLines(file, standing.size)) {
    const from = size;
    size = await database.transact((tx) =>
      openSignerStore(tx, stream).replay(from, lines.map(entryOf)),
    );
    onProgress?.(size - standing.size);
  }
  return { origin: signed.origin, from: standing.size, size };
}

/** The last entry that stands has to be in the export: its hash covers all before it. */
async function refuseOther(
  standing: Awaited<ReturnType<typeof openLedgerExport>>,
  file: string,
  { size }: Verdict,
): Promise<void> {
  if (standing.size > size) {
    throw new NotCured(
      `The ledger has ${standing.size} entries, ${file} only ${size}: nothing is missing.`,
    );
  }
  if (standing.size === 0) return;
  const pin = { size: standing.size, hash: await lastHashOf(standing) };
  const verdict = await verifyLedgerFile(file, { pins: [pin] });
  if (verdict.status === 'OK') return;
  throw new NotCured(
    `The ${standing.size} entries that stand are not those that were signed. Restore an older backup, or a sound one.`,
  );
}

async function lastHashOf(standing: Awaited<ReturnType<typeof openLedgerExport>>): Promise<string> {
  for await (const [entry] of standing.pages(standing.size - 1)) return entry!.currentHash;
  throw new NotCured('The last entry of the ledger cannot be read.');
}

/** The verified lines from entry `from` on, as many as one call takes. */
async function* missingLines(file: string, from: number): AsyncGenerator<readonly Line[]> {
  let waiting: Line[] = [];
  for await (const segment of segmentsOf(await exportFile(file))) {
    for (const line of linesOf(segment)) {
      if ('status' in line) throw new NotCured(`${file} changed while it was read.`);
      if (Number(line.seq) < from) continue;
      waiting.push(line);
      if (waiting.length < ENTRIES_PER_CALL_MAX) continue;
      yield waiting;
      waiting = [];
    }
  }
  if (waiting.length > 0) yield waiting;
}

function entryOf(line: Line) {
  const { timestamp } = JSON.parse(line.leaf) as { readonly timestamp: string };
  return { ...line, entryData: Buffer.from(line.data).toString(), timestamp };
}
