/**
 * The completeness statement: whether everything that came from a source on one day has gone the whole way, or where it
 * stands. Equations over counts; what an equation lacks is listed, with its id.
 */
import { sha256 } from './digest.ts';

/** Of one source and one UTC day, by the day on which an event was received. */
export interface DayCounts {
  // Events
  readonly received: number;
  readonly assessed: number;
  readonly evaluated: number;
  /** No policy matched: the event ends there. */
  readonly cleared: number;
  readonly advised: number;
  // Advisories of these events
  readonly advisories: number;
  readonly decided: number;
  /** A review waits for people. */
  readonly open: number;
  // Decisions on these advisories
  readonly rejected: number;
  readonly executed: number;
  /** Approved, and not run: it was not what had been shown, or came too late. */
  readonly refused: number;
  readonly failed: number;
  // Facts of all these
  readonly facts: number;
  readonly ledgered: number;
}

/** Something that lacks what has to follow it. */
export interface MissingStep {
  readonly lacks: 'assessment' | 'evaluation' | 'advisory' | 'review' | 'execution' | 'entry';
  readonly id: string;
  readonly since: string;
}

/** A message of the source that a stage has given up. */
export interface GivenUp {
  readonly deadLetterId: string;
  readonly queue: string;
  readonly reason: string;
  readonly state: 'open' | 'redriven' | 'discarded';
  readonly at: string;
}

/** A message that was sent again after that. */
export interface Repair {
  readonly deadLetterId: string;
  readonly at: string;
  /** Null where nobody is named. */
  readonly by: string | null;
}

export interface DayRecord {
  readonly origin: string;
  readonly source: string;
  /** `YYYY-MM-DD`, UTC. */
  readonly day: string;
  readonly counts: DayCounts;
  /** SHA-256 of the sorted `external_id_sha256` of the EVENT entries, each followed by LF: the source can compute it too. */
  readonly ids: string;
  /** The same over their `current_hash`, in the order of the ledger. */
  readonly entries: string;
  /** EVENT entries of the source on that day. */
  readonly entryCount: number;
  /** How many entries the checkpoint has that covers all of them; null while none does. */
  readonly size: number | null;
  /** The oldest ones; at most MISSING_LISTED_MAX. */
  readonly missing: readonly MissingStep[];
  readonly deadLetters: readonly GivenUp[];
  readonly repairs: readonly Repair[];
}

export interface Equation {
  readonly left: string;
  readonly right: string;
  readonly leftCount: number;
  readonly rightCount: number;
  readonly holds: boolean;
}

export interface CompletenessStatement extends DayRecord {
  readonly equations: readonly Equation[];
  /** Every equation holds. Reviews that wait and dead letters are no fault; they are listed. */
  readonly complete: boolean;
}

export const MISSING_LISTED_MAX = 1_000;
const DAY = /^(\d{4})-(\d{2})-(\d{2})$/;

/** Whether a text names a day that there is. */
export function isDay(text: string): boolean {
  if (!DAY.test(text)) return false;
  const ms = Date.parse(`${text}T00:00:00Z`);
  return Number.isFinite(ms) && new Date(ms).toISOString().startsWith(text);
}

export function stateCompleteness(record: DayRecord): CompletenessStatement {
  const { counts, entryCount } = record;
  const { received, assessed, evaluated, cleared, advised } = counts;
  const { advisories, decided, open, rejected, executed, refused, failed } = counts;
  const equations = [
    equation('received', received, 'assessed', assessed),
    equation('assessed', assessed, 'evaluated', evaluated),
    equation('evaluated', evaluated, 'cleared + advised', cleared + advised),
    equation('advisories', advisories, 'decided + open', decided + open),
    equation(
      'decided',
      decided,
      'executed + refused + failed + rejected',
      executed + refused + failed + rejected,
    ),
    equation('facts', counts.facts, 'ledgered', counts.ledgered),
    equation('received', received, 'entries of events', entryCount),
  ];
  return { ...record, equations, complete: equations.every(({ holds }) => holds) };
}

function equation(left: string, leftCount: number, right: string, rightCount: number): Equation {
  return { left, right, leftCount, rightCount, holds: leftCount === rightCount };
}

/** What a source can check by its own list, to be signed as a note. Undefined while no checkpoint covers the day. */
export function completenessText(statement: DayRecord): string | undefined {
  const { origin, source, day, entryCount, ids, entries, size } = statement;
  if (size === null) return undefined;
  return (
    `sentinelops-completeness/v1\norigin ${origin}\nsource ${source}\nday ${day}\ncount ${entryCount}\n` +
    `ids ${ids}\nentries ${entries}\nsize ${size}\n`
  );
}

/** Over texts of which each is followed by LF. */
export function digestOfLines(lines: readonly string[]): string {
  return sha256(lines.map((line) => `${line}\n`).join(''));
}
