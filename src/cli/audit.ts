/** `audit completeness`: whether all that a source sent on a day has gone the whole way. */
import type { Command } from 'commander';
import {
  type CompletenessStatement,
  completenessText,
  isDay,
  stateCompleteness,
} from '../domain/completeness.ts';
import { signatureLine } from '../domain/ledger/note.ts';
import { statusCodes } from '../domain/ledger/verdict.ts';
import { dayOf } from '../stores/completeness.ts';
import { withSessions } from './run.ts';
import { keyFrom } from './signing.ts';
import { CommandError, data, exitCodes, json, printable, talk } from './terminal.ts';

interface CompletenessOptions {
  readonly source: string;
  readonly day: string;
  readonly sign?: string;
}

export function addAuditCommands(program: Command): void {
  program
    .command('audit')
    .description('what can be said of everything that was recorded')
    .command('completeness')
    .requiredOption('--source <name>', 'as it is registered')
    .requiredOption('--day <date>', 'YYYY-MM-DD, UTC')
    .option(
      '--sign <reference>',
      'print a signed note for the source instead: env:NAME or file:/path of a key named ORIGIN/completeness',
    )
    .description('whether all that a source sent on a day has gone the whole way, and what has not')
    .addHelpText('after', '\nExit codes: 0 complete, 4 unknown source, 38 something is missing.')
    .action(completeness);
}

async function completeness(
  { source, day, sign }: CompletenessOptions,
  command: Command,
): Promise<void> {
  if (!isDay(day)) throw new CommandError('--day takes YYYY-MM-DD.', exitCodes.usage);
  const record = await withSessions('audit completeness', (sessions) =>
    sessions.of('audit').transact((tx) => dayOf(tx, source, day)),
  );
  if (record === undefined) {
    throw new CommandError(`No source is named ${printable(source)}.`, exitCodes.notFound);
  }
  const statement = stateCompleteness(record);
  if (sign !== undefined) data(await signed(statement, sign));
  else if (command.optsWithGlobals<{ json?: true }>().json) json(statement);
  else for (const line of linesOf(statement)) data(line);
  process.exitCode = statement.complete ? exitCodes.ok : statusCodes.INCOMPLETE;
}

/** By a key of its own: that of the log answers for checkpoints and nothing else. */
async function signed(statement: CompletenessStatement, reference: string): Promise<string> {
  const key = await keyFrom(reference);
  const name = `${statement.origin}/completeness`;
  if (key.verifier.name !== name) {
    throw new CommandError(
      `The key is named ${key.verifier.name}, not ${name}: make it with "ledger key new --name ${name}".`,
      exitCodes.usage,
    );
  }
  const text = completenessText(statement);
  if (text === undefined) {
    throw new CommandError('No checkpoint covers the day yet. Ask again when one does.');
  }
  if (!statement.complete) talk('The day is not complete; the note says only what was received.');
  return `${text}\n${signatureLine(text, key)}`;
}

function* linesOf(statement: CompletenessStatement): Generator<string> {
  const { source, day, equations, missing, deadLetters, repairs, size } = statement;
  yield `${printable(source)}, ${day}: ${statement.complete ? 'complete' : 'NOT COMPLETE'}`;
  for (const { left, leftCount, right, rightCount, holds } of equations) {
    yield `${holds ? '  ' : '! '}${left} ${leftCount} = ${rightCount} ${right}`;
  }
  yield size === null
    ? '! no checkpoint covers the day yet'
    : `  under a checkpoint of ${size} entries`;
  yield* section('missing', missing, ({ lacks, id, since }) => `${lacks} of ${id} since ${since}`);
  yield* section(
    'dead letters',
    deadLetters,
    ({ deadLetterId, queue, reason, state, at }) =>
      `${deadLetterId} ${queue} ${reason} ${state} ${at}`,
  );
  yield* section(
    'repairs',
    repairs,
    ({ deadLetterId, at, by }) => `${deadLetterId} sent again ${at} by ${by ?? 'nobody named'}`,
  );
}

function* section<T>(
  title: string,
  rows: readonly T[],
  lineOf: (row: T) => string,
): Generator<string> {
  yield `${title}: ${rows.length === 0 ? 'none' : rows.length}`;
  for (const row of rows) yield `  ${printable(lineOf(row))}`;
}
