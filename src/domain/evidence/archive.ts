/**
 * The archive of a bundle: a POSIX tar (ustar) of plain files, written in exactly one way, so that the same files are the
 * same bytes wherever they are packed, and every byte of an archive is accounted for. Any tar program unpacks it.
 */

export type Files = ReadonlyMap<string, Buffer>;

/** Why an archive is not one that `pack` has written. */
export interface ArchiveFault {
  /** `cut`: it ends before its end. */
  readonly fault: 'cut' | 'malformed';
  readonly detail: string;
}

/** Of the whole archive: a policy may be large, and 500 of them be asked about one event. */
export const ARCHIVE_BYTES_MAX = 256 * 2 ** 20;
const BLOCK = 512;
const NAME_BYTES_MAX = 99;
/** Leads nowhere but into the directory where it is unpacked. */
const NAME = /^[0-9A-Za-z_-][0-9A-Za-z._-]*(?:\/[0-9A-Za-z_-][0-9A-Za-z._-]*)?$/;
/** Where the fields of a header stand that differ between files. */
const SIZE_AT = 124;
const SIZE_DIGITS = 11;
const CHECKSUM_AT = 148;
const CHECKSUM_BYTES = 8;
const END = Buffer.alloc(2 * BLOCK);

/** Files in the order of their names, from 1970, owned by nobody in particular. */
export function pack(files: Files): Buffer {
  const names = [...files.keys()].toSorted();
  const parts = names.flatMap((name) => {
    const bytes = files.get(name)!;
    return [headerOf(name, bytes.length), bytes, Buffer.alloc(paddingOf(bytes.length))];
  });
  return Buffer.concat([...parts, END]);
}

/** The files of an archive, which is then known to be the very bytes that `pack` makes of them. */
export function unpack(archive: Buffer): Files | ArchiveFault {
  const files = new Map<string, Buffer>();
  if (archive.length > ARCHIVE_BYTES_MAX) return malformed('It is larger than any bundle.');
  let last = '';
  let at = 0;
  for (;;) {
    const header = archive.subarray(at, at + BLOCK);
    if (header.length < BLOCK) return cut(last);
    if (header.equals(END.subarray(0, BLOCK))) break;
    const found = entryOf(header);
    if (found === undefined) return malformed(`What follows ${last || 'the start'} is no file.`);
    const { name, size } = found;
    if (name <= last) return malformed(`${name} is not in its place.`);
    const start = at + BLOCK;
    const end = start + size;
    if (end + paddingOf(size) > archive.length) return cut(name);
    if (archive.subarray(end, end + paddingOf(size)).some((byte) => byte !== 0)) {
      return malformed(`There is something behind ${name}.`);
    }
    files.set(name, archive.subarray(start, end));
    last = name;
    at = end + paddingOf(size);
  }
  const rest = archive.subarray(at);
  if (rest.length < END.length && rest.every((byte) => byte === 0)) return cut(last);
  return rest.equals(END) ? files : malformed('There is something behind the end.');
}

export function isArchiveFault(unpacked: Files | ArchiveFault): unpacked is ArchiveFault {
  return 'fault' in unpacked;
}

/** Undefined unless the header is, byte for byte, the one that is written for its name and size. */
function entryOf(header: Buffer): { readonly name: string; readonly size: number } | undefined {
  const name = header.toString('latin1', 0, header.indexOf(0));
  const digits = header.toString('latin1', SIZE_AT, SIZE_AT + SIZE_DIGITS);
  if (!isName(name) || !/^[0-7]+$/.test(digits)) return undefined;
  const size = Number.parseInt(digits, 8);
  return headerOf(name, size).equals(header) ? { name, size } : undefined;
}

function isName(name: string): boolean {
  return NAME.test(name) && name.length <= NAME_BYTES_MAX;
}

function headerOf(name: string, size: number): Buffer {
  if (!isName(name)) throw new RangeError(`${name} cannot name a file of a bundle`);
  const header = Buffer.alloc(BLOCK);
  header.write(name, 0);
  header.write('0000644\x000000000\x000000000\x00', 100);
  header.write(`${size.toString(8).padStart(SIZE_DIGITS, '0')}\x00`, SIZE_AT);
  header.write('00000000000\x00', 136);
  // The checksum is made as if it were spaces.
  header.write(' '.repeat(CHECKSUM_BYTES), CHECKSUM_AT);
  header.write('0', 156);
  header.write('ustar\x0000', 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\x00 `, CHECKSUM_AT);
  return header;
}

/** Up to the next block. */
function paddingOf(size: number): number {
  return (BLOCK - (size % BLOCK)) % BLOCK;
}

function cut(name: string): ArchiveFault {
  return { fault: 'cut', detail: `The archive ends behind ${name || 'nothing'}, not at its end.` };
}

function malformed(detail: string): ArchiveFault {
  return { fault: 'malformed', detail };
}
