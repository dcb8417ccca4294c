/**
 * Verifies an export file, or a stream of the database through the same code: read in segments of whole lines, checked
 * beside each other in threads, put together in order. Memory is bounded: a few segments under way, and one set of
 * fingerprints. A chain whose fingerprints do not fit into one set is read again for each further part of them.
 */
import { randomInt } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import type { Checkpoint } from '../domain/ledger/checkpoint.ts';
import { createCheckpointCheck } from '../domain/ledger/checkpoint-check.ts';
import { LINE_BYTES_MIN, originOfHeader } from '../domain/ledger/line.ts';
import {
  createRepeatProof,
  createRepeatSearch,
  type Repeat,
  type Suspect,
} from '../domain/ledger/repeats.ts';
import type { SegmentReport, SegmentTask } from '../domain/ledger/segment.ts';
import { type Pin, statusCodes, type Verdict } from '../domain/ledger/verdict.ts';
import { createVerification, verdictOnHeader } from '../domain/ledger/verification.ts';
import type { Database } from './database.ts';
import { tabbedBytes } from './ledger-export-file.ts';
import { exportedBytes, openLedgerExport } from './ledger-export.ts';
import { firstBrokenLink } from './ledger-links.ts';
import {
  type ExportSource,
  headerOf,
  readable,
  segmentsOf,
  Unreadable,
} from './ledger-segments.ts';
import { openSegmentThreads, type SegmentThreads } from './ledger-threads.ts';

export interface VerifyOptions {
  /** The origin that the chain must have; the one that its header names by default. */
  readonly origin?: string | undefined;
  readonly pins?: readonly Pin[];
  /** What the log has signed, and the caller has verified; no two of one size. */
  readonly checkpoints?: readonly Checkpoint[];
  /** Beside the caller's own; by default one for each processor, and none for a short chain. */
  readonly threads?: number;
  /** Fingerprints, two for each entry, that are held at once. */
  readonly fingerprintsMax?: number;
  /** Entries that have passed so far. */
  readonly onProgress?: (passed: number) => void;
}

/** Of 3.7 million entries. The set that holds them takes 128 MiB, with some room left for chance. */
const FINGERPRINTS_MAX = 7_400_000;
/** Below this, starting threads takes longer than checking. */
const SHORT_CHAIN_ENTRIES = 20_000;
const THREADS_MAX = 8;
const BLOCK_BYTES = 2 ** 20;

/** Never rejects for what the file holds or for a file that cannot be read: both are verdicts. */
export async function verifyLedgerFile(path: string, options: VerifyOptions): Promise<Verdict> {
  return unlessUnreadable(async () => verifyExport(await exportFile(path), options));
}

/** A file in either format. Rejects with Unreadable. */
export async function exportFile(path: string): Promise<ExportSource> {
  const { size } = await readable(() => stat(path));
  return {
    bytes: () => tabbedBytes(createReadStream(path, { highWaterMark: BLOCK_BYTES })),
    entriesMax: Math.ceil(size / LINE_BYTES_MIN),
  };
}

export interface VerifyDatabaseOptions extends VerifyOptions {
  readonly stream: number;
  /** Facts younger than this may still be on their way to the ledger. */
  readonly graceMs?: number;
}

const LINK_GRACE_MS = 60_000;

/**
 * The same of a stream of the database, read as it would be exported; then also whether facts and entries belong to
 * each other. `database` works under the audit role.
 */
export async function verifyLedgerDatabase(
  database: Database,
  options: VerifyDatabaseOptions,
): Promise<Verdict> {
  const { stream, graceMs = LINK_GRACE_MS } = options;
  return unlessUnreadable(async () => {
    const ledger = await readable(() => openLedgerExport(database, stream));
    const source = { bytes: () => exportedBytes(ledger), entriesMax: ledger.size };
    const verdict = await verifyExport(source, options);
    if (verdict.status !== 'OK') return verdict;
    const broken = await readable(() => firstBrokenLink(database, stream, graceMs));
    return broken === undefined ? verdict : { ...verdict, ...broken };
  });
}

