/**
 * The last checkpoint that was signed, as a file outside every database: what a restored backup cannot set back. The
 * signer has one for its log, a witness one for each log that it watches.
 *
 * Whoever opens a state holds its directory alone (compose claims it); within the process the writes come one by one.
 */
import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';

export interface SignedState {
  /** Where it is, for people. */
  readonly path: string;
  /** The bytes of the note; undefined when there is no file. */
  read(): Promise<Buffer | undefined>;
  /**
   * Puts `next` in place of `expected`. Once it resolves the file is on the disk, whatever happens to the machine; when
   * it rejects, the file is the old or the new one, never a part. Rejects with StateMoved when another note stands there.
   */
  replace(expected: Buffer | undefined, next: Buffer): Promise<void>;
}

/** Somebody else has written the file: two signers share a directory, or it was put back. */
export class StateMoved extends Error {
  override readonly name = 'StateMoved';
}

const DIRECTORY_MODE = 0o700;
const FILE_MODE = 0o600;

/** The state of one origin. Makes the directory when it is missing. */
export async function openSignedState(directory: string, origin: string): Promise<SignedState> {
  await mkdir(directory, { recursive: true, mode: DIRECTORY_MODE });
  const path = join(directory, `${encodeURIComponent(origin)}.checkpoint`);
  const read = () =>
    readFile(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
  return {
    path,
    read,
    async replace(expected, next) {
      const standing = await read();
      if (!isSame(standing, expected)) {
        throw new StateMoved(`${path} was written by somebody else since it was read`);
      }
      await replaceDurably(path, next, directory);
    },
  };
}

/** Writes a file whole: under another name, to the disk, then in the place of the old one. */
export async function replaceDurably(
  path: string,
  bytes: string | Buffer,
  directory: string,
): Promise<void> {
  const temporary = `${path}.new`;
  const file = await open(temporary, 'w', FILE_MODE);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  // The new name is an entry of the directory, and on the disk only when that is.
  const entry = await open(directory, 'r');
  try {
    await entry.sync();
  } finally {
    await entry.close();
  }
}

function isSame(a: Buffer | undefined, b: Buffer | undefined): boolean {
  return a === undefined || b === undefined ? a === b : a.equals(b);
}
