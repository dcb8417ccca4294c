import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { domains, roleOf } from '../../src/domain/domains.ts';
import { readSchemaCatalog, type Table } from '../../src/stores/schema-catalog.ts';
import { openMigratorDatabase, QUEUE_ROLE } from '../../src/stores/database.ts';
import { cloneDatabase, type TestDatabase } from '../support/database.ts';
import { type Attempt, keepChain, SUPERUSER, verdictsOf } from '../support/sql.ts';

const applicationRoles = [...domains.map(roleOf), QUEUE_ROLE];
/** Insufficient privilege: what the server says itself, and what our guards say. */
const REFUSED = '42501';

let database: TestDatabase;
let client: pg.Client;
let tables: readonly Table[];

beforeAll(async () => {
  database = await cloneDatabase();
  client = await database.superuser();
  await keepChain(client);
  const db = openMigratorDatabase(database.url);
  ({ tables } = await readSchemaCatalog(db));
  await db.destroy();
});
afterAll(() => database.close());

/** Every attempt that did not come to `expected`, as a sentence. */
async function surprises(attempts: readonly Attempt[], expected: string): Promise<string[]> {
  expect(attempts.length).toBeGreaterThan(0);
  const verdicts = await verdictsOf(client, attempts);
  return attempts.flatMap(({ role, statement, asReplica }, index) =>
    verdicts[index] === expected
      ? []
      : [`${role}${asReplica ? ' as replica' : ''}: ${statement}: ${verdicts[index]}`],
  );
}

function everyone(statement: string): Attempt[] {
  return applicationRoles.map((role) => ({ role, statement }));
}

const nameOf = ({ schema, name }: Table) => `${schema}.${name}`;

describe('an application role', () => {
  it('reads and writes no table of another domain', async () => {
    const attempts = tables.flatMap((table) =>
      applicationRoles
        .filter((role) => role !== roleOf(table.schema as never))
        .flatMap((role) =>
          [
            `select from ${nameOf(table)}`,
            `insert into ${nameOf(table)} default values`,
            `update ${nameOf(table)} set ${table.columns[0]!.name} = default`,
          ].map((statement) => ({ role, statement })),
        ),
    );
    // The one exception: auditors verify the ledger from its own table.
    const expected = attempts.filter(
      ({ role, statement }) =>
        !(role === 'sentinelops_audit' && statement === 'select from ledger.ledger_entry'),
    );
    expect(await surprises(expected, REFUSED)).toEqual([]);
  });

  it.each(['delete from', 'truncate', 'lock table', 'drop table'])(
    'may not %s any table',
    async (verb) => {
      const attempts = tables.flatMap((table) => everyone(`${verb} ${nameOf(table)}`));
      // LOCK TABLE takes what UPDATE takes; the working state is locked by nobody but its functions.
      const expected = attempts.filter(({ role, statement }) => !mayLock(role, statement));
      expect(await surprises(expected, REFUSED)).toEqual([]);
    },
  );

  it.each([
    'create table public.shadow ()',
    'create temporary table shadow ()',
    'create schema shadow',
    'create table event.shadow ()',
    'create function decision.shadow() returns integer language sql as $$ select 1 $$',
    'create or replace view event.event_for_risk as select 1 as event_id',
    'alter table decision.decision disable trigger all',
    'drop trigger decision_is_authorised on decision.decision',
    'create trigger shadow before insert on decision.decision for each row execute function sentinelops.refuse_change()',
    'alter table execution.execution drop constraint decision_is_in_the_ledger',
    'create rule shadow as on insert to decision.approval do instead nothing',
    'create role shadow',
    'alter role sentinelops_event superuser',
    'grant sentinelops_decision to sentinelops_execution',
    'set session_replication_role = replica',
    'set role sentinelops_decision',
    'set role sentinelops_ledger_owner',
    'set role pg_write_all_data',
    `copy event.event from program 'true'`,
    'select from pg_authid',
    'select ledger.set_origin_base(null)',
    'call ledger_guard.suspend()',
    `call sentinelops.guard_append_only('event.event')`,
  ])('is refused: %s', async (statement) => {
    const attempts = everyone(statement).filter(
      ({ role }) => statement !== `set role ${role}` && !statement.includes(`to ${role}`),
    );
    expect(await surprises(attempts, REFUSED)).toEqual([]);
  });

  it('gives nothing away that it may use itself', async () => {
    // GRANT without the right to it is a warning, not an error: so the attempt looks at what came of it.
    const attempts = applicationRoles.map((role) => ({
      role,
      statement: `do $$ begin
        grant select on event.event to sentinelops_queue;
        if not has_table_privilege('sentinelops_queue', 'event.event', 'select') then
          raise insufficient_privilege;
        end if;
      end $$`,
    }));
    expect(await surprises(attempts, REFUSED)).toEqual([]);
  });

  it('calls no function that is not granted to it', async () => {
    const { rows } = await client.query<{ statement: string; role: string }>(
      `select r.rolname as role, format('select %s(%s)', f.oid::regproc, (
           select string_agg(format('null::%s', format_type(t, null)), ', ' order by n)
           from unnest(f.proargtypes) with ordinality as argument (t, n))) as statement
       from pg_proc f join pg_namespace n on n.oid = f.pronamespace cross join pg_roles r
       where n.nspname = any($1) and f.prokind = 'f' and f.prorettype <> 'trigger'::regtype
         and r.rolname = any($2) and not has_function_privilege(r.oid, f.oid, 'execute')`,
      [[...domains, 'sentinelops', 'ledger_guard'], applicationRoles],
    );
    expect(await surprises(rows, REFUSED)).toEqual([]);
  });
});

