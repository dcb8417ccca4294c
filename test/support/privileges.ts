/** The rights that every role of the house holds, as the server computes them, as text that people can review. */
import type pg from 'pg';
import { domains } from '../../src/domain/domains.ts';

const schemas = [...domains, 'sentinelops', 'ledger_guard', 'public'];
/** Closed to every domain; what is inside belongs to the release of the queue library. */
const QUEUE_SCHEMA = 'bullmq';

/** One row for each right that a role has beyond everyone's: on what, which, and on which columns when not on all. */
const MATRIX = `
  with role as (
    select rolname::text as name from pg_roles where rolname like 'sentinelops%' union all select 'public'
  ), relation as (
    select c.oid, n.nspname as schema, c.relname::text as name, c.relkind, c.relowner::regrole::text as owner
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = any($1) and c.relkind in ('r', 'v', 'S')
  ), held as (
    select role.name as role, 1 as kind, 'database' as object, privilege, null as columns
    from role cross join unnest(array['CONNECT', 'CREATE', 'TEMPORARY']) as privilege
    where has_database_privilege(role.name, current_database(), privilege)
    union all
    select role.name, 2, 'schema ' || n.nspname, privilege, null
    from role cross join pg_namespace n cross join unnest(array['USAGE', 'CREATE']) as privilege
    where n.nspname = any($1::text[] || $2::text[]) and has_schema_privilege(role.name, n.oid, privilege)
      and n.nspowner::regrole::text <> role.name
    union all
    select n.nspowner::regrole::text, 0, 'owns', 'schema ' || n.nspname, null
    from pg_namespace n where n.nspname = any($1) and n.nspowner::regrole::text like 'sentinelops%'
    union all
    select role.name, 3, format('%s.%s', relation.schema, relation.name), privilege, case
      when has_table_privilege(role.name, relation.oid, privilege) then null
      else (select string_agg(a.attname, ', ' order by a.attnum) from pg_attribute a
            where a.attrelid = relation.oid and a.attnum > 0 and not a.attisdropped
              and has_column_privilege(role.name, relation.oid, a.attnum, privilege)) end
    from role cross join relation
    cross join unnest(array['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) as privilege
    where relation.relkind <> 'S' and relation.owner <> role.name and case
      when privilege in ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES') then has_any_column_privilege(role.name, relation.oid, privilege)
      else has_table_privilege(role.name, relation.oid, privilege) end
    union all
    select role.name, 4, 'sequence ' || format('%s.%s', relation.schema, relation.name), privilege, null
    from role cross join relation cross join unnest(array['USAGE', 'SELECT', 'UPDATE']) as privilege
    where relation.relkind = 'S' and relation.owner <> role.name and has_sequence_privilege(role.name, relation.oid, privilege)
    union all
    select role.name, 5, 'function ' || format('%s.%s', n.nspname, f.proname), 'EXECUTE', null
    from role cross join pg_proc f join pg_namespace n on n.oid = f.pronamespace
    where n.nspname = any($1) and f.proowner::regrole::text <> role.name and has_function_privilege(role.name, f.oid, 'EXECUTE')
  ), own as (
    select role, kind, object, privilege || coalesce(' (' || columns || ')', '') as right from held
    except
    select role.name, kind, object, privilege from role cross join held where held.role = 'public' and role.name <> 'public'
  )
  select role, kind, object, array_agg(own.right order by own.right collate "C") as rights
  from own group by role, kind, object
  order by role collate "C", kind, object collate "C"`;

interface Held {
  readonly role: string;
  readonly object: string;
  readonly rights: readonly string[];
}

/** A section for each role, a line for each object; what is not listed is denied. */
export async function privilegeMatrix(client: pg.Client): Promise<string> {
  const { rows } = await client.query<Held>(MATRIX, [schemas, [QUEUE_SCHEMA]]);
  const roles = [...new Set(rows.map(({ role }) => role))];
  const text = roles.map((role) => {
    const lines = rows
      .filter((held) => held.role === role)
      .map(({ object, rights }) => `  ${object}: ${rights.join(', ')}`);
    return [role === 'public' ? 'public (everyone)' : role, ...lines].join('\n');
  });
  return `${text.join('\n\n')}\n`;
}
