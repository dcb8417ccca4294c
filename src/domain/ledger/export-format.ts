/** What an export file looks like: a header, then one line for each entry (docs/ledger-format.md). */
import { type Entry, leafOf } from '../ledger.ts';

const JSON_SCHEMA = 'sentinelops-ledger-export+json/v1';

export function headerOf(origin: string): string {
  return `{"origin":"${origin}","schema":"sentinelops-ledger-export/v1"}\n`;
}

/**
 * The leaf is built again from the columns, the hash copied from its own: a row that was changed in the database shows as
 * a line whose hash does not fit. The columns are taken as they are, also where no entry of ours could look like that.
 */
export function lineOf(origin: string, entry: Entry): string {
  return `${entry.currentHash}\t${leafOf(origin, entry)}\t${entry.entryData}\n`;
}

/** One of the two ways in which an export is written; both hold the same bytes of each entry. */
export interface ExportFormat {
  header(origin: string): string;
  entry(origin: string, entry: Entry): string;
  /** Behind the last entry that it covers; undefined where checkpoints have no place. */
  checkpoint(note: string): string | undefined;
}

/** The one that is verified fastest: fields between TABs, and each export a prefix of every later one. */
export const tabbed: ExportFormat = {
  header: headerOf,
  entry: lineOf,
  checkpoint: () => undefined,
};

/** For programs that read JSON: an object on each line. Leaf and data stand in it as they were hashed. */
export const jsonLines: ExportFormat = {
  header: (origin) => `{"origin":"${origin}","schema":"${JSON_SCHEMA}"}\n`,
  entry: (origin, entry) =>
    `{"current_hash":"${entry.currentHash}","entry_data":${entry.entryData},"leaf":${leafOf(origin, entry)}}\n`,
  checkpoint: (note) => `{"checkpoint":${JSON.stringify(note)}}\n`,
};

const ENTRY_BEGINS = '{"current_hash":"';
const HASH_DIGITS = 64;
const DATA_AT = ENTRY_BEGINS.length + HASH_DIGITS + '","entry_data":'.length;
const LEAF_BEGINS = ',"leaf":';

/**
 * A line of the one format, with its LF, as the other one has it; none for a checkpoint. A line that is no entry comes back
 * as it is: whoever reads it will find that out.
 */
export function tabbedLine(line: string): string | undefined {
  if (line.startsWith('{"checkpoint":')) return undefined;
  const header = /^\{"origin":"([^"]*)","schema":"(.*)"\}\n$/.exec(line);
  if (header?.[2] === JSON_SCHEMA) return headerOf(header[1]!);
  // The leaf has no member of that name, so the last one is where it begins.
  const leafAt = line.lastIndexOf(LEAF_BEGINS);
  if (!line.startsWith(ENTRY_BEGINS) || leafAt === -1 || !line.endsWith('}\n')) return line;
  const hash = line.slice(ENTRY_BEGINS.length, ENTRY_BEGINS.length + HASH_DIGITS);
  const leaf = line.slice(leafAt + LEAF_BEGINS.length, -2);
  const tabs = `${hash}\t${leaf}\t${line.slice(DATA_AT, leafAt)}\n`;
  const isWhole =
    line ===
    `${ENTRY_BEGINS}${hash}","entry_data":${line.slice(DATA_AT, leafAt)}${LEAF_BEGINS}${leaf}}\n`;
  return isWhole ? tabs : line;
}

/** Where an export that was broken off goes on. */
export interface LastEntry {
  readonly seq: number;
  readonly currentHash: string;
  /** How many bytes of the text there are up to its end. */
  readonly end: number;
}

/** The last whole entry in the end of an export, in either format, one character for each byte; undefined without one. */
export function lastEntryIn(text: string): LastEntry | undefined {
  const entries =
    /^(?:\{"current_hash":")?([0-9a-f]{64})["\t][^\n]*"seq":"(\d{1,15})","timestamp":"[^\n]*\n/gm;
  const last = [...text.matchAll(entries)].at(-1);
  if (last === undefined) return undefined;
  return { seq: Number(last[2]), currentHash: last[1]!, end: last.index + last[0].length };
}
