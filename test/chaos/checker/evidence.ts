/**
 * What a run leaves behind outside of the system: who sent what and what was answered, what the receiver got, which
 * faults were injected, what was seen on the way. The checker holds the system to this and to its stores.
 *
 * A run folder holds one JSON document (`run.json`) and files of JSON lines, each written and fsynced by its observer.
 * Instants are milliseconds since 1970 by the observer's clock, which no fault touches.
 */
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What an answer said. `unknown`: none came, so it may have happened, at most once. */
export type Outcome = 'ok' | 'refused' | 'unknown';

/** One submission of one event, over HTTP or as a job of the ingest queue. */
export interface Op {
  readonly op: string;
  readonly path: 'http' | 'queue';
  readonly source: string;
  readonly id: string;
  /** SHA-256 of the canonical JSON of the data that was sent. */
  readonly payload: string;
  /** SHA-256 of the text of the event as it was sent. */
  readonly body: string;
  readonly startedAt: number;
  readonly endedAt: number;
  readonly outcome: Outcome;
  /** Of an HTTP answer. */
  readonly status: number | null;
  /** What an accepting answer named. */
  readonly eventId: string | null;
  readonly digest: string | null;
}

/** One act of a reviewer. */
export interface Act {
  readonly reviewId: string;
  readonly personId: string;
  readonly act: string;
  readonly viewDigest: string;
  readonly startedAt: number;
  readonly endedAt: number;
  readonly outcome: Outcome;
  readonly status: number | null;
  /** What an accepting answer named. */
  readonly decisionId: string | null;
  readonly state: string | null;
}

/** One request that reached the receiver. */
export interface Receipt {
  readonly at: number;
  readonly target: string;
  readonly key: string;
  /** SHA-256 of the body. */
  readonly body: string;
  readonly signatureOk: boolean;
  /** Whether this request did something; a repeat does not. */
  readonly effect: boolean;
  /** What was answered, or how the answer was lost. */
  readonly answered: string;
  /** What the body says: the decision, and its place in the ledger. */
  readonly decisionId: string | null;
  readonly seq: string | null;
}

/** What is surely out of service during a fault. */
export type Outage = 'postgres' | 'redis' | 'ledger' | 'policies' | 'risk';

export interface OutageTime {
  readonly of: Outage;
  readonly from: number;
  readonly to: number;
}

/** One fault that was injected. */
export interface Fault {
  readonly kind: string;
  readonly from: number;
  /** When it was healed. */
  readonly to: number;
  readonly detail: string;
  /** What was surely out of service, from when to when; null where only some of it may have been. */
  readonly outage: OutageTime | null;
  /** Jobs that the queue store had taken after this instant may be gone; null where none may be. */
  readonly losesJobsFrom: number | null;
  /** Retries, redeliveries and refusals that were seen to follow: 0 when the fault did not bite. */
  readonly observed: number;
}

/** A job as it was seen in a queue behind `ingest`. */
export interface SeenJob {
  readonly at: number;
  readonly queue: string;
  readonly job: string;
  readonly content: unknown;
  /** How often a worker had taken it. */
  readonly claims: number;
}

/** How far behind one hand-off was at one moment. */
export interface GapSample {
  readonly at: number;
  readonly gap: string;
  readonly count: number;
  readonly oldestS: number;
}

/** A signed checkpoint as it was once published. */
export interface SeenCheckpoint {
  readonly at: number;
  readonly stream: number;
  readonly size: number;
  readonly root: string;
}

/** The life of one process. */
export interface ProcessLife {
  readonly name: string;
  readonly pid: number;
  readonly startedAt: number;
  readonly endedAt: number;
  readonly code: number | null;
  readonly signal: string | null;
  /** Whether the harness ended it. */
  readonly intended: boolean;
}

/** A line of a process's log. */
export interface LogLine {
  readonly file: string;
  readonly text: string;
}

