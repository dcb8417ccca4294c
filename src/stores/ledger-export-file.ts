/** Exports as files: going on with one that was broken off, and reading one of either format. */
import { open } from 'node:fs/promises';
import { type LastEntry, lastEntryIn, tabbedLine } from '../domain/ledger/export-format.ts';
import { LINE_BYTES_MAX } from '../domain/ledger/line.ts';

/** Room for a checkpoint, an entry and what was broken off behind them. */
const END_BYTES = 4 * LINE_BYTES_MAX;

/** Cuts what stands behind the last whole entry and says which that is; undefined for a file that has none to keep. */
export async function cutBehindLastEntry(path: string): Promise<LastEntry | undefined> {
  const file = await open(path, 'r+').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (file === undefined) return undefined;
  try {
    const { size } = await file.stat();
    const start = Math.max(0, size - END_BYTES);
    const { buffer, bytesRead } = await file.read(
      Buffer.alloc(size - start),
      0,
      size - start,
      start,
    );
    const last = lastEntryIn(buffer.toString('latin1', 0, bytesRead));
    if (last !== undefined) await file.truncate(start + last.end);
    return last;
  } finally {
    await file.close();
  }
}

/** An export in fields between TABs, whichever of the two formats it has. */
export async function* tabbedBytes(blocks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let isTabbed: boolean | undefined;
  let rest: Buffer = Buffer.alloc(0);
  for await (const block of blocks) {
    const bytes: Buffer = rest.length === 0 ? block : Buffer.concat([rest, block]);
    const end = bytes.indexOf('\n') + 1;
    isTabbed ??=
      end === 0
        ? undefined
        : tabbedLine(bytes.toString('latin1', 0, end)) === bytes.toString('latin1', 0, end);
    if (isTabbed === true) {
      rest = Buffer.alloc(0);
      yield bytes;
      continue;
    }
    const whole = bytes.lastIndexOf('\n') + 1;
    rest = bytes.subarray(whole);
    // Longer than any line: whoever reads it says so.
    if (rest.length > LINE_BYTES_MAX) break;
    if (whole > 0) yield tabbedLines(bytes.toString('latin1', 0, whole));
  }
  if (rest.length > 0) yield rest;
}

function tabbedLines(text: string): Buffer {
  const lines = text.split('\n').slice(0, -1);
  return Buffer.from(lines.map((line) => tabbedLine(`${line}\n`) ?? '').join(''), 'latin1');
}
