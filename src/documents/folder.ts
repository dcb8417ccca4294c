/** Reads the documents of a folder: every `.yaml` file in it, in the order of their names, each a document of one kind. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DocumentKind, Reading } from './document.ts';
import type { DocumentFault } from './yaml.ts';

/** All definitions, or all faults: a set of which some could not be read is never loaded in part. */
export async function readFolder<Definition>(
  folder: string,
  kind: DocumentKind<Definition>,
): Promise<
  { readonly definitions: readonly Definition[] } | { readonly faults: readonly DocumentFault[] }
> {
  const files = (await readdir(folder)).filter((file) => file.endsWith('.yaml')).toSorted();
  const readings = await Promise.all(
    files.map(async (file): Promise<Reading<Definition>> => {
      const path = join(folder, file);
      return kind.read(path, await readFile(path, 'utf8'));
    }),
  );
  const faults = readings.flatMap((reading) => ('faults' in reading ? reading.faults : []));
  if (faults.length > 0) return { faults };
  return {
    definitions: readings.flatMap((reading) =>
      'definition' in reading ? [reading.definition] : [],
    ),
  };
}
