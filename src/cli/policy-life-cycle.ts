/** `policy apply|diff|approve|activate|deprecate|list|show|history`: the life of versions, one step and one person each. */
import { createTwoFilesPatch } from 'diff';
import type { Command } from 'commander';
import { stringify } from 'yaml';
import {
  lifeCycleCommands,
  type LifeCycleCommands,
  type Moved,
} from '../actors/policy-life-cycle.ts';
import type { Foundation } from '../foundation.ts';
import type { Move } from '../domain/life-cycle.ts';
import { type PolicyDefinition, policyDigest } from '../domain/policy.ts';
import { problems, type Refusal } from '../domain/problem.ts';
import {
  changesOf,
  listPolicies,
  type PolicyVersion,
  standingVersions,
  versionsOf,
} from '../stores/audit-policies.ts';
import type { Tx } from '../stores/database.ts';
import { personNamed } from './people.ts';
import { documentsOrExit } from './policy-check.ts';
import { deny, withFoundation, withSessions } from './run.ts';
import { CommandError, data, exitCodes, json, table, talk } from './terminal.ts';

interface JsonOption {
  readonly json?: true;
}
interface ApplyOptions extends JsonOption {
  readonly author: string;
  readonly dryRun?: true;
}
interface MoveOptions extends JsonOption {
  readonly by: string;
  readonly riskModel?: true;
}

const CHANGES = `
Exit codes: 0 nothing differs, ${exitCodes.changes} something does, 1 failed, 2 usage.`;

export function addPolicyLifeCycleCommands(policy: Command): void {
  addDocumentCommands(policy);
  addMoves(policy);
  addLooks(policy);
}

function addDocumentCommands(policy: Command): void {
  policy
    .command('apply')
    .argument('<path...>', 'files, folders of them, or a folder with policies/ and risk-models/')
    .description('keep new versions as drafts: all of them or none; safe to run again')
    .requiredOption('--author <name>', 'who wrote them, a Compliance Officer')
    .option('--dry-run', 'keep nothing, and say by the exit code whether anything would be kept')
    .addHelpText('after', `\nWith --dry-run:${CHANGES}`)
    .action((paths: readonly string[], _options, command: Command) =>
      apply(paths, command.optsWithGlobals<ApplyOptions>()),
    );
  policy
    .command('diff')
    .argument('<path...>', 'as for apply')
    .description('what documents change in the versions in force, as a unified diff')
    .addHelpText('after', CHANGES)
    .action((paths: readonly string[]) => diff(paths));
}

const descriptions: Readonly<Record<Move, string>> = {
  approve: 'stand for a draft that somebody else wrote',
  activate: 'bring a version into force in the place of the one that is; an older one to go back',
  deprecate: 'take a version out of force, with nothing in its place',
};

function addMoves(policy: Command): void {
  for (const move of Object.keys(descriptions) as Move[]) {
    const command = policy
      .command(move)
      .argument('<name>')
      .argument('<version>', 'its number', versionNumber)
      .description(descriptions[move])
      .requiredOption('--by <name>', 'whose act it is, a Compliance Officer');
    if (move === 'activate') command.option('--risk-model', 'the name is that of a risk model');
    command.action((name: string, version: number, _options, acted: Command) =>
      moveVersion(move, { name, version }, acted.optsWithGlobals<MoveOptions>()),
    );
  }
}

function addLooks(policy: Command): void {
  policy
    .command('list')
    .description('every policy, with the version in force')
    .action((_options, command: Command) => list(command.optsWithGlobals<JsonOption>()));
  policy
    .command('show')
    .argument('<name>')
    .argument('[version]', 'its number; the one in force without it', versionNumber)
    .description('a version as a document')
    .action((name: string, version: number | undefined, _options, command: Command) =>
      show(name, version, command.optsWithGlobals<JsonOption>()),
    );
  policy
    .command('history')
    .argument('<name>')
    .description('every change of every version: who, when')
    .action((name: string, _options, command: Command) =>
      history(name, command.optsWithGlobals<JsonOption>()),
    );
}

function versionNumber(text: string): number {
  if (/^[1-9]\d{0,6}$/.test(text)) return Number(text);
  throw new CommandError(`A version is a number from 1, not "${text}".`, exitCodes.usage);
}

/** The commands, with the person who gives them. */
function acting<T>(
  person: string,
  act: (commands: LifeCycleCommands, person: Awaited<ReturnType<typeof personNamed>>) => Promise<T>,
): Promise<T> {
  return withFoundation('policy', async ({ sessions, broker }: Foundation) => {
    const commands = lifeCycleCommands({
      policy: sessions.of('policy'),
      risk: sessions.of('risk'),
      send: broker.sender('ledger'),
    });
    return act(commands, await personNamed(sessions.of('identity'), person));
  });
}

