/**
 * Databases that are ready for events: migrated, with the source and its key, people, the risk model and the policies in
 * force, all made by the product's own commands. One template for each number of policies; each run works on a copy.
 */
import { policyCommands } from '../../src/actors/policy.ts';
import { createReviewerCommands } from '../../src/actors/reviewers.ts';
import { createLedgerActor } from '../../src/actors/ledger.ts';
import { sourceCommands } from '../../src/actors/source.ts';
import type { Domain, Principal } from '../../src/domain/domains.ts';
import type { PersonId } from '../../src/domain/ids.ts';
import { isRefusal, type Refusal } from '../../src/domain/problem.ts';
import { systemClock } from '../../src/domain/time.ts';
import { migrateQueueStore } from '../../src/queues/broker.ts';
import { BATCH_MESSAGES_MAX, type Message } from '../../src/queues/messages.ts';
import {
  type Database,
  openDatabase,
  QUEUE_ROLE,
  withMigratorClient,
} from '../../src/stores/database.ts';
import { openLedgerStore } from '../../src/stores/ledger.ts';
import { migrate } from '../../src/stores/migrate.ts';
import type { SitePostgres } from '../site/postgres.ts';
import { SOURCE, SOURCE_SECRET } from './events.ts';
import { policiesOf, riskModel } from './policies.ts';

const CONNECTIONS_MAX = 2;
/** Decides alone: the risk model of the benchmark rates everything LOW. */
const REVIEWER = { name: 'bench-reviewer', roles: ['Administrator'] } as const;

export interface Houses {
  /** A new database with so many policies in force; returns its URL. */
  build(name: string, policies: number): Promise<string>;
  drop(name: string): Promise<void>;
  /** Bearer token of the person who may decide, in every database that was built. */
  readonly reviewerToken: string;
}

const EMPTY = 'bench_template';

export async function openHouses(
  postgres: Pick<SitePostgres, 'urlOf' | 'create' | 'drop'>,
): Promise<Houses> {
  await postgres.create(EMPTY);
  const url = postgres.urlOf(EMPTY);
  await migrate(url, { ledgerOrigin: 'bench.example.com' });
  await withMigratorClient(url, (client) => migrateQueueStore(client, QUEUE_ROLE));
  const { token, author, approver } = await settle(url);
  const templates = new Map<number, Promise<string>>();
  const templateWith = (policies: number): Promise<string> => {
    const standing = templates.get(policies);
    if (standing !== undefined) return standing;
    const made = (async () => {
      const name = `${EMPTY}_${policies}`;
      await postgres.create(name, EMPTY);
      await activate(postgres.urlOf(name), policies, { author, approver });
      return name;
    })();
    templates.set(policies, made);
    return made;
  };
  return {
    reviewerToken: token,
    async build(name, policies) {
      const template = await templateWith(policies);
      await postgres.drop(name);
      await postgres.create(name, template);
      return postgres.urlOf(name);
    },
    drop: (name) => postgres.drop(name),
  };
}

/** The source with its key, and the people. */
async function settle(
  url: string,
): Promise<{ token: string; author: PersonId; approver: PersonId }> {
  return withDomains(url, async (of) => {
    const sources = sourceCommands(of('event'));
    granted(await sources.register({ name: SOURCE, kind: 'cloudevents', signatureRequired: true }));
    const secret = `whsec_${SOURCE_SECRET.toString('base64')}`;
    granted(await sources.addKey(SOURCE, 'hmac-sha256', secret));
    const people = createReviewerCommands(of('identity'));
    const officer = async (name: string) =>
      granted(await people.add({ name, roles: ['Compliance Officer'], days: 1 })).personId;
    const author = await officer('bench-author');
    const approver = await officer('bench-approver');
    const { token } = granted(await people.add({ ...REVIEWER, days: 1 }));
    return { token, author, approver };
  });
}

/** The risk model and the policies, and their entries in the ledger: the record is complete before the first event. */
async function activate(
  url: string,
  policies: number,
  people: { author: PersonId; approver: PersonId },
): Promise<void> {
  await withDomains(url, async (of) => {
    const commands = policyCommands({ policy: of('policy'), risk: of('risk') });
    const model = await commands.loadRiskModels([riskModel], people);
    const loaded = await commands.loadPolicies(policiesOf(policies), people);
    for (const one of [model, loaded]) {
      if ('refusals' in one) throw new Error(one.refusals.map(({ detail }) => detail).join('; '));
      await record(of('ledger'), one.facts);
    }
  });
}

async function record(database: Database, facts: readonly Message<'ledger'>[]): Promise<void> {
  const actor = createLedgerActor({ onFactConflict: () => undefined });
  for (let start = 0; start < facts.length; start += BATCH_MESSAGES_MAX) {
    const batch = facts.slice(start, start + BATCH_MESSAGES_MAX);
    await database.transact((tx) => actor.receive(batch, openLedgerStore(tx), systemClock));
  }
}

/** Runs `work` with sessions of the domains that it asks for, and ends them. */
export async function withDomains<T>(
  url: string,
  work: (of: (domain: Domain) => Database) => Promise<T>,
): Promise<T> {
  const databases = new Map<Domain, Database>();
  const of = (domain: Domain) => {
    const standing = databases.get(domain) ?? openDomain(url, domain, CONNECTIONS_MAX);
    databases.set(domain, standing);
    return standing;
  };
  try {
    return await work(of);
  } finally {
    await Promise.all([...databases.values()].map((database) => database.close()));
  }
}

/** Sessions under the role of a domain, as the daemon opens them. */
export function openDomain(url: string, domain: Principal, connectionsMax: number): Database {
  // A lost session also fails the statement that ran into it.
  const onConnectionError = () => undefined;
  return openDatabase({ url, domain, assumeRole: true, connectionsMax, onConnectionError });
}

function granted<T extends object | undefined>(answer: T | Refusal): T {
  if (answer !== undefined && isRefusal(answer)) throw new Error(answer.detail);
  return answer as T;
}
