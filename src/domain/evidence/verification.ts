/**
 * Verifies a bundle by itself: no database, no network, no configuration, and nothing that whoever made it has to be
 * believed, except the keys where the verifier brings none of their own. The first failure decides.
 */
import { hash } from 'node:crypto';
import type { SignedCheckpoint } from '../ledger/checkpoint.ts';
import { COSIGNS } from '../ledger/note.ts';
import { epochMsOf, type Timestamp } from '../time.ts';
import { type Files, isArchiveFault, unpack } from './archive.ts';
import {
  type Aside,
  contentFile,
  contentsOf,
  fileNames,
  linksOf,
  parseAside,
  type ShownEntry,
} from './bundle.ts';
import {
  type EvidenceTrust,
  policyOf,
  trustedIn,
  verifyKept,
  verifyNeighbours,
} from './checkpoints.ts';
import { readEntries } from './entries.ts';
import { README } from './readme.ts';
import { reportOf } from './report.ts';
import {
  BundleFault,
  type Cosigner,
  evidenceCodes,
  type EvidenceVerdict,
  need,
} from './verdict.ts';

/** `bundle` is an archive, or the files of one. Never throws for what it holds. */
export function verifyEvidence(bundle: Buffer | Files, trust: EvidenceTrust = {}): EvidenceVerdict {
  const known: Known = { checkpoint: undefined, entries: [], erased: [], event: null };
  const keysFrom = trust.policy === undefined ? 'bundle' : 'policy';
  try {
    const files = filesOf(bundle);
    verifyFiles(files, trust, known);
    const status = known.erased.length > 0 ? 'ERASED_OK' : 'OK';
    return {
      status,
      code: evidenceCodes[status],
      file: null,
      detail: null,
      ...found(known),
      keysFrom,
    };
  } catch (error) {
    if (!(error instanceof BundleFault)) throw error;
    const { status, file, message: detail } = error;
    return { status, code: evidenceCodes[status], file, detail, ...found(known), keysFrom };
  }
}

/** What has been found to be genuine so far. */
interface Known {
  checkpoint: SignedCheckpoint | undefined;
  entries: readonly ShownEntry[];
  erased: readonly string[];
  event: string | null;
}

function found({ checkpoint, entries, erased, event }: Known) {
  return {
    event,
    origin: checkpoint?.origin ?? null,
    size: checkpoint === undefined ? null : String(checkpoint.size),
    root: checkpoint?.root.toString('hex') ?? null,
    cosigners: checkpoint === undefined ? [] : cosignersOf(checkpoint),
    entries: entries.length,
    erased,
  };
}

function cosignersOf({ signatures }: SignedCheckpoint): readonly Cosigner[] {
  return signatures
    .filter(({ key }) => key.type === COSIGNS)
    .map(({ key, time }) => ({ name: key.name, time: String(time) }));
}

function filesOf(bundle: Buffer | Files): Files {
  if (!Buffer.isBuffer(bundle)) return bundle;
  const files = unpack(bundle);
  if (!isArchiveFault(files)) return files;
  throw new BundleFault(files.fault === 'cut' ? 'TRUNCATED' : 'MALFORMED', files.detail);
}

function verifyFiles(files: Files, trust: EvidenceTrust, known: Known): void {
  const own = policyOf(files);
  const policies = trust.policy === undefined ? [own] : [own, trust.policy];
  const { shown, trusted: checkpoint } = trustedIn(files, policies);
  known.checkpoint = checkpoint;
  const before = verifyNeighbours(files, checkpoint, policies);
  verifyKept(checkpoint, trust, own);
  const note = files.get(fileNames.checkpoint)!;
  const { entries, files: read } = readEntries(files, checkpoint, note);
  known.entries = entries;
  known.event = eventOf(entries);
  const contents = verifyContents(files, entries);
  known.erased = contents.erased;
  verifyLinks(entries, known.event);
  verifyTimes(entries, checkpoint, before);
  verifyNothingElse(files, new Set([...read, ...contents.files]));
  const { contentOf } = contents;
  const report = reportOf({ checkpoint: shown, entries, contentOf, aside: asideOf(files) });
  same(files, fileNames.report, report, 'The report is not what the entries say.');
  same(files, fileNames.readme, README, 'The instructions are not ours.');
}

/** Adds the report to files that have none yet. Those of which none can be made stay as they are, and will not verify. */
export function withReport(files: Files): Files {
  try {
    return new Map([...files, [fileNames.report, Buffer.from(reportOfFiles(files))]]);
  } catch (error) {
    if (error instanceof BundleFault) return files;
    throw error;
  }
}

function reportOfFiles(files: Files): string {
  const { shown: checkpoint } = trustedIn(files, [policyOf(files)]);
  const { entries } = readEntries(files, checkpoint, need(files, fileNames.checkpoint));
  const contentOf = (sha256: string) => files.get(contentFile(sha256))?.toString();
  return reportOf({ checkpoint, entries, contentOf, aside: asideOf(files) });
}

