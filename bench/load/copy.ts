/** Loading tables by COPY, from files that the server reads itself. */
import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type pg from 'pg';

export interface Table {
  readonly name: string;
  readonly columns: readonly string[];
  readonly rows: (readonly (string | number | null)[])[];
}

/** One transaction for all of them. `directory` is one that the server, on this machine, can read. */
export async function copyAll(
  client: pg.Client,
  tables: readonly Table[],
  directory: string,
): Promise<void> {
  await client.query('begin');
  for (const { name, columns, rows } of tables) {
    const file = join(directory, `${name}.copy`);
    await pipeline(Readable.from(linesOf(rows)), createWriteStream(file, { mode: 0o644 }));
    await client.query(`copy ${name} (${columns.join(', ')}) from '${file}'`);
    await rm(file);
  }
  await client.query('commit');
}

const ROWS_AT_ONCE = 1_000;

function* linesOf(rows: Table['rows']): Generator<string> {
  for (let start = 0; start < rows.length; start += ROWS_AT_ONCE) {
    yield rows
      .slice(start, start + ROWS_AT_ONCE)
      .map((row) => `${row.map(cellOf).join('\t')}\n`)
      .join('');
  }
}

function cellOf(value: string | number | null): string {
  if (value === null) return '\\N';
  return String(value).replaceAll('\\', '\\\\').replaceAll('\t', '\\t').replaceAll('\n', '\\n');
}