async function apply(paths: readonly string[], options: ApplyOptions): Promise<void> {
  const { policies, riskModels } = await documentsOrExit(paths);
  const documents = {
    policies: policies.map(({ definition }) => definition),
    riskModels: riskModels.map(({ definition }) => definition),
  };
  const applied = await acting(options.author, (commands, author) =>
    commands.apply(documents, author, { dryRun: options.dryRun ?? false }),
  );
  if ('refusals' in applied) throw new CommandError(`Nothing was kept:\n${reasonsOf(applied)}`);
  const kept = [...applied.riskModels, ...applied.policies];
  if (options.json) json(applied);
  else if (kept.length === 0) talk('Nothing to do: all of them are stored.');
  else for (const label of kept) talk(`${options.dryRun ? 'would be kept' : 'draft'}: ${label}`);
  if (options.dryRun && kept.length > 0) process.exitCode = exitCodes.changes;
}

const reasonsOf = ({ refusals }: { readonly refusals: readonly Refusal[] }): string =>
  refusals
    .map(({ reason, detail }) => `${problems[reason].title}: ${detail}. ${problems[reason].remedy}`)
    .join('\n');

async function diff(paths: readonly string[]): Promise<void> {
  const { policies } = await documentsOrExit(paths);
  const names = policies.map(({ definition }) => definition.policy);
  const standing = await looking((tx) => standingVersions(tx, names));
  const patches = policies.flatMap(({ file, definition }) => {
    const before = standing.get(definition.policy);
    return before?.definitionSha256 === policyDigest(definition)
      ? []
      : [patchOf(before, definition, file)];
  });
  if (patches.length === 0) return talk('Nothing differs from what is in force.');
  for (const patch of patches) data(patch);
  process.exitCode = exitCodes.changes;
}

function patchOf(
  standing: PolicyVersion | undefined,
  definition: PolicyDefinition,
  file: string,
): string {
  const before = standing === undefined ? '/dev/null' : `${standing.name}@${standing.version}`;
  const old = standing === undefined ? '' : textOf(standing.definition);
  return createTwoFilesPatch(before, file, old, textOf(definition), undefined, undefined, {
    context: 3,
  });
}

/** The members in one order, so that a document and what the database keeps of it are compared by what they say. */
function textOf(definition: PolicyDefinition): string {
  return stringify(definition, { sortMapEntries: true, lineWidth: 100 });
}

/** The version in force; where there is none, the newest. */
const inForceOf = (versions: readonly PolicyVersion[]): PolicyVersion | undefined =>
  versions.find(({ status }) => status === 'active') ?? versions[0];

async function moveVersion(
  move: Move,
  version: { readonly name: string; readonly version: number },
  options: MoveOptions,
): Promise<void> {
  const moved = await acting(options.by, (commands, person) =>
    options.riskModel
      ? commands.activateRiskModel(version, person)
      : commands.move(move, version, person),
  );
  const { steps }: Moved = deny(moved);
  if (options.json) json({ steps });
  else if (steps.length === 0) talk('Nothing to do: it is there already.');
  else for (const { label, to } of steps) talk(`${to}: ${label}`);
}

function looking<T>(look: (tx: Tx) => Promise<T>): Promise<T> {
  return withSessions('policy', (sessions) => sessions.of('audit').transact(look));
}

async function list(options: JsonOption): Promise<void> {
  const policies = await looking(listPolicies);
  if (options.json) return json(policies);
  if (policies.length === 0) return talk('No policy yet. "policy apply <folder>" keeps some.');
  table(
    ['POLICY', 'VERSION', 'STATUS', 'PRIORITY', 'OPEN REVIEWS', 'TITLE'],
    policies.map((row) => [
      row.name,
      row.version,
      row.status,
      row.priorityLevel,
      row.openReviews,
      row.title,
    ]),
  );
}

async function show(name: string, version: number | undefined, options: JsonOption): Promise<void> {
  const versions = await versionsOrExit(name);
  const shown =
    version === undefined ? inForceOf(versions) : versions.find((one) => one.version === version);
  if (shown === undefined) {
    throw new CommandError(`${name} has no version ${version}.`, exitCodes.notFound);
  }
  if (options.json) return json(shown);
  data(stringify(shown.definition, { lineWidth: 100 }));
  const { status, author, approvers, activator, activeFrom, activeTo, definitionSha256 } = shown;
  talk(`${shown.name}@${shown.version} is ${status}; SHA-256 ${definitionSha256}`);
  talk(`written by ${author}, approved by ${approvers.join(', ') || 'nobody'}`);
  if (activeFrom !== null) {
    talk(
      `activated by ${activator ?? 'its approver'} at ${activeFrom}, until ${activeTo ?? 'now'}`,
    );
  }
}

async function history(name: string, options: JsonOption): Promise<void> {
  await versionsOrExit(name);
  const changes = await looking((tx) => changesOf(tx, name));
  if (options.json) return json(changes);
  table(
    ['AT', 'VERSION', 'BECAME', 'BY'],
    changes.map((row) => [row.changedAt, row.version, row.toStatus, row.personName]),
  );
}

async function versionsOrExit(name: string): Promise<readonly PolicyVersion[]> {
  const versions = await looking((tx) => versionsOf(tx, name));
  if (versions.length > 0) return versions;
  throw new CommandError(`There is no policy ${name}.`, exitCodes.notFound);
}
