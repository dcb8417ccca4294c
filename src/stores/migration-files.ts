/** The SQL files of a release, `sql/<schema>/<NNNN>_<what>.sql`, in the one order in which they run over all schemas. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256 } from '../domain/digest.ts';

export interface MigrationFile {
  /** Where its history is kept. */
  readonly schema: string;
  /** As shown to people: `sql/event/0020_event.sql`. */
  readonly path: string;
  readonly number: number;
  /** `0020_event`: stays the same when the text changes. */
  readonly title: string;
  /** `0020_event@<first 12 hex digits of SHA-256>`: what the history records. */
  readonly name: string;
  readonly text: string;
}

export const SQL_DIRECTORY: string = join(import.meta.dirname, '..', '..', 'sql');

/** Roles belong to no domain; the history of their folder is kept in the house's own schema. */
const SCHEMA_OF_FOLDER: Readonly<Record<string, string>> = { roles: 'sentinelops' };
const FILE_NAME = /^(?<title>(?<number>\d{4})_[0-9a-z_]+)\.sql$/;
const DIGEST_CHARACTERS = 12;

/** All files, ascending by number. Refuses a name of another form and a number that is used twice. */
export async function readMigrationFiles(sqlDirectory: string): Promise<readonly MigrationFile[]> {
  const entries = await readdir(sqlDirectory, { withFileTypes: true, recursive: true });
  const paths = entries
    .filter((entry) => entry.isFile() && entry.name.endsWith('.sql'))
    .map((entry) => ({ directory: entry.parentPath, fileName: entry.name }));
  const files = await Promise.all(paths.map(readMigrationFile));
  files.sort((a, b) => a.number - b.number);
  for (const [i, file] of files.entries()) {
    const next = files[i + 1];
    if (next?.number === file.number) {
      throw new Error(
        `${file.path} and ${next.path} have the same number, so which runs first is not defined. Renumber one of them.`,
      );
    }
  }
  return files;
}

/** The files that a database still lacks, in order. Throws when what it has run does not fit this release. */
export function pendingOf(
  files: readonly MigrationFile[],
  executed: readonly string[],
): readonly MigrationFile[] {
  const byTitle = new Map(files.map((file) => [file.title, file]));
  for (const name of executed) {
    const [title = ''] = name.split('@');
    const file = byTitle.get(title);
    if (file === undefined) {
      throw new Error(
        `This database has run the migration ${title}, which this release does not have: it was migrated by a newer ` +
          'release. Run that one, or restore the file.',
      );
    }
    if (file.name !== name) {
      throw new Error(
        `${file.path} was edited after this database had run it (${name}, now ${file.name}). ` +
          'Restore its text and put the change into a new file with a higher number.',
      );
    }
  }
  const done = new Set(executed);
  const pending = files.filter((file) => !done.has(file.name));
  refuseLatecomer(pending, executed);
  return pending;
}

/** A file below one that has run would run in another order here than in a new database. */
function refuseLatecomer(pending: readonly MigrationFile[], executed: readonly string[]): void {
  const [first] = pending;
  const last = executed.at(-1);
  if (first === undefined || last === undefined || first.name > last) return;
  throw new Error(
    `${first.path} is new, but this database has already run ${last}. Give the file a number above that one.`,
  );
}

async function readMigrationFile(at: {
  readonly directory: string;
  readonly fileName: string;
}): Promise<MigrationFile> {
  const folder = at.directory.split(/[/\\]/).at(-1) ?? '';
  const path = `sql/${folder}/${at.fileName}`;
  const { title, number } = FILE_NAME.exec(at.fileName)?.groups ?? {};
  if (title === undefined) {
    throw new Error(`${path} must be named <four digits>_<what it does>.sql, in a–z, 0–9 and _.`);
  }
  const text = await readFile(join(at.directory, at.fileName), 'utf8');
  const name = `${title}@${sha256(text).slice(0, DIGEST_CHARACTERS)}`;
  return {
    schema: SCHEMA_OF_FOLDER[folder] ?? folder,
    path,
    number: Number(number),
    title,
    name,
    text,
  };
}
