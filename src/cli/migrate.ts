/** `migrate`: the release step. */
import type { Command } from 'commander';
import { migrateAll } from '../foundation.ts';
import { withAnySchema } from './run.ts';
import { json, talk } from './terminal.ts';

export function addMigrateCommand(program: Command): void {
  program
    .command('migrate')
    .description(
      'bring the database to the schema of this release; safe to run twice, and twice at once',
    )
    .action((_options, command: Command) =>
      withAnySchema('migrate', async (sessions, config) => {
        const applied = await migrateAll(config, sessions, talk);
        if (command.optsWithGlobals<{ json?: true }>().json) json({ applied });
        else
          talk(
            applied.length === 0
              ? 'Nothing to do: the schema is up to date.'
              : `${applied.length} files applied.`,
          );
      }),
    );
}
