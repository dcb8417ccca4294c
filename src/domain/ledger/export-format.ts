/** What an export file looks like: a header, then one line for each entry (docs/ledger-format.md). */
import { type Entry, leafOf } from '../ledger.ts';

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
