/** Policies and risk models from files into force: what `policy load` and the demonstration do. */
import { join } from 'node:path';
import { armFailpoints } from '../actors/failpoint.ts';
import { policyCommands } from '../actors/policy.ts';
import type { Foundation } from '../foundation.ts';
import type { DocumentKind } from '../documents/document.ts';
import { readFolder } from '../documents/folder.ts';
import { policyDocument } from '../documents/policy-document.ts';
import { riskModelDocument } from '../documents/risk-model-document.ts';
import { printFault } from '../documents/yaml.ts';
import type { Responsible } from '../domain/activation.ts';
import { problems, type Refusal } from '../domain/problem.ts';
import { CommandError, exitCodes } from './terminal.ts';

export interface LoadedDocuments {
  /** Versions that came into force now, `name@version`. */
  readonly policies: readonly string[];
  readonly riskModels: readonly string[];
}

/**
 * Brings the documents under `folder/risk-models` and `folder/policies` into force, all of a kind or none, and hands
 * their changes on to the ledger. Loading the same again changes nothing.
 */
export async function loadDocuments(
  { config, sessions, broker }: Pick<Foundation, 'config' | 'sessions' | 'broker'>,
  folder: string,
  people: Responsible,
): Promise<LoadedDocuments> {
  const models = await readOrExit(join(folder, 'risk-models'), riskModelDocument);
  const policies = await readOrExit(join(folder, 'policies'), policyDocument);
  const commands = policyCommands(
    { policy: sessions.of('policy'), risk: sessions.of('risk') },
    armFailpoints(config.failpoints).at('policy'),
  );
  const loadedModels = inForceOrExit(await commands.loadRiskModels(models, people));
  const loadedPolicies = inForceOrExit(await commands.loadPolicies(policies, people));
  // Committed already: a send that fails here is repeated by loading the same documents again.
  await broker.sender('ledger')([...loadedModels.facts, ...loadedPolicies.facts]);
  return { policies: loadedPolicies.activated, riskModels: loadedModels.activated };
}

async function readOrExit<Definition>(
  folder: string,
  kind: DocumentKind<Definition>,
): Promise<readonly Definition[]> {
  const read = await readFolder(folder, kind).catch((cause: Error) => {
    throw new CommandError(`Nothing was loaded: ${cause.message}`, exitCodes.notFound);
  });
  if ('definitions' in read) return read.definitions;
  throw new CommandError(`Nothing was loaded:\n${read.faults.map(printFault).join('\n')}`);
}

function inForceOrExit<Loaded extends object>(
  loading: Loaded | { readonly refusals: readonly Refusal[] },
): Loaded {
  if (!('refusals' in loading)) return loading;
  const reasons = loading.refusals.map(
    ({ reason, detail }) => `${problems[reason].title}: ${detail}. ${problems[reason].remedy}`,
  );
  throw new CommandError(`Nothing was loaded:\n${reasons.join('\n')}`);
}
