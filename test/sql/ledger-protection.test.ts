import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cloneDatabase, type TestDatabase } from '../support/database.ts';
import { type Attempt, hex, ids, keepChain, SUPERUSER, verdictsOf } from '../support/sql.ts';

let database: TestDatabase;
let client: pg.Client;
let serverVersion: number;

/** Roles of this server, which outlives the database: named for this run, and dropped at its end. */
const WRITES_ALL = `ledger_writes_all_${process.pid}`;
const CREATES_ROLES = `ledger_creates_roles_${process.pid}`;
const OWNER = 'sentinelops_ledger_owner';

beforeAll(async () => {
  database = await cloneDatabase();
  client = await database.superuser();
  const { rows } = await client.query<{ version: number }>(
    `select current_setting('server_version_num')::integer as version`,
  );
  serverVersion = rows[0]!.version;
  await keepChain(client);
  await client.query(`create role ${WRITES_ALL} nologin; grant pg_write_all_data to ${WRITES_ALL};
    create role ${CREATES_ROLES} nologin createrole;`);
});
afterAll(async () => {
  await client.query(`drop role ${WRITES_ALL}, ${CREATES_ROLES}`);
  await database.close();
});

type Attacker = Pick<Attempt, 'role' | 'asReplica'>;
const superuser: Attacker = { role: SUPERUSER };
const replica: Attacker = { role: SUPERUSER, asReplica: true };
const owner: Attacker = { role: OWNER };
const weak: readonly Attacker[] = [
  'sentinelops_ledger',
  'sentinelops_audit',
  'sentinelops_execution',
  'sentinelops_decision_owner',
  WRITES_ALL,
  CREATES_ROLES,
].map((role) => ({ role }));
const everyone: readonly Attacker[] = [...weak, owner, superuser, replica];

/** What attackers came to, where it is not `expected`: one sentence for each. */
async function surprises(
  attackers: readonly Attacker[],
  statements: readonly string[],
  expected: string,
): Promise<string[]> {
  const attempts = attackers.flatMap((attacker) =>
    statements.map((statement) => ({ ...attacker, statement })),
  );
  expect(attempts.length).toBeGreaterThan(0);
  const verdicts = await verdictsOf(client, attempts);
  return attempts.flatMap(({ role, asReplica, statement }, index) =>
    verdicts[index] === expected
      ? []
      : [`${role}${asReplica ? ' as replica' : ''}: ${statement}: ${verdicts[index]}`],
  );
}

/** Insufficient privilege, as the server, a guard or the DDL guard says it. */
const REFUSED = '42501';
/** Also by what depends on the ledger, before any guard is asked. A name that does not exist is no refusal. */
const REFUSALS = new Set([REFUSED, '2BP01', '42P16 decision_is_in_the_ledger']);

const columns =
  'stream, seq, entry_id, entry_type, linked_entity_id, previous_hash, current_hash, entry_data, "timestamp", sealed_at';
const firstEntry = `select ${columns} from ledger.ledger_entry where seq = 0`;
/** A second entry whose hash is `hash` of its own columns. */
const secondEntry = (hash: string) => `
  insert into ledger.ledger_entry (${columns})
  select 0, 1, '${ids.event}', 'ERASURE', '${ids.event}', current_hash, ${hash}, '{"digest":"x"}', sealed_at, sealed_at
  from ledger.ledger_entry where seq = 0`;
const HONEST_HASH = `encode(sha256('\\x00'::bytea || convert_to(ledger.leaf(0::smallint, 1, '${ids.event}', 'ERASURE',
  '${ids.event}', current_hash, '{"digest":"x"}', sealed_at, sealed_at), 'UTF8')), 'hex')`;

