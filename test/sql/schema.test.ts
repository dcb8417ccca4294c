/** What holds for every table, view, function and trigger, read from the migrated catalogs. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { domains } from '../../src/domain/domains.ts';
import { openMigratorDatabase } from '../../src/stores/database.ts';
import { SQL_DIRECTORY } from '../../src/stores/migration-files.ts';
import { readSchemaCatalog, type SchemaCatalog } from '../../src/stores/schema-catalog.ts';
import { cloneDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;
let client: pg.Client;
let catalog: SchemaCatalog;
beforeAll(async () => {
  database = await cloneDatabase();
  client = await database.superuser();
  const db = openMigratorDatabase(database.url);
  catalog = await readSchemaCatalog(db);
  await db.destroy();
});
afterAll(() => database.close());

const schemas = [...domains, 'sentinelops', 'ledger_guard'];
/** Where rows come in with every event. */
const pipelineSchemas: readonly string[] = ['event', 'risk', 'advisory', 'decision', 'execution'];
/** The migrator's own lines of history are kysely's tables. */
const notHistory = `not in ('migration', 'migration_lock')`;

async function texts(query: string, values: readonly unknown[] = [schemas]): Promise<string[]> {
  const { rows } = await client.query<{ text: string }>(query, [...values]);
  return rows.map(({ text }) => text);
}

describe('tables', () => {
  it('are there, in every domain but the query layer', () => {
    const owning = new Set(catalog.tables.map(({ schema }) => schema));
    expect(domains.filter((domain) => !owning.has(domain))).toEqual(['audit']);
  });

  it('say what they are for', () => {
    expect(catalog.tables.filter(({ comment }) => comment === '')).toEqual([]);
  });

  it('keep their rows, but for working state', () => {
    const working = catalog.tables.filter(({ moving }) => moving === null);
    expect(working.map(({ schema, name }) => `${schema}.${name}`)).toEqual([
      'event.suspect_claim',
      'ledger.heartbeat',
    ]);
  });

  it('belong to the owner of their schema, which nobody can log in as or become', async () => {
    expect(
      await texts(
        `select format('%s of %s', c.oid::regclass, c.relowner::regrole) as text
         from pg_class c join pg_namespace n on n.oid = c.relnamespace
         where n.nspname = any($1) and c.relname ${notHistory} and c.relkind in ('r', 'v')
           and c.relowner::regrole::text <> 'sentinelops_' || n.nspname || '_owner'`,
        [domains],
      ),
    ).toEqual([]);
    expect(
      await texts(
        `select rolname as text from pg_roles where rolname like 'sentinelops%' and (rolcanlogin or rolsuper or rolcreaterole
           or rolcreatedb or rolbypassrls or rolreplication)
         union all
         select format('%s in %s', member::regrole, roleid::regrole) from pg_auth_members
         where roleid::regrole::text like 'sentinelops%' and not (select rolsuper from pg_roles where oid = member)`,
        [],
      ),
    ).toEqual([]);
  });
});

describe('constraints', () => {
  it('have names that state a rule, none that a server made up', async () => {
    // PostgreSQL 18 also lists NOT NULL as a constraint, under a name of its own.
    const generated = await texts(
      `select format('%s on %s', k.conname, k.conrelid::regclass) as text
       from pg_constraint k join pg_namespace n on n.oid = k.connamespace left join pg_class c on c.oid = k.conrelid
       where n.nspname = any($1) and k.contype <> 'n' and c.relname ${notHistory}
         and k.conname ~ '_(pkey|fkey|check|excl|key[0-9]+|check[0-9]+)$'`,
    );
    expect(generated).toEqual([]);
    // PostgreSQL calls a unique key <table>_<columns>_key; a primary key of ours is <table>_key.
    const keys = await texts(
      `select format('%s on %s', k.conname, k.conrelid::regclass) as text
       from pg_constraint k join pg_namespace n on n.oid = k.connamespace join pg_class c on c.oid = k.conrelid
       where n.nspname = any($1) and c.relname ${notHistory}
         and ((k.contype = 'p' and k.conname <> c.relname || '_key') or (k.contype = 'u' and k.conname like '%\\_key'))`,
    );
    expect(keys).toEqual([]);
  });

  it('are all validated and enforced', async () => {
    expect(
      await texts(
        `select conname as text from pg_constraint k join pg_namespace n on n.oid = k.connamespace
         where n.nspname = any($1) and not convalidated`,
      ),
    ).toEqual([]);
  });

  it('follow no row into a change: no foreign key cascades', async () => {
    expect(
      await texts(
        `select conname as text from pg_constraint k join pg_namespace n on n.oid = k.connamespace
         where n.nspname = any($1) and contype = 'f' and (confdeltype <> 'a' or confupdtype <> 'a')`,
      ),
    ).toEqual([]);
  });
});

