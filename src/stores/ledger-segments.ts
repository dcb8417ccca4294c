/** Cuts the bytes of an export into its header and segments of whole lines, whatever blocks they come in. */
import { LINE_BYTES_MAX } from '../domain/ledger/line.ts';

/** Where the bytes of an export come from. */
export interface ExportSource {
  /** From the start, each time. */
  bytes(): AsyncIterable<Buffer>;
  /** It has no more entries than this. */
  readonly entriesMax: number;
}

/** The first line, with its LF; empty when there is none. */
export async function headerOf(source: ExportSource): Promise<string> {
  for await (const lines of wholeLines(source.bytes())) {
    return lines.toString('latin1', 0, lines.indexOf('\n') + 1);
  }
  return '';
}

/** What follows the header, in pieces of whole lines. */
export async function* segmentsOf(source: ExportSource): AsyncGenerator<Buffer> {
  let first = true;
  for await (const lines of wholeLines(source.bytes())) {
    const entries = first ? lines.subarray(lines.indexOf('\n') + 1) : lines;
    first = false;
    if (entries.length > 0) yield entries;
  }
}

/** Cuts at the ends of lines; only the last piece may lack its LF. A line that is far too long is the last piece. */
async function* wholeLines(blocks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let rest = Buffer.alloc(0);
  try {
    for await (const block of blocks) {
      const end = block.lastIndexOf('\n') + 1;
      if (end > 0) yield Buffer.concat([rest, block.subarray(0, end)]);
      rest = Buffer.concat([end > 0 ? Buffer.alloc(0) : rest, block.subarray(end)]);
      if (rest.length > LINE_BYTES_MAX) break;
    }
  } catch (cause) {
    throw new Unreadable(cause);
  }
  if (rest.length > 0) yield rest;
}

/** What a source threw. It says nothing about the ledger. */
export class Unreadable extends Error {
  override readonly name = 'Unreadable';
  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

export async function readable<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    throw new Unreadable(cause);
  }
}
