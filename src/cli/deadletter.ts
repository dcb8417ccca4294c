/** `deadletter list|show|retry|discard`: what no stage could take, and what becomes of it. */
import { type Command, Option } from 'commander';
import { createDeadLetterCommands, type DeadLetterCommands } from '../actors/dead-letters.ts';
import { type DeadLetterId, isUuid } from '../domain/ids.ts';
import { isProblemCode, problems, type Refusal } from '../domain/problem.ts';
import { queueNames } from '../queues/pipeline.ts';
import { type DeadLetterFull, openAuditStore } from '../stores/audit.ts';
import type { Database } from '../stores/database.ts';
import { personNamed } from './people.ts';
import { deny, withFoundation, withSessions } from './run.ts';
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
  deadLetter
    .command('retry')
    .argument('<id>')
    .description('send it again as it is; it opens once more when it is refused once more')
    .option('--as <person>', 'who sends it, an Operator; kept with the letter')
    .action((id: string, _options, command: Command) =>
      retry(id, command.optsWithGlobals<ActOptions>()),
    );
  deadLetter
    .command('discard')
    .argument('<id>')
    .description('close it for good; the ledger records who did it')
    .requiredOption('--reason <text>', 'why it will never be dealt with')
    .requiredOption('--as <person>', 'who answers for it, an Operator')
    .action((id: string, _options, command: Command) =>
      discard(id, command.optsWithGlobals<Required<Pick<ActOptions, 'reason' | 'as'>>>()),
    );
}

interface ActOptions {
  readonly as?: string;
  readonly reason?: string;
  readonly json?: true;
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
  if (letter === undefined) throw unknownLetter(id);
  if (asJson) {
    json({ ...letter, content: letter.content?.toString('base64') ?? null });
    return;
  }
  describe(letter);
}

async function retry(id: string, { as: name, json: asJson }: ActOptions): Promise<void> {
  const redriven = await withCommands(async (commands, identity) => {
    const person = name === undefined ? null : await personNamed(identity, name);
    return commands.retry(idOrExit(id), person);
  });
  if (asJson) json(redriven);
  else talk(`Sent again to ${redriven.queue} at ${redriven.redrivenAt}.`);
}

async function discard(
  id: string,
  { as: name, reason, json: asJson }: Required<Pick<ActOptions, 'as' | 'reason'>> & ActOptions,
): Promise<void> {
  const discarded = await withCommands(async (commands, identity) =>
    commands.discard(idOrExit(id), reason, await personNamed(identity, name)),
  );
  if (asJson) json(discarded);
  else talk(`Discarded at ${discarded.discardedAt}.`);
}

async function withCommands<T extends object>(
  act: (commands: DeadLetterCommands, identity: Database) => Promise<T | Refusal>,
): Promise<T> {
  const answer = await withFoundation('deadletter', ({ sessions, broker, log }) => {
    const database = sessions.of('event');
    return act(createDeadLetterCommands({ database, broker, log }), sessions.of('identity'));
  });
  return deny(answer);
}

function idOrExit(id: string): DeadLetterId {
  if (isUuid(id)) return id as DeadLetterId;
  throw unknownLetter(id);
}

function unknownLetter(id: string): CommandError {
  return new CommandError(
    `No dead letter ${printable(id)}. "deadletter list" shows their ids.`,
    exitCodes.notFound,
  );
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
