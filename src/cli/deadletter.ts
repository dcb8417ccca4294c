/** `deadletter list|show`: what no stage could take. */
import { type Command, Option } from 'commander';
import { isUuid } from '../domain/ids.ts';
import { isProblemCode, problems } from '../domain/problem.ts';
import { queueNames } from '../queues/pipeline.ts';
import { type DeadLetterFull, openAuditStore } from '../stores/audit.ts';
import { withSessions } from './run.ts';
import { CommandError, data, exitCodes, json, printable, table, talk } from './terminal.ts';

interface ListOptions {
  readonly all?: true;
  readonly queue?: string;
  readonly source?: string;
  readonly reason?: string;
  readonly limit: string;
  readonly json?: true;
}

const LIMIT_MAX = 1_000;

export function addDeadLetterCommands(program: Command): void {
  const deadLetter = program.command('deadletter').description('what no stage could take, and why');
  deadLetter
    .command('list')
    .description('newest first')
    .option('--all', 'also those that were sent again or discarded')
    .addOption(new Option('--queue <queue>', 'of one stage').choices(queueNames))
    .option('--source <name>', 'of one source')
    .option('--reason <code>', 'for one reason')
    .option('--limit <n>', `at most this many, up to ${LIMIT_MAX}`, '50')
    .action((_options, command: Command) => list(command.optsWithGlobals<ListOptions>()));
  deadLetter
    .command('show')
    .argument('<id>')
    .description('one dead letter, with what was sent')
    .action((id: string, _options, command: Command) =>
      show(id, command.optsWithGlobals<{ json?: true }>().json === true),
    );
}

async function list(options: ListOptions): Promise<void> {
  const limit = Number(options.limit);
  if (!Number.isInteger(limit) || limit < 1 || limit > LIMIT_MAX) {
    throw new CommandError(`--limit takes a whole number from 1 to ${LIMIT_MAX}.`, exitCodes.usage);
  }
  const letters = await withSessions('deadletter', (sessions) =>
    sessions.of('audit').transact((tx) =>
      openAuditStore(tx).deadLetters({
        state: options.all ? 'all' : 'open',
        limit,
        queue: options.queue,
        source: options.source,
        reason: options.reason,
      }),
    ),
  );
  if (options.json) {
    json(letters);
    return;
  }
  if (letters.length === 0) {
    talk('No dead letters.');
    return;
  }
  table(
    ['ID', 'WHEN (UTC)', 'STAGE', 'SOURCE', 'EVENT ID', 'REASON', 'STATE'],
    letters.map((letter) => [
      letter.deadLetterId,
      letter.createdAt.slice(0, 19),
      letter.queue,
      letter.source,
      letter.externalId ?? letter.messageId,
      letter.reason,
      letter.state,
    ]),
  );
}

async function show(id: string, asJson: boolean): Promise<void> {
  const letter = isUuid(id)
    ? await withSessions('deadletter', (sessions) =>
        sessions.of('audit').transact((tx) => openAuditStore(tx).deadLetter(id)),
      )
    : undefined;
  if (letter === undefined) {
    throw new CommandError(
      `No dead letter ${printable(id)}. "deadletter list" shows their ids.`,
      exitCodes.notFound,
    );
  }
  if (asJson) {
    json({ ...letter, content: letter.content?.toString('base64') ?? null });
    return;
  }
  describe(letter);
}

function describe({ content, ...letter }: DeadLetterFull): void {
  for (const [name, value] of Object.entries(letter))
    data(`${name.padEnd(14)} ${printable(value)}`);
  if (isProblemCode(letter.reason))
    data(`${'remedy'.padEnd(14)} ${problems[letter.reason].remedy}`);
  if (content === null) return;
  const cut =
    content.length < letter.contentBytes
      ? ` (the first ${content.length} of ${letter.contentBytes} bytes)`
      : '';
  data(`\nWhat was sent${cut}:\n`);
  data(content.toString('utf8').split('\n').map(printable).join('\n'));
}
