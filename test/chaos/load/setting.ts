/** Brings a fresh database into the state in which the load can start: sources, people, a risk model, policies. */
import { randomBytes } from 'node:crypto';
import { policyCommands } from '../../../src/actors/policy.ts';
import { createReviewerCommands } from '../../../src/actors/reviewers.ts';
import { sourceCommands } from '../../../src/actors/source.ts';
import type { Domain } from '../../../src/domain/domains.ts';
import type { PersonId } from '../../../src/domain/ids.ts';
import { isRefusal, type Refusal } from '../../../src/domain/problem.ts';
import { type Database, openDatabase } from '../../../src/stores/database.ts';
import { policies, riskModel } from './documents.ts';
import { AUTHOR, type ChaosPerson, people } from './reviewers.ts';
import { type Secrets, SOURCES } from './submissions.ts';

export interface Setting {
  readonly secrets: Secrets;
  readonly people: readonly ChaosPerson[];
  /** The facts that nobody has told the ledger yet; the reconciler does. */
  readonly author: PersonId;
  readonly approver: PersonId;
}

const TOKEN_DAYS = 2;

export async function prepareSetting(databaseUrl: string): Promise<Setting> {
  const setting = await prepareParties(databaseUrl);
  await loadRiskModel(databaseUrl, setting, 1);
  await loadPolicies(databaseUrl, setting, 1);
  return setting;
}

/** Who sends, and who decides; there is nothing yet that they could decide by. */
export async function prepareParties(databaseUrl: string): Promise<Setting> {
  return withDatabases(databaseUrl, async (of) => {
    const secrets: Secrets = {
      signed: `whsec_${randomBytes(32).toString('base64')}`,
      github: randomBytes(32).toString('hex'),
    };
    await registerSources(of('event'), secrets);
    const commands = createReviewerCommands(of('identity'));
    const added: ChaosPerson[] = [];
    for (const { name, role } of people) {
      const { personId, token } = granted(
        await commands.add({ name, roles: [role], days: TOKEN_DAYS }),
      );
      added.push({ name, role, personId, token });
    }
    const role = 'Compliance Officer';
    const author = granted(await commands.add({ name: AUTHOR, roles: [role] })).personId;
    const approver = added.find((person) => person.role === role)!.personId as PersonId;
    return { secrets, people: added, author, approver };
  });
}

type Responsible = Pick<Setting, 'author' | 'approver'>;

/** Puts the risk model into force, a later version each time. */
export async function loadRiskModel(
  databaseUrl: string,
  { author, approver }: Responsible,
  version: number,
): Promise<void> {
  await withDatabases(databaseUrl, async (of) => {
    const documents = policyCommands({ policy: of('policy'), risk: of('risk') });
    inForce(await documents.loadRiskModels([{ ...riskModel, version }], { author, approver }));
  });
}

/** Puts the policies into force, a later version each time, also while the load runs. */
export async function loadPolicies(
  databaseUrl: string,
  { author, approver }: Responsible,
  version: number,
): Promise<void> {
  await withDatabases(databaseUrl, async (of) => {
    const documents = policyCommands({ policy: of('policy'), risk: of('risk') });
    inForce(await documents.loadPolicies(policies(version), { author, approver }));
  });
}

async function registerSources(database: Database, secrets: Secrets): Promise<void> {
  const commands = sourceCommands(database);
  const sources = [
    { name: SOURCES.signed, kind: 'cloudevents', signatureRequired: true, key: secrets.signed },
    { name: SOURCES.open, kind: 'cloudevents', signatureRequired: false, key: undefined },
    { name: SOURCES.github, kind: 'github', signatureRequired: true, key: secrets.github },
  ];
  for (const { key, ...registration } of sources) {
    const refused = await commands.register(registration);
    if (refused !== undefined) throw new Error(refused.detail);
    if (key !== undefined) granted(await commands.addKey(registration.name, 'hmac-sha256', key));
  }
}

async function withDatabases<T>(
  url: string,
  work: (of: (domain: Domain) => Database) => Promise<T>,
): Promise<T> {
  const opened = new Map<Domain, Database>();
  const of = (domain: Domain): Database => {
    const database =
      opened.get(domain) ??
      openDatabase({
        url,
        domain,
        assumeRole: true,
        connectionsMax: 1,
        onConnectionError: () => {},
      });
    opened.set(domain, database);
    return database;
  };
  try {
    return await work(of);
  } finally {
    await Promise.all([...opened.values()].map((database) => database.close()));
  }
}

function granted<T extends object>(answer: T | Refusal): T {
  if (isRefusal(answer)) throw new Error(answer.detail);
  return answer;
}

function inForce(loading: object | { readonly refusals: readonly Refusal[] }): void {
  if ('refusals' in loading) throw new Error(JSON.stringify(loading.refusals));
}
