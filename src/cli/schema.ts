/** `schema`: the pictures that sql/README.md shows, drawn from the migrated database. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import { SQL_DIRECTORY } from '../stores/migration-files.ts';
import { placePictures, schemaPictures } from '../stores/schema-pictures.ts';
import { withSessions } from './run.ts';
import { data, talk } from './terminal.ts';

export function addSchemaCommand(program: Command): void {
  program
    .command('schema')
    .description('print the pictures of the database: logical schema, storage map, reference flow')
    .option('--write', 'put them into sql/README.md')
    .action(async ({ write }: { write?: true }) => {
      const pictures = await withSessions('schema', (sessions) => schemaPictures(sessions.url));
      if (!write) {
        data(pictures);
        return;
      }
      const file = join(SQL_DIRECTORY, 'README.md');
      await writeFile(file, placePictures(await readFile(file, 'utf8'), pictures));
      talk(`${file} is up to date.`);
    });
}