function mayLock(role: string, statement: string): boolean {
  return (
    statement.startsWith('lock table') &&
    statement.startsWith(`lock table ${role.replace('sentinelops_', '')}.`)
  );
}

describe('a guard holds against the owner, a superuser, and a superuser as replica', () => {
  const everybodyAbove = (table: Table, statement: string): Attempt[] => [
    { role: `sentinelops_${table.schema}_owner`, statement },
    { role: SUPERUSER, statement },
    { role: SUPERUSER, statement, asReplica: true },
  ];
  const guarded = () => tables.filter(({ moving }) => moving !== null);

  it('no row is deleted', async () => {
    const attempts = guarded().flatMap((table) =>
      everybodyAbove(table, `delete from ${nameOf(table)}`),
    );
    expect(await surprises(attempts, REFUSED)).toEqual([]);
  });

  it('no table is truncated, by itself or by cascade', async () => {
    const attempts = guarded().flatMap((table) =>
      everybodyAbove(table, `truncate ${nameOf(table)} cascade`),
    );
    expect(await surprises(attempts, REFUSED)).toEqual([]);
  });

  it('no column changes but those that move', async () => {
    const attempts = guarded().flatMap((table) =>
      table.columns
        .filter(({ name, generated }) => !generated && !table.moving!.includes(name))
        .flatMap(({ name, type }) =>
          everybodyAbove(
            table,
            `update ${nameOf(table)} set "${name}" = ${otherValue(name, type)}`,
          ),
        ),
    );
    expect(await surprises(attempts, REFUSED)).toEqual([]);
  });

  it('a MERGE, an upsert and a DELETE in a CTE are no way around', async () => {
    const ways = [
      'merge into decision.approval a using decision.approval b on a.approval_id = b.approval_id when matched then delete',
      'with gone as (delete from event.event returning 1) select count(*) from gone',
      `insert into event.event_payload (event_id, payload_data) select event_id, '{}' from event.event
       on conflict (event_id) do update set payload_data = '{}'`,
    ];
    const attempts = ways.flatMap((statement) => [
      { role: SUPERUSER, statement },
      { role: SUPERUSER, statement, asReplica: true },
    ]);
    expect(await surprises(attempts, REFUSED)).toEqual([]);
  });
});

/** An expression of the column's type that is none of its values. */
function otherValue(name: string, type: string): string {
  if (type === 'uuid') return 'gen_random_uuid()';
  if (type === 'boolean') return `not "${name}"`;
  if (type === 'bytea') return `'other'`;
  if (type.startsWith('json')) return `'{"other": true}'`;
  if (type.startsWith('timestamp')) return `'2001-01-01'`;
  if (/^(integer|bigint|smallint|numeric)/.test(type)) return `coalesce("${name}", 0) + 1`;
  return `left(coalesce("${name}", '') || 'x', 0) || 'other'`;
}