describe('rows', () => {
  it.each([
    `update ledger.ledger_entry set entry_data = '{}'`,
    `update ledger.ledger_entry set entry_data = '{}' where false`,
    'delete from ledger.ledger_entry',
    'delete from ledger.ledger_entry where false',
    'truncate ledger.ledger_entry cascade',
    'truncate event.event cascade',
    'truncate decision.decision cascade',
    'with gone as (delete from ledger.ledger_entry returning 1) select count(*) from gone',
    `merge into ledger.ledger_entry e using (values (0)) as v (seq) on e.seq = v.seq
     when matched then update set entry_type = 'EVENT'`,
    `merge into ledger.ledger_entry e using (values (0)) as v (seq) on e.seq = v.seq when matched then delete`,
    `insert into ledger.ledger_entry (${columns}) ${firstEntry}
     on conflict (entry_id) do update set entry_type = excluded.entry_type`,
  ])('are not changed by anybody: %s', async (statement) => {
    expect(await surprises(everyone, [statement], REFUSED)).toEqual([]);
  });

  it('are inserted by nobody but the owner and a superuser, and then only with the hash of their columns', async () => {
    expect(
      await surprises(weak, [secondEntry(HONEST_HASH), secondEntry(`repeat('a', 64)`)], REFUSED),
    ).toEqual([]);
    const strong = [owner, superuser, replica];
    expect(
      await surprises(strong, [secondEntry(`repeat('a', 64)`)], '23514 hash_is_of_this_row'),
    ).toEqual([]);
    expect(await surprises(strong, [secondEntry(HONEST_HASH)], 'allowed')).toEqual([]);
  });

  it('are not copied in past row security', async () => {
    for (const { role } of [...weak, owner]) {
      await client.query(`set session authorization ${role}`);
      const refusal = await client
        .query('copy ledger.ledger_entry from stdin')
        .catch((error: pg.DatabaseError) => error.code);
      await client.query('reset session authorization');
      // Without the privilege 42501; with it, COPY does not work on a table under row security.
      expect([role, refusal]).toEqual([
        role,
        role === WRITES_ALL || role === OWNER ? '0A000' : REFUSED,
      ]);
    }
  });

  it('are read by the ledger, the auditor and the owner alone', async () => {
    const read = ['select from ledger.ledger_entry'];
    const readers = ['sentinelops_ledger', 'sentinelops_audit'];
    expect(
      await surprises(
        weak.filter(({ role }) => !readers.includes(role)),
        read,
        REFUSED,
      ),
    ).toEqual([]);
    expect(await surprises([...readers.map((role) => ({ role })), owner], read, 'allowed')).toEqual(
      [],
    );
  });

  it('a parent that an entry is about is not deleted and not given another id', async () => {
    const statements = [
      `delete from decision.decision where decision_id = '${ids.decision}'`,
      `update decision.decision set decision_id = '${ids.event}' where decision_id = '${ids.decision}'`,
    ];
    expect(await surprises(everyone, statements, REFUSED)).toEqual([]);
    // Past the guards of its own domain it is still kept by the ledger.
    const pastGuards = statements.map(
      (statement) => `do $do$ begin
        alter table decision.decision disable trigger user;
        ${statement};
        set constraints all immediate;
      end $do$`,
    );
    expect(
      (await surprises([superuser], pastGuards, 'allowed')).map((finding) => finding.slice(-30)),
    ).toEqual([expect.stringMatching(/: 23503 \w+$/), expect.stringMatching(/: 23503 \w+$/)]);
  });
});