describe('foreign keys', () => {
  /** Parents are never deleted, so an index is for reading; nobody reads children by these. */
  const readByNobody = [
    // People: who did what is read from the row itself.
    'discarded_by_a_person',
    'redriven_by_a_person',
    'policy_activated_by_a_person',
    'policy_author_is_a_person',
    'policy_changed_by_a_person',
    'policy_approved_by_a_person',
    'model_author_is_a_person',
    'model_approver_is_a_person',
    'model_changed_by_a_person',
    'approval_by_a_person',
    'approval_under_a_delegation',
    // An assessment has one evaluation, which leads to its advisories.
    'advisory_of_an_assessment',
    'assessment_under_a_model_version',
    'review_under_a_policy_version',
    // Entries are found by linked_entity_id.
    'entry_of_a_dead_letter',
    'entry_of_a_decision',
    'entry_of_a_model_version',
    'entry_of_a_policy_version',
    'entry_of_an_advisory',
    'entry_of_an_assessment',
    'entry_of_an_evaluation',
    'entry_of_an_event',
    'entry_of_an_execution',
  ];

  it('have an index that starts with one of their columns, where children are read by their parent', async () => {
    const bare = await texts(
      `select k.conname as text from pg_constraint k join pg_namespace n on n.oid = k.connamespace
       where n.nspname = any($1) and k.contype = 'f' and not exists (
         select from pg_index i where i.indrelid = k.conrelid and i.indkey[0] = any(k.conkey))
       order by k.conname`,
    );
    expect(bare.toSorted()).toEqual(readByNobody.toSorted());
  });

  it('are checked by key from the first row on: tables that grow get no statistics while they are small', async () => {
    const slow = ['event.source', 'event.dead_letter', 'risk.risk_model'];
    const parents = new Set(
      catalog.foreignKeys
        .filter(({ parentSchema }) => pipelineSchemas.includes(parentSchema))
        .map(({ parentSchema, parentTable }) => `${parentSchema}.${parentTable}`)
        .filter((parent) => !slow.includes(parent)),
    );
    expect(parents.size).toBeGreaterThan(5);
    const patient = await texts(
      `select c.oid::regclass::text as text from pg_class c join pg_namespace n on n.oid = c.relnamespace
       where n.nspname = any($1) and c.reloptions::text like '%autovacuum_analyze_threshold=5000%'`,
    );
    expect(patient.toSorted()).toEqual([...parents].toSorted());
  });

  it('lead from a domain only to those before it, but for the ledger, which every stage refers to in time', () => {
    // Tables of ledger and execution point at each other, rows never do: an execution needs the entry of its decision.
    const order: readonly string[] = [
      'identity',
      'event',
      'policy',
      'risk',
      'advisory',
      'decision',
      'execution',
      'ledger',
    ];
    const backwards = catalog.foreignKeys.filter(
      ({ schema, parentSchema }) => order.indexOf(parentSchema) > order.indexOf(schema),
    );
    expect(backwards.map(({ name }) => name)).toEqual(['decision_is_in_the_ledger']);
  });
});