function same(files: Files, name: string, expected: string, detail: string): void {
  if (!need(files, name).equals(Buffer.from(expected))) {
    throw new BundleFault('DATA_MISMATCH', detail, name);
  }
}

// What it is about

function eventOf(entries: readonly ShownEntry[]): string {
  const [event, ...more] = entries.filter(({ type }) => type === 'EVENT');
  if (event === undefined || more.length > 0) {
    throw new BundleFault('DATA_MISSING', 'There is no entry of one event.');
  }
  return event.id;
}

interface VerifiedContents {
  readonly files: ReadonlySet<string>;
  readonly erased: readonly string[];
  readonly contentOf: (sha256: string) => string | undefined;
}

/** Everything that is referred to is here, or was erased and an entry says so. */
function verifyContents(files: Files, entries: readonly ShownEntry[]): VerifiedContents {
  const commitments = new Set(
    entries
      .filter(({ type }) => type === 'ERASURE')
      .flatMap(({ data }) => data['commitments'] as readonly string[]),
  );
  const erased = new Set<string>();
  const read = new Map<string, Buffer>();
  const require = (sha256: string, file: string, bytes: Buffer | undefined) => {
    if (bytes !== undefined && hash('sha256', bytes) !== sha256) {
      throw new BundleFault('DATA_MISMATCH', 'The bytes are not those of its name.', file);
    }
    if (bytes !== undefined) read.set(file, bytes);
    else if (commitments.has(sha256)) erased.add(sha256);
    else throw new BundleFault('DATA_MISSING', 'An entry refers to it.', file);
  };
  for (const entry of entries) {
    const isErasure = entry.type === 'ERASURE';
    if (entry.row === null && !isErasure) {
      require(String(entry.data['digest']), `${entry.seq}.record`, undefined);
    }
    for (const sha256 of contentsOf(entry)) {
      require(sha256, contentFile(sha256), files.get(contentFile(sha256)));
    }
  }
  return {
    files: new Set(read.keys()),
    erased: [...erased].toSorted(),
    contentOf: (sha256) => read.get(contentFile(sha256))?.toString(),
  };
}

function verifyLinks(entries: readonly ShownEntry[], event: string): void {
  for (const entry of entries) {
    const { event_id: of } = entry.data;
    if (of !== undefined && of !== event) {
      throw new BundleFault('LINK_MISSING', `Entry ${entry.seq} is about another event.`);
    }
    for (const link of entry.row === null ? [] : linksOf(entry)) {
      const found = entries.find((other) => other.type === link.type && link.holds(other));
      if (found === undefined) {
        throw new BundleFault('DATA_MISSING', `Entry ${entry.seq} rests on ${link.describes}.`);
      }
      if (link.comesFirst && found.seq > entry.seq) {
        const detail = `Entry ${entry.seq} rests on ${link.describes}, which came later.`;
        throw new BundleFault('LINK_MISSING', detail);
      }
    }
  }
}

const CLOCKS_APART_MS_MAX = 60_000;

/** What witnesses saw, and when, bounds from both sides when an entry can have been sealed. */
function verifyTimes(
  entries: readonly ShownEntry[],
  checkpoint: SignedCheckpoint,
  before: SignedCheckpoint | undefined,
): void {
  const seenBy = (signed: SignedCheckpoint | undefined) =>
    signed?.signatures.flatMap(({ time }) => (time === undefined ? [] : [Number(time) * 1_000])) ??
    [];
  // Without witnesses there is no bound: the least of nothing is infinity.
  const notAfter = Math.min(...seenBy(checkpoint)) + CLOCKS_APART_MS_MAX;
  const notShown = seenBy(before);
  const notBefore = notShown.length === 0 ? -Infinity : Math.min(...notShown) - CLOCKS_APART_MS_MAX;
  for (const { seq, sealedAt } of entries) {
    const sealedMs = epochMsOf(sealedAt as Timestamp);
    const isNew = before !== undefined && seq >= before.size;
    if (sealedMs > notAfter || (isNew && sealedMs < notBefore)) {
      const detail = `Entry ${seq} says ${sealedAt}, which the witnesses contradict.`;
      throw new BundleFault('TIME', detail, `${seq}.leaf`);
    }
  }
}

function verifyNothingElse(files: Files, read: ReadonlySet<string>): void {
  const alone: readonly string[] = Object.values(fileNames);
  const stranger = [...files.keys()].find((name) => !read.has(name) && !alone.includes(name));
  if (stranger === undefined) return;
  throw new BundleFault('MALFORMED', 'Nothing refers to the file.', stranger);
}

/** What the ledger does not cover is at least in its one form, and the report is made of it. */
function asideOf(files: Files): Aside {
  const text = need(files, fileNames.aside).toString();
  const aside = parseAside(text);
  if (aside !== undefined) return aside;
  throw new BundleFault('MALFORMED', 'This is not what stands beside a ledger.', fileNames.aside);
}