describe('the protection', () => {
  it.each([
    'alter table ledger.ledger_entry disable trigger all',
    'alter table ledger.ledger_entry disable trigger refuse_change',
    'alter table ledger.ledger_entry enable trigger refuse_change',
    'alter table event.event disable trigger all',
    'alter table execution.execution disable trigger all',
    'drop trigger refuse_change on ledger.ledger_entry',
    'drop table ledger.ledger_entry cascade',
    'drop schema ledger cascade',
    'drop view ledger.entry_for_execution',
    'drop function ledger.append',
    'drop policy entries_are_read on ledger.ledger_entry',
    'drop index ledger.idx_ledger_hash',
    `drop owned by ${OWNER} cascade`,
    'alter table ledger.ledger_entry set unlogged',
    'alter table ledger.ledger_entry rename to entry',
    'alter schema ledger rename to book',
    'alter schema ledger owner to sentinelops_event_owner',
    'alter table ledger.ledger_entry owner to sentinelops_event_owner',
    'alter function ledger.append owner to sentinelops_event_owner',
    'create table public.heir () inherits (ledger.ledger_entry)',
    'create rule swallow as on insert to ledger.ledger_entry do instead nothing',
    'create policy let_in on ledger.ledger_entry for insert with check (true)',
    `create trigger swallow before insert on ledger.ledger_entry for each row execute function suppress_redundant_updates_trigger()`,
    'create index more on ledger.ledger_entry (seq)',
    'create table ledger.copy ()',
    'create function ledger.helper() returns integer language sql as $$ select 1 $$',
    `create or replace function ledger.origin_base() returns text language sql return 'x'`,
    'alter function ledger.leaf immutable',
    'alter function ledger.append reset all',
    'alter function ledger.append security invoker',
    'alter table ledger.ledger_entry no force row level security',
    'alter table ledger.ledger_entry disable row level security',
    'alter table ledger.ledger_entry drop constraint hash_is_of_this_row',
    'alter table ledger.ledger_entry drop constraint entry_of_a_decision',
    'alter table execution.execution drop constraint decision_is_in_the_ledger',
    'alter table ledger.ledger_entry add column note text',
    'alter table ledger.ledger_entry alter column decision_id drop expression',
    'alter table ledger.ledger_entry alter column entry_type set default $$EVENT$$',
    'alter default privileges in schema ledger grant insert on tables to sentinelops_event',
    `alter default privileges for role ${OWNER} grant insert on tables to sentinelops_event`,
    'create or replace function ledger_guard.protection() returns text language sql return $$x$$',
  ])('stands against everybody: %s', async (statement) => {
    const verdicts = await verdictsOf(
      client,
      everyone.map((attacker) => ({ ...attacker, statement })),
    );
    expect(verdicts.filter((verdict) => !REFUSALS.has(verdict))).toEqual([]);
  });

  it.each([
    'grant insert on ledger.ledger_entry to sentinelops_event',
    'grant update (entry_data) on ledger.ledger_entry to sentinelops_event',
    'grant execute on function ledger.append to sentinelops_event',
    'grant usage on schema ledger to sentinelops_event',
    'revoke select on ledger.ledger_entry from sentinelops_audit',
  ])('gives nothing away: %s', async (statement) => {
    expect(await surprises([owner, superuser, replica], [statement], REFUSED)).toEqual([]);
    // To grant what is not yours to give is a warning, not an error; so what counts is what came of it.
    for (const { role } of weak) {
      const asRole = `set local session authorization ${role}; ${statement}`;
      const state = await stateAfter(asRole, 'set local session authorization default').catch(
        (error: pg.DatabaseError) => ({ intact: error.code === REFUSED }),
      );
      expect([role, state.intact]).toEqual([role, true]);
    }
  });

  it('is not loosened by keys that PostgreSQL 18 can switch off', async () => {
    if (serverVersion < 180_000) return;
    const statement =
      'alter table ledger.ledger_entry alter constraint entry_of_a_decision not enforced';
    expect(await surprises(everyone, [statement], REFUSED)).toEqual([]);
  });

  it('is not dropped by its own guard', async () => {
    const statements = [
      'call ledger_guard.suspend()',
      'call ledger_guard.resume()',
      `update ledger_guard.expected set digest = '${hex('0')}'`,
    ];
    expect(await surprises([...weak, owner], statements.slice(0, 2), REFUSED)).toEqual([]);
    expect(
      await surprises(
        [...weak.filter(({ role }) => role !== WRITES_ALL), owner],
        statements.slice(2),
        REFUSED,
      ),
    ).toEqual([]);
  });
});