describe('views', () => {
  it('are published to one domain each, the one in their name', async () => {
    const strays = catalog.publications.flatMap(({ schema, name, reader }) => {
      const consumer = name.split('_for_')[1];
      return reader === `sentinelops_${consumer}` || reader === `sentinelops_${consumer}_owner`
        ? []
        : [`${schema}.${name} to ${reader}`];
    });
    // Auditors recompute the chain from the table itself, and so does the signer.
    expect(strays).toEqual([
      'ledger.ledger_entry to sentinelops_audit',
      'ledger.ledger_entry to sentinelops_signer',
    ]);
  });

  it('run with the rights of their owner, which is all that their reader needs', async () => {
    expect(
      await texts(
        `select c.oid::regclass::text as text from pg_class c join pg_namespace n on n.oid = c.relnamespace
         where n.nspname = any($1) and c.relkind = 'v' and c.reloptions::text like '%security_invoker%'`,
      ),
    ).toEqual([]);
  });

  it('are barriers where they keep rows of a table back', async () => {
    // A function of the reader's could otherwise be run on the rows that the view hides.
    expect(
      await texts(
        `select c.oid::regclass::text as text from pg_class c join pg_namespace n on n.oid = c.relnamespace
         where n.nspname = any($1) and n.nspname <> 'audit' and c.relkind = 'v' and c.relname like '%\\_for\\_%'
           and pg_get_viewdef(c.oid) ~ 'WHERE [^;]*(status|IS NOT NULL|outcome|entry_type)'
           and pg_get_viewdef(c.oid) !~ 'SELECT count'
           and coalesce(c.reloptions::text, '') not like '%security_barrier%'`,
      ),
    ).toEqual([]);
  });
});

describe('functions and triggers', () => {
  it('are called by nobody to whom they were not granted', async () => {
    expect(
      await texts(
        `select f.oid::regprocedure::text as text from pg_proc f join pg_namespace n on n.oid = f.pronamespace
         where n.nspname = any($1) and has_function_privilege('public', f.oid, 'execute')`,
      ),
    ).toEqual([]);
  });

  it('look nothing up by an unqualified name, when they run with other rights than their caller', async () => {
    expect(
      await texts(
        `select f.oid::regprocedure::text as text from pg_proc f join pg_namespace n on n.oid = f.pronamespace
         where n.nspname = any($1) and (f.prosecdef or f.prorettype in ('trigger'::regtype, 'event_trigger'::regtype))
           and coalesce(f.proconfig::text, '') not like '%search_path=pg_catalog, pg_temp%'`,
      ),
    ).toEqual([]);
  });

  it('fire always: none is skipped under session_replication_role = replica', async () => {
    const triggers = await texts(
      `select format('%s on %s: %s', t.tgname, t.tgrelid::regclass, t.tgenabled) as text
       from pg_trigger t join pg_class c on c.oid = t.tgrelid join pg_namespace n on n.oid = c.relnamespace
       where n.nspname = any($1) and not t.tgisinternal`,
    );
    expect(triggers.length).toBeGreaterThan(50);
    expect(triggers.filter((trigger) => !trigger.endsWith(': A'))).toEqual([]);
  });
});

describe('files', () => {
  it('list the columns that they read, and say first why they are there', async () => {
    const paths = (await readdir(SQL_DIRECTORY, { recursive: true })).filter((path) =>
      path.endsWith('.sql'),
    );
    expect(paths.length).toBeGreaterThan(10);
    const findings = await Promise.all(
      paths.map(async (path) => {
        const text = await readFile(join(SQL_DIRECTORY, path), 'utf8');
        return [
          ...(/select \*|\b\w\.\*/i.test(text.replaceAll(/--.*/g, ''))
            ? [`${path} selects *`]
            : []),
          ...(text.startsWith('-- ') ? [] : [`${path} does not begin with its purpose`]),
        ];
      }),
    );
    expect(findings.flat()).toEqual([]);
  });
});
