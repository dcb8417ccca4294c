/** A database with people and events in it, for tests of what weighs and evaluates them. */
import type pg from 'pg';
import { policyCommands, type PolicyCommands } from '../../src/actors/policy.ts';
import { acceptEvent } from '../../src/domain/event.ts';
import { type EventId, type PersonId, uuidOf } from '../../src/domain/ids.ts';
import type { JsonValue } from '../../src/domain/json.ts';
import type { PolicyDefinition } from '../../src/domain/policy.ts';
import type { RiskModelDefinition } from '../../src/domain/risk.ts';
import { timestampOfMs } from '../../src/domain/time.ts';
import type { Database } from '../../src/stores/database.ts';
import { openEventStore } from '../../src/stores/event.ts';
import { cloneDatabase, type TestDatabase } from './database.ts';
import { registerSources } from './sources.ts';

export interface WeighedDatabase {
  readonly test: TestDatabase;
  readonly client: pg.Client;
  readonly author: PersonId;
  readonly approver: PersonId;
  readonly commands: PolicyCommands;
  open(domain: 'risk' | 'advisory' | 'policy'): Database;
  /** Keeps events of the source `acme` and the type `com.example.thing`; the data decide what becomes of them. */
  keepEvents(data: readonly JsonValue[]): Promise<readonly EventId[]>;
  /** Brings these into force; throws what is refused. */
  load(
    policies: readonly PolicyDefinition[],
    models?: readonly RiskModelDefinition[],
  ): Promise<void>;
  close(): Promise<void>;
}

export async function openWeighedDatabase(): Promise<WeighedDatabase> {
  const test = await cloneDatabase();
  const client = await test.superuser();
  const [author, approver] = await keepOfficers(client, ['alice', 'bob']);
  const people = { author: author!, approver: approver! };
  const event = test.open('event');
  await registerSources(event, [{ name: 'acme', kind: 'cloudevents', signatureRequired: false }]);
  const commands = policyCommands({ policy: test.open('policy'), risk: test.open('risk') });
  let count = 0;
  return {
    test,
    client,
    ...people,
    commands,
    open: (domain) => test.open(domain),
    async keepEvents(data) {
      const events = data.map((one) => {
        count += 1;
        const named = { source: 'acme', id: String(count), type: 'com.example.thing' };
        const claim = { ...named, subject: `thing ${count}`, time: null, correlationId: null };
        return acceptEvent({ ...claim, data: one }, timestampOfMs(1_767_323_045_678), null);
      });
      await event.transact((tx) => openEventStore(tx).keepEvents(events));
      return events.map(({ eventId }) => eventId);
    },
    async load(policies, models = []) {
      const loadings = [
        await commands.loadPolicies(policies, people),
        await commands.loadRiskModels(models, people),
      ];
      const refusals = loadings.flatMap((loading) =>
        'refusals' in loading ? loading.refusals : [],
      );
      if (refusals.length > 0) throw new Error(refusals.map(({ detail }) => detail).join('\n'));
    },
    close: () => test.close(),
  };
}

/** Compliance Officers by these names. */
export async function keepOfficers(
  client: pg.Client,
  names: readonly string[],
): Promise<readonly PersonId[]> {
  const people = names.map((name) => uuidOf<PersonId>('person of a test', name));
  await client.query(
    `insert into identity.person (person_id, name) select * from unnest($1::uuid[], $2::text[])`,
    [people, names],
  );
  await client.query(
    `insert into identity.role_grant (person_id, role) select unnest($1::uuid[]), 'Compliance Officer'`,
    [people],
  );
  return people;
}

/** Changes rows of an immutable table, as a superuser who means it can: past the triggers and the guard of the triggers. */
export async function alterBehind(
  client: pg.Client,
  table: string,
  statement: string,
): Promise<void> {
  await client.query(`
    alter event trigger ledger_protection_stands disable;
    alter table ${table} disable trigger all;
    ${statement};
    alter table ${table} enable trigger all`);
}

/** Resolves when a session of this domain waits for an advisory lock. */
export async function untilWaiting(client: pg.Client, domain: string): Promise<void> {
  for (;;) {
    const { rowCount } = await client.query(
      `select from pg_stat_activity where application_name = $1 and wait_event = 'advisory'
       and datname = current_database()`,
      [`sentinelops ${domain}`],
    );
    if (rowCount !== 0) return;
    await new Promise((resolve) => {
      setTimeout(resolve, 5);
    });
  }
}
