/**
 * Exports the ledger before every fault. What an earlier export has read is not read again: the file is continued, so it
 * keeps each entry as it was first seen, and every earlier export is a prefix of it by construction.
 */
import { join } from 'node:path';
import type pg from 'pg';
import { EXPORT_HEADER, exportLines } from '../checker/ledger-lines.ts';
import { append, type RunFolder } from '../journal.ts';

export interface LedgerExporter {
  /** Continues the export to the end that the ledger has now. */
  take(client: pg.Client): Promise<void>;
}

export function createLedgerExporter(folder: RunFolder): LedgerExporter {
  const path = join(folder.exports, 'first-seen.export');
  let entries = 0;
  return {
    async take(client) {
      const header = entries === 0 ? await linesOf(client, EXPORT_HEADER) : [];
      const lines = await linesOf(client, exportLines(entries));
      if (lines.length === 0) return;
      await append(path, [...header, ...lines].join(''));
      entries += lines.length;
    },
  };
}

async function linesOf(client: pg.Client, sql: string): Promise<readonly string[]> {
  const { rows } = await client.query<{ line: string }>(sql);
  return rows.map(({ line }) => line);
}
