/** `source add|list|retire` and `source key add|retire`: the registry of those who may send events. */
import { text } from 'node:stream/consumers';
import { type Command, Option } from 'commander';
import { sourceCommands } from '../actors/source.ts';
import { readSecret } from '../config.ts';
import { QUEUE_AGE_MAX_S } from '../domain/registration.ts';
import type { KeyAlgorithm } from '../domain/source.ts';
import { sourceKinds } from '../sources/sources.ts';
import { openAuditStore } from '../stores/audit.ts';
import { deny, withSessions } from './run.ts';
import { CommandError, data, exitCodes, json, table, talk } from './terminal.ts';

interface AddOptions {
  readonly kind: string;
  readonly unsigned?: true;
  readonly description: string;
  readonly queueAge: string;
}

interface KeyOptions {
  readonly algorithm: KeyAlgorithm;
  readonly from: string;
  readonly json?: true;
}

export function addSourceCommands(program: Command): void {
  const source = program.command('source').description('the systems that may send events');
  source
    .command('add')
    .argument('<name>', 'CloudEvents source: 1 to 100 of 0-9 A-Z a-z . _ : / -')
    .description('register a source, or change its settings')
    .addOption(
      new Option('--kind <kind>', 'how it sends')
        .choices(sourceKinds.map(({ name }) => name))
        .default('cloudevents'),
    )
    .option('--unsigned', 'take events without a signature; a wrong one is refused all the same')
    .option('--description <text>', 'for people', '')
    .option(
      '--queue-age <seconds>',
      'how old a signature may be on the queue',
      String(QUEUE_AGE_MAX_S),
    )
    .action(add);
  source
    .command('list')
    .description('every source')
    .action((_options, command: Command) => list(command.optsWithGlobals<{ json?: true }>().json));
  source
    .command('retire')
    .argument('<name>')
    .description('take nothing from it any more')
    .action(retire);
  const key = source
    .command('key')
    .description('the keys that check signatures; two may be valid during a rotation');
  key
    .command('add')
    .argument('<source>')
    .description('add a key; secrets are read, never given on the command line')
    .addOption(
      new Option('--algorithm <algorithm>', 'what signs')
        .choices(['hmac-sha256', 'ed25519'])
        .default('hmac-sha256'),
    )
    .requiredOption('--from <reference>', 'env:NAME, file:/path, or - for standard input')
    .action((name: string, _options, command: Command) =>
      addKey(name, command.optsWithGlobals<KeyOptions>()),
    );
  key
    .command('retire')
    .argument('<source>')
    .argument('<key id>')
    .description('end a key')
    .action(retireKey);
}

async function add(name: string, options: AddOptions): Promise<void> {
  deny(
    await withSessions('source', (sessions) =>
      sourceCommands(sessions.of('event')).register({
        name,
        kind: options.kind,
        signatureRequired: options.unsigned !== true,
        description: options.description,
        queueAgeMaxS: Number(options.queueAge),
      }),
    ),
  );
  talk(`${name} may send as ${options.kind}.`);
  if (!options.unsigned)
    talk(`Its events must be signed: "source key add ${name} --from …" gives it a key.`);
}

async function list(asJson: true | undefined): Promise<void> {
  const sources = await withSessions('source', (sessions) =>
    sessions.of('audit').transact((tx) => openAuditStore(tx).sources()),
  );
  if (asJson) {
    json(sources);
    return;
  }
  if (sources.length === 0) {
    talk('No source yet. "source add <name>" registers one.');
    return;
  }
  table(
    ['SOURCE', 'KIND', 'SIGNED', 'VALID KEYS', 'RETIRED', 'DESCRIPTION'],
    sources.map((row) => [
      row.name,
      row.kind,
      row.signatureRequired ? 'required' : 'optional',
      row.validKeys,
      row.retiredAt,
      row.description,
    ]),
  );
}

async function retire(name: string): Promise<void> {
  deny(
    await withSessions('source', (sessions) => sourceCommands(sessions.of('event')).retire(name)),
  );
  talk(`${name} is retired.`);
}

async function addKey(name: string, { algorithm, from, json: asJson }: KeyOptions): Promise<void> {
  const secret =
    from === '-' ? (await text(process.stdin)).replace(/\r?\n$/, '') : await secretOf(from);
  const added = deny(
    await withSessions('source', (sessions) =>
      sourceCommands(sessions.of('event')).addKey(name, algorithm, secret),
    ),
  );
  if (asJson) json(added);
  else data(added.keyId);
}

async function secretOf(reference: string): Promise<string> {
  try {
    return await readSecret(reference);
  } catch (error) {
    throw new CommandError((error as Error).message, exitCodes.usage);
  }
}

async function retireKey(name: string, keyId: string): Promise<void> {
  deny(
    await withSessions('source', (sessions) =>
      sourceCommands(sessions.of('event')).retireKey(name, keyId),
    ),
  );
  talk(`The key ${keyId} of ${name} is retired.`);
}