/** The state of the immutable tables and of the target: a digest of each table, the number of effects. */
export interface StateDigest {
  readonly tables: Readonly<Record<string, string>>;
  readonly effects: number;
}

/** The document of a run. */
export interface RunDocument {
  readonly seed: number;
  readonly startedAt: number;
  readonly endedAt: number;
  /** When the last fault was healed and the load stopped. */
  readonly healedAt: number;
  /** Until the first of two equal reads; null when it never came to rest. */
  readonly drainedAt: number | null;
  /** The targets that are the receiver. */
  readonly receiverTargets: readonly string[];
  /** Secrets that may stand in no log, job or error. */
  readonly canaries: readonly string[];
  /** Ids that forged jobs named and nobody recorded. */
  readonly forged: readonly string[];
  /** Accepted on the queue and not found again by their source: `source id`. */
  readonly missedBySources: readonly string[];
  /** Before and after every id of every stage was sent once more and the queue store emptied. */
  readonly replay: { readonly before: StateDigest; readonly after: StateDigest } | null;
}

export interface Evidence {
  readonly run: RunDocument;
  readonly ops: readonly Op[];
  readonly acts: readonly Act[];
  readonly receipts: readonly Receipt[];
  readonly faults: readonly Fault[];
  readonly jobs: readonly SeenJob[];
  readonly gaps: readonly GapSample[];
  readonly checkpoints: readonly SeenCheckpoint[];
  readonly processes: readonly ProcessLife[];
  readonly logs: readonly LogLine[];
  /** Files with exports of the ledger that were taken on the way. */
  readonly exports: readonly string[];
}

export const journals = {
  ops: 'ops.jsonl',
  acts: 'acts.jsonl',
  receipts: 'receipts.jsonl',
  faults: 'faults.jsonl',
  jobs: 'jobs.jsonl',
  gaps: 'gaps.jsonl',
  checkpoints: 'checkpoints.jsonl',
  processes: 'processes.jsonl',
} as const satisfies Partial<Record<keyof Evidence, string>>;
export type Journal = keyof typeof journals;
export const RUN_DOCUMENT = 'run.json';
export const LOGS_FOLDER = 'logs';
export const EXPORTS_FOLDER = 'exports';

/** Reads a run folder. @throws Error when a file that every run writes is missing: no evidence is no green run. */
export async function readEvidence(folder: string): Promise<Evidence> {
  const lines = async <T>(journal: Journal): Promise<T[]> =>
    (await linesOf(join(folder, journals[journal]))).map((line) => JSON.parse(line) as T);
  return {
    run: JSON.parse(await readFile(join(folder, RUN_DOCUMENT), 'utf8')) as RunDocument,
    ops: endOf(await lines<Op>('ops')),
    acts: await lines('acts'),
    receipts: await lines('receipts'),
    faults: await lines('faults'),
    jobs: await lines('jobs'),
    gaps: await lines('gaps'),
    checkpoints: await lines('checkpoints'),
    processes: await lines('processes'),
    logs: await logLines(join(folder, LOGS_FOLDER)),
    exports: await filesIn(join(folder, EXPORTS_FOLDER)),
  };
}

/** An op is noted before it is sent, as unknown, and again when its answer is there: the last word counts. */
function endOf(ops: readonly Op[]): readonly Op[] {
  return [...new Map(ops.map((op) => [op.op, op])).values()];
}

async function logLines(folder: string): Promise<readonly LogLine[]> {
  const lines: LogLine[] = [];
  for (const file of await filesIn(folder)) {
    for (const text of await linesOf(file)) lines.push({ file, text });
  }
  return lines;
}

async function filesIn(folder: string): Promise<readonly string[]> {
  if (!existsSync(folder)) return [];
  return (await readdir(folder)).toSorted().map((file) => join(folder, file));
}

async function linesOf(file: string): Promise<readonly string[]> {
  return (await readFile(file, 'utf8')).split('\n').filter((line) => line !== '');
}