/** Rejects only for faults of its own and, with Unreadable, for what `source` throws. */
export async function verifyExport(source: ExportSource, options: VerifyOptions): Promise<Verdict> {
  const named = originOfHeader(await headerOf(source));
  if (named === undefined) {
    return verdictOnHeader('MALFORMED', 'The first line is not the header of an export.', null);
  }
  if (options.origin !== undefined && options.origin !== named) {
    return verdictOnHeader('ORIGIN', `The header names ${named}, not ${options.origin}.`, named);
  }
  const other = options.checkpoints?.find((checkpoint) => checkpoint.origin !== named);
  if (other !== undefined) {
    const detail = `The header names ${named}; a checkpoint is of ${other.origin}.`;
    return verdictOnHeader('ORIGIN', detail, named);
  }
  const count =
    source.entriesMax < SHORT_CHAIN_ENTRIES ? 0 : Math.min(availableParallelism(), THREADS_MAX);
  const threads = openSegmentThreads(options.threads ?? count);
  try {
    return await verifyEntries({ source, threads, origin: named, options });
  } finally {
    await threads.close();
  }
}

interface Run {
  readonly source: ExportSource;
  readonly threads: SegmentThreads;
  readonly origin: string;
  readonly options: VerifyOptions;
}

async function verifyEntries(run: Run): Promise<Verdict> {
  const { source, origin, options } = run;
  const { pins = [], checkpoints = [] } = options;
  const parts = Math.max(
    1,
    Math.ceil((2 * source.entriesMax) / (options.fingerprintsMax ?? FINGERPRINTS_MAX)),
  );
  const task = {
    origin,
    // Not above 32 bits: the fingerprint takes no more of it.
    seed: randomInt(2 ** 32),
    pinnedSeqs: pins.map((pin) => pin.size - 1),
    passedBefore: false,
    wantsLeafHashes: checkpoints.length > 0,
  };
  const verification = createVerification(origin, pins);
  const check = createCheckpointCheck(checkpoints);
  const search = createRepeatSearch(0, parts);
  for await (const report of reports(run, task)) {
    const goesOn = verification.add(report);
    check.add(report.leafHashes);
    search.add(report.fingerprints);
    options.onProgress?.(verification.size);
    if (!goesOn) break;
  }
  const suspects = [...search.suspects];
  for (let part = 1; part < parts; part += 1) {
    suspects.push(...(await searchAgain(run, task, { part, parts, size: verification.size })));
  }
  const passed = suspects.filter((suspect) => suspect.seq < verification.size);
  const verdict = verification.verdict(await firstRepeat(source, passed, task.seed));
  return verdict.status === 'OK' ? withFault(verdict, check.fault()) : verdict;
}

function withFault(
  verdict: Verdict,
  fault: ReturnType<ReturnType<typeof createCheckpointCheck>['fault']>,
): Verdict {
  return fault === undefined ? verdict : { ...verdict, ...fault, code: statusCodes[fault.status] };
}

async function searchAgain(
  run: Run,
  task: Omit<SegmentTask, 'bytes'>,
  { part, parts, size }: { readonly part: number; readonly parts: number; readonly size: number },
): Promise<readonly Suspect[]> {
  const search = createRepeatSearch(part, parts);
  let read = 0;
  for await (const { passed, fingerprints } of reports(run, {
    ...task,
    passedBefore: true,
    wantsLeafHashes: false,
  })) {
    search.add(fingerprints);
    read += passed;
    if (read >= size) break;
  }
  return search.suspects;
}

async function firstRepeat(
  source: ExportSource,
  suspects: readonly Suspect[],
  seed: number,
): Promise<Repeat | undefined> {
  if (suspects.length === 0) return undefined;
  const proof = createRepeatProof(suspects, seed);
  const last = Math.max(...suspects.map((suspect) => suspect.seq));
  for await (const segment of segmentsOf(source)) {
    const repeat = proof.look(segment);
    if (repeat !== undefined || proof.seen > last) return repeat;
  }
  return undefined;
}

/** The reports on all segments, in order, with some under way ahead of the one that is waited for. */
async function* reports(
  { source, threads }: Run,
  task: Omit<SegmentTask, 'bytes'>,
): AsyncGenerator<SegmentReport> {
  const underWay: Promise<SegmentReport>[] = [];
  for await (const bytes of segmentsOf(source)) {
    const report = threads.check({ ...task, bytes });
    // Awaited when it is its turn; until then a failure is not unhandled.
    report.catch(() => undefined);
    underWay.push(report);
    if (underWay.length >= threads.width) yield await underWay.shift()!;
  }
  for (const report of underWay) yield await report;
}

async function unlessUnreadable(work: () => Promise<Verdict>): Promise<Verdict> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Unreadable) return verdictOnHeader('UNREADABLE', error.message, null);
    throw error;
  }
}
