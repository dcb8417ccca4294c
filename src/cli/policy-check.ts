/** `policy validate|test|schema`: what can be said of documents without a database. */
import { type Command, Option } from 'commander';
import { type Documents, readDocuments } from '../documents/documents.ts';
import { policySchema } from '../documents/policy-document.ts';
import { riskModelSchema } from '../documents/risk-model-document.ts';
import { conditionsSchema, conditionsShape } from '../documents/shapes.ts';
import { printFault } from '../documents/yaml.ts';
import { compilePolicy, draftOf, type Policy, type PolicyDefinition } from '../domain/policy.ts';
import type { Evidence } from '../domain/rules.ts';
import { type CaseResult, runCase } from '../domain/policy-case.ts';
import { CommandError, data, exitCodes, json, printable, talk } from './terminal.ts';

interface JsonOption {
  readonly json?: true;
}

const WHAT_PATHS = 'files, folders of them, or a folder with policies/ and risk-models/';

export function addPolicyCheckCommands(policy: Command): void {
  policy
    .command('validate')
    .argument('<path...>', WHAT_PATHS)
    .description('check documents and their cases; needs no database')
    .action((paths: readonly string[], _options, command: Command) =>
      validate(paths, command.optsWithGlobals<JsonOption>()),
    );
  policy
    .command('test')
    .argument('<path...>', WHAT_PATHS)
    .description('run the cases that stand beside policies, and show what each condition saw')
    .action((paths: readonly string[], _options, command: Command) =>
      test(paths, command.optsWithGlobals<JsonOption>()),
    );
  policy
    .command('schema')
    .description('print the JSON Schema by which editors complete and check documents')
    .addOption(
      new Option('--kind <kind>', 'of which document')
        .choices(['policy', 'risk-model'])
        .default('policy'),
    )
    .action(({ kind }: { kind: keyof typeof schemas }) => printSchema(kind));
}

/** The documents, with all of their cases passed. @throws CommandError that names everything that is wrong. */
export async function documentsOrExit(paths: readonly string[]): Promise<Documents> {
  const documents = await readOrExit(paths);
  const failures = (await runCases(documents)).filter(({ passed }) => !passed);
  if (failures.length === 0) return documents;
  throw new CommandError(`Cases failed:\n${failures.map(failureOf).join('\n')}`);
}

async function readOrExit(paths: readonly string[]): Promise<Documents> {
  const documents = await readDocuments(paths).catch((cause: Error) => {
    throw new CommandError(`Nothing was read: ${cause.message}`, exitCodes.notFound);
  });
  if (!('faults' in documents)) return documents;
  throw new CommandError(documents.faults.map(printFault).join('\n'));
}

/** The version that a document would become. */
export function compileDocument(definition: PolicyDefinition): Policy {
  const { policyId, version, name, definitionSha256 } = draftOf(definition);
  return compilePolicy({
    policyId,
    version,
    name,
    title: definition.title,
    description: definition.description,
    regulatoryReference: definition.regulatory_reference,
    priorityLevel: definition.priority_level,
    definition,
    definitionSha256,
  });
}

type FileResult = CaseResult & { readonly file: string };

async function runCases({ policies }: Documents): Promise<readonly FileResult[]> {
  const results = policies.map(async ({ file, definition, cases }) => {
    const compiled = compileDocument(definition);
    const all: FileResult[] = [];
    for (const one of cases) all.push({ file, ...(await runCase(compiled, one)) });
    return all;
  });
  return (await Promise.all(results)).flat();
}

const failureOf = ({ file, case: title, expected, actual, options }: FileResult): string => {
  const offered = options ? `, options [${options.actual.join(', ')}]` : '';
  return `${file}: ${title}: expected ${expected}, is ${actual}${offered}`;
};

async function validate(paths: readonly string[], options: JsonOption): Promise<void> {
  const { policies, riskModels } = await documentsOrExit(paths);
  const cases = policies.reduce((sum, one) => sum + one.cases.length, 0);
  if (options.json) json({ policies: policies.length, riskModels: riskModels.length, cases });
  else {
    talk(
      `${policies.length} policies with ${cases} cases and ${riskModels.length} risk models are in order.`,
    );
  }
}

async function test(paths: readonly string[], options: JsonOption): Promise<void> {
  const documents = await readOrExit(paths);
  const results = await runCases(documents);
  if (options.json) json(results);
  else for (const result of results) show(result);
  const failed = results.filter(({ passed }) => !passed).length;
  for (const { file } of documents.policies.filter(({ cases }) => cases.length === 0)) {
    talk(`${file}: has no cases`);
  }
  talk(`${results.length - failed} of ${results.length} cases passed.`);
  if (failed > 0) process.exitCode = exitCodes.failed;
}

function show(result: FileResult): void {
  if (result.passed) return talk(`passed  ${result.file}: ${result.case}`);
  talk(`FAILED  ${failureOf(result)}`);
  for (const evidence of result.evidence) talk(`        ${evidenceLine(evidence)}`);
}

/** `all.0: $.data.bad is true, equal true: held`. */
export function evidenceLine(evidence: Evidence): string {
  const { position, path, operator, expected, actual, result, reason } = evidence;
  const found = actual === undefined ? 'absent' : JSON.stringify(actual);
  const why = reason === undefined ? '' : ` (${reason})`;
  return printable(
    `${position}: ${path} is ${found}, ${operator} ${JSON.stringify(expected)}: ${result}${why}`,
  );
}

const schemas = {
  policy: { title: 'SentinelOps policy', ...policySchema },
  'risk-model': { title: 'SentinelOps risk model', ...riskModelSchema },
};

function printSchema(kind: keyof typeof schemas): void {
  const tree = { $ref: '#/definitions/conditions' };
  const text = JSON.stringify(
    { $schema: 'http://json-schema.org/draft-07/schema#', ...schemas[kind], ...conditionsSchema },
    (key, value: unknown) => (key === 'conditions' && value === conditionsShape ? tree : value),
    2,
  );
  data(text);
}