describe('powers', () => {
  const become = [`set role ${OWNER}`, 'set session_replication_role = replica'];

  it('nobody but a superuser becomes the owner or a replica', async () => {
    expect(await surprises(weak, become, REFUSED)).toEqual([]);
    expect(await surprises([superuser], become, 'allowed')).toEqual([]);
  });

  it('a role that creates roles can make itself the owner on 15, and no longer from 16 on', async () => {
    const grant = `do $do$ begin grant ${OWNER} to ${CREATES_ROLES}; end $do$`;
    const expected = serverVersion < 160_000 ? 'allowed' : REFUSED;
    expect(await surprises([{ role: CREATES_ROLES }], [grant], expected)).toEqual([]);
  });

  it.each([
    [`grant ${OWNER} to sentinelops_event`, `sentinelops_event may become ${OWNER}`],
    ['alter role sentinelops_event createrole', 'sentinelops_event may create roles'],
    ['alter role sentinelops_event bypassrls', 'sentinelops_event bypasses row security'],
    ['alter role sentinelops_event superuser', 'sentinelops_event is superuser'],
    [`alter role ${OWNER} login`, `${OWNER} may log in`],
    [
      'grant pg_write_all_data to sentinelops_event',
      'sentinelops_event may become pg_write_all_data',
    ],
  ])('that triggers cannot see are found afterwards: %s', async (statement, power) => {
    expect((await stateAfter(statement)).new_powers).toContain(power);
  });

  it.each([
    `reassign owned by ${OWNER} to current_user`,
    'alter event trigger ledger_protection_stands disable',
    'alter event trigger ledger_protection_is_not_dropped enable',
    'drop event trigger ledger_protection_stands',
    `update pg_trigger set tgenabled = 'D' where tgrelid = 'ledger.ledger_entry'::regclass and tgname = 'refuse_change'`,
    `update pg_class set relrowsecurity = false where oid = 'ledger.ledger_entry'::regclass`,
  ])('over the catalogue are found afterwards: %s', async (statement) => {
    const state = await stateAfter(statement);
    expect(state.intact).toBe(false);
    expect(state.found).not.toBe(state.expected);
  });

  it('of a superuser who drops the guard leave nothing that could be compared', async () => {
    await expect(stateAfter('drop schema ledger_guard cascade')).rejects.toMatchObject({
      code: '3F000',
    });
  });
});

interface State {
  readonly intact: boolean;
  readonly expected: string;
  readonly found: string;
  readonly new_powers: readonly string[];
}

/** What the comparison says once a superuser, or whoever `statement` becomes, has done this; it is then undone. */
async function stateAfter(statement: string, before = 'select'): Promise<State> {
  await client.query('begin');
  try {
    await client.query(statement);
    await client.query(before);
    const { rows } = await client.query<State>('select * from ledger_guard.state()');
    return rows[0]!;
  } finally {
    await client.query('rollback');
  }
}

describe('migrations', () => {
  it('of other schemas go through', async () => {
    const statements = [
      'create table event.note (note_id uuid primary key, event_id uuid references event.event (event_id))',
      'alter table event.event add column remark text',
      'create index on event.event (correlation_id)',
      'grant select on event.event to sentinelops_audit_owner',
      'create view audit.more as select entry_id from audit.ledger_entry',
      'create schema elsewhere create table t (a integer)',
    ];
    expect(await surprises([superuser], statements, 'allowed')).toEqual([]);
  });

  it('of the ledger go through between suspend and resume, and what they leave is protected then', async () => {
    const { intact } = await stateAfter(`call ledger_guard.suspend();
      create index more on ledger.ledger_entry (seq);
      call ledger_guard.resume();`);
    expect(intact).toBe(true);
    await expect(
      stateAfter(`call ledger_guard.suspend();
        create index more on ledger.ledger_entry (seq);
        call ledger_guard.resume();
        drop index ledger.more`),
    ).rejects.toMatchObject({ code: REFUSED });
  });
});
