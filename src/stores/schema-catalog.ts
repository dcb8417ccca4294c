/**
 * What a migrated database says of itself: tables, foreign keys, guards and grants of the domains, read from the
 * server's catalogs and not from the SQL files, so that nothing here can differ from what is really enforced.
 */
import { type Kysely, sql } from 'kysely';
import { domains } from '../domain/domains.ts';

export interface SchemaCatalog {
  /** In the order of `domains`, then by name. */
  readonly schemas: readonly Schema[];
  readonly tables: readonly Table[];
  readonly foreignKeys: readonly ForeignKey[];
  readonly publications: readonly Publication[];
}

export interface Schema {
  readonly name: string;
  readonly owner: string;
  /** Views that only this schema's own readers see; the query layer consists of nothing else. */
  readonly views: readonly string[];
}

export interface Table {
  readonly schema: string;
  readonly name: string;
  readonly comment: string;
  readonly columns: readonly Column[];
  /** Columns that may still change; none in an append-only table. Null where no guard keeps the rows. */
  readonly moving: readonly string[] | null;
}

export interface Column {
  readonly name: string;
  /** As PostgreSQL prints it: `character varying(64)`. */
  readonly type: string;
  readonly primary: boolean;
  readonly foreign: boolean;
  /** Unique by itself. */
  readonly unique: boolean;
  /** Computed from other columns by the server. */
  readonly generated: boolean;
}

export interface ForeignKey {
  readonly name: string;
  readonly schema: string;
  readonly table: string;
  readonly columns: readonly string[];
  readonly parentSchema: string;
  readonly parentTable: string;
  readonly parentColumns: readonly string[];
  /** A row may have no parent. */
  readonly optional: boolean;
  /** A parent has at most one such row. */
  readonly unique: boolean;
}

/** A view or table that a role of another domain may read. */
export interface Publication {
  readonly schema: string;
  readonly name: string;
  readonly owner: string;
  readonly reader: string;
}

/** Reads the catalogs of the database of `db`; needs no right but to connect. */
export async function readSchemaCatalog(db: Kysely<unknown>): Promise<SchemaCatalog> {
  return {
    schemas: await schemasOf(db),
    tables: await tablesOf(db),
    foreignKeys: await foreignKeysOf(db),
    publications: await publicationsOf(db),
  };
}

/** Every relation of a domain, but for the lines of history that the migrator keeps in each schema. */
const domainRelation = sql`
  select c.oid, n.nspname as schema, c.relname as name, c.relkind as kind, c.relowner as owner, c.relacl as acl,
    array_position(${domains}::text[], n.nspname::text) as place
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where n.nspname = any(${domains}::text[]) and c.relkind in ('r', 'v')
    and c.relname not in ('migration', 'migration_lock')`;

/** Order that no locale of a server can change. */
const byName = sql.raw('collate "C"');

async function schemasOf(db: Kysely<unknown>): Promise<Schema[]> {
  const { rows } = await sql<Schema>`
    with relation as (${domainRelation})
    select n.nspname as "name", n.nspowner::regrole::text as "owner",
      array(select r.name::text from relation r where r.schema = n.nspname and r.kind = 'v' order by r.name ${byName})
        as "views"
    from pg_namespace n where n.nspname = any(${domains}::text[])
    order by array_position(${domains}::text[], n.nspname::text)`.execute(db);
  return rows;
}

async function tablesOf(db: Kysely<unknown>): Promise<Table[]> {
  const { rows } = await sql<Table>`
    with relation as (${domainRelation}), guard as (
      select t.tgrelid, t.tgfoid::regproc::text as function,
        array_remove(string_to_array(encode(t.tgargs, 'escape'), '\\000'), '') as arguments
      from pg_trigger t
      where not t.tgisinternal and t.tgenabled = 'A' and t.tgqual is null
        and t.tgtype & 1 = 1 and t.tgtype & 16 = 16 -- of rows, on UPDATE
    )
    select r.schema as "schema", r.name as "name", coalesce(obj_description(r.oid, 'pg_class'), '') as "comment",
      case
        when exists (select from guard g where g.tgrelid = r.oid and g.function like '%.refuse_change') then '{}'
        else (
          select array(select moved.name from unnest(g.arguments) as moved (name) join pg_attribute a
            on a.attrelid = r.oid and a.attname = moved.name and a.attgenerated = '' order by a.attnum)
          from guard g where g.tgrelid = r.oid and g.function = 'sentinelops.refuse_change_of_other_columns')
      end as "moving",
      (select jsonb_agg(jsonb_build_object(
          'name', a.attname,
          'type', format_type(a.atttypid, a.atttypmod),
          'primary', exists (select from pg_constraint k where k.conrelid = r.oid and k.contype = 'p' and a.attnum = any(k.conkey)),
          'foreign', exists (select from pg_constraint k where k.conrelid = r.oid and k.contype = 'f' and a.attnum = any(k.conkey)),
          'unique', exists (select from pg_constraint k where k.conrelid = r.oid and k.contype = 'u' and k.conkey = array[a.attnum]),
          'generated', a.attgenerated <> ''
        ) order by a.attnum)
       from pg_attribute a where a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped) as "columns"
    from relation r where r.kind = 'r'
    order by r.place, r.name ${byName}`.execute(db);
  return rows;
}

async function foreignKeysOf(db: Kysely<unknown>): Promise<ForeignKey[]> {
  const { rows } = await sql<ForeignKey>`
    with relation as (${domainRelation})
    select k.conname as "name", child.schema as "schema", child.name as "table",
      parent.schema as "parentSchema", parent.name as "parentTable",
      array(select a.attname::text from unnest(k.conkey) with ordinality as key (attnum, n)
        join pg_attribute a on a.attrelid = k.conrelid and a.attnum = key.attnum order by key.n) as "columns",
      array(select a.attname::text from unnest(k.confkey) with ordinality as key (attnum, n)
        join pg_attribute a on a.attrelid = k.confrelid and a.attnum = key.attnum order by key.n) as "parentColumns",
      exists (select from pg_attribute a
        where a.attrelid = k.conrelid and a.attnum = any(k.conkey) and not a.attnotnull) as "optional",
      exists (select from pg_index i
        where i.indrelid = k.conrelid and i.indisunique and i.indpred is null
          and i.indkey::smallint[] <@ k.conkey) as "unique"
    from pg_constraint k
    join relation child on child.oid = k.conrelid
    join relation parent on parent.oid = k.confrelid
    where k.contype = 'f'
    order by child.place, child.name ${byName}, k.conname ${byName}`.execute(db);
  return rows;
}

async function publicationsOf(db: Kysely<unknown>): Promise<Publication[]> {
  const { rows } = await sql<Publication>`
    with relation as (${domainRelation})
    select r.schema as "schema", r.name as "name", r.owner::regrole::text as "owner", g.grantee::regrole::text as "reader"
    from relation r cross join lateral aclexplode(r.acl) as g
    where g.privilege_type = 'SELECT' and g.grantee <> r.owner
      and g.grantee::regrole::text <> 'sentinelops_' || r.schema
    order by g.grantee::regrole::text ${byName}, r.place, r.name ${byName}`.execute(db);
  return rows;
}
