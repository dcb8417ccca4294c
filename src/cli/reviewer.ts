/** `reviewer add|list|password|link|revoke`: who may sign in and decide. */
import type { Command } from 'commander';
import { createReviewerCommands } from '../actors/reviewers.ts';
import { deny, withSessions } from './run.ts';
import { CommandError, data, exitCodes, json, readSecretLine, table, talk } from './terminal.ts';

interface AddOptions {
  readonly name: string;
  readonly role: readonly string[];
  readonly days: string;
  readonly json?: true;
}

interface LinkOptions {
  readonly issuer: string;
  readonly subject: string;
  readonly json?: true;
}

interface RevokeOptions {
  readonly role?: readonly string[];
  readonly token?: string;
  readonly json?: true;
}

export function addReviewerCommands(program: Command): void {
  const reviewer = program
    .command('reviewer')
    .description('the people who decide, and their tokens');
  reviewer
    .command('add')
    .description('make a person, grant roles, and print a token once')
    .requiredOption('--name <name>', 'lower-case letters, digits and . _ @ -')
    .requiredOption(
      '--role <role...>',
      'Administrator, Senior Authority, Compliance Officer, Governance Board, Auditor or Operator',
    )
    .option('--days <n>', 'how long the token is valid, 1 to 90', '90')
    .action((_options, command: Command) => add(command.optsWithGlobals<AddOptions>()));
  reviewer
    .command('list')
    .description('every person with roles and tokens')
    .action((_options, command: Command) => list(command.optsWithGlobals<{ json?: true }>().json));
  reviewer
    .command('password')
    .argument('<name>')
    .description('set the password for the console: asked for at a terminal, else read from stdin')
    .action((name: string, _options, command: Command) =>
      setPassword(name, command.optsWithGlobals<{ json?: true }>().json),
    );
  reviewer
    .command('link')
    .argument('<name>')
    .description('say that an account of the OpenID provider is this person, for good')
    .requiredOption('--issuer <url>', 'the provider')
    .requiredOption('--subject <sub>', 'the account, as the provider calls it for ever')
    .action((name: string, _options, command: Command) =>
      link(name, command.optsWithGlobals<LinkOptions>()),
    );
  reviewer
    .command('revoke')
    .argument('<name>')
    .description('end roles and tokens at once; without an option, all, and what is signed in')
    .option('--role <role...>', 'only these roles')
    .option('--token <id>', 'only this token')
    .action((name: string, _options, command: Command) =>
      revoke(name, command.optsWithGlobals<RevokeOptions>()),
    );
}

async function add({ name, role, days, json: asJson }: AddOptions): Promise<void> {
  const issued = deny(
    await withSessions('reviewer', (sessions) =>
      createReviewerCommands(sessions.of('identity')).add({
        name,
        roles: role,
        days: Number(days),
      }),
    ),
  );
  if (asJson) {
    json(issued);
    return;
  }
  talk(`${issued.name} (${issued.personId}) holds ${role.join(', ')}.`);
  talk(`The token is valid until ${issued.expiresAt} and is shown only now:`);
  data(issued.token);
}

async function list(asJson: true | undefined): Promise<void> {
  const people = await withSessions('reviewer', (sessions) =>
    createReviewerCommands(sessions.of('identity')).list(),
  );
  if (asJson) {
    json(people);
    return;
  }
  if (people.length === 0) {
    talk('Nobody yet. "reviewer add --name … --role …" makes the first person.');
    return;
  }
  table(
    ['NAME', 'PERSON', 'ROLES', 'TOKENS'],
    people.map((person) => [
      person.name,
      person.personId,
      person.roles.join(', ') || '-',
      person.tokens.map(({ tokenId }) => tokenId).join(', ') || '-',
    ]),
  );
}

async function link(name: string, { issuer, subject, json: asJson }: LinkOptions): Promise<void> {
  const linked = deny(
    await withSessions('reviewer', (sessions) =>
      createReviewerCommands(sessions.of('identity')).link({ name, issuer, subject }),
    ),
  );
  if (asJson) json(linked);
  else talk(`${name} signs in with the account ${subject} of ${issuer}.`);
}

async function setPassword(name: string, asJson: true | undefined): Promise<void> {
  const password = await readPassword(name);
  const set = deny(
    await withSessions('reviewer', (sessions) =>
      createReviewerCommands(sessions.of('identity')).setPassword(name, password),
    ),
  );
  if (asJson) json(set);
  else talk(`${name} signs in with the new password; ${set.sessions} sessions ended.`);
}

/** Never an argument, where every process of the machine could read it. */
async function readPassword(name: string): Promise<string> {
  const password = await readSecretLine(`New password for ${name}: `);
  if (!process.stdin.isTTY) return password;
  if ((await readSecretLine('The same once more: ')) === password) return password;
  throw new CommandError('The two differ; nothing was changed.', exitCodes.usage);
}

async function revoke(name: string, { role, token, json: asJson }: RevokeOptions): Promise<void> {
  const revoked = deny(
    await withSessions('reviewer', (sessions) =>
      createReviewerCommands(sessions.of('identity')).revoke({ name, roles: role, tokenId: token }),
    ),
  );
  if (asJson) json(revoked);
  else
    talk(
      `Ended: roles ${revoked.roles.join(', ') || 'none'}; tokens ${revoked.tokenIds.join(', ') || 'none'}; ` +
        `password ${revoked.password ? 'yes' : 'none'}; sessions ${revoked.sessions}.`,
    );
}
