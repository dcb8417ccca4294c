-- Who may act in this database, and the guards that all domains share. Runs first: every other file
-- names these roles.
--
-- Each domain has an owner that cannot log in (it owns the tables and nothing runs as it), and an
-- application role that its actor works under. In production a login is granted the application
-- role; with one DATABASE_URL the pools take it by SET ROLE. Roles belong to the cluster, not to
-- the database, so they may exist already.

do $$
declare
  domains constant text[] := array['identity', 'event', 'policy', 'risk', 'advisory', 'decision',
    'execution', 'ledger', 'audit'];
  -- BullMQ's own schema, when its Postgres backend carries the queues, belongs to no domain.
  applications constant text[] := array(
    select 'sentinelops_' || name from unnest(domains || 'queue'::text) as name);
  owners constant text[] := array(
    select 'sentinelops_' || name || '_owner' from unnest(domains) as name);
  role_name text;
begin
  foreach role_name in array applications || owners
  loop
    continue when exists (select from pg_roles where rolname = role_name);
    begin
      execute format('create role %I nologin noinherit nosuperuser nocreatedb nocreaterole',
        role_name);
    exception
      -- Another database of this cluster is migrated at the same time and was faster.
      when duplicate_object or unique_violation then null;
    end;
  end loop;
  -- Nothing is open to everyone: a role with TEMP could shadow an unqualified name, any login could
  -- connect, and a new function is callable by all unless its owner's defaults say otherwise.
  execute format('revoke temporary, connect on database %I from public', current_database());
  foreach role_name in array applications
  loop
    execute format('grant connect on database %I to %I', current_database(), role_name);
  end loop;
  foreach role_name in array owners
  loop
    execute format('alter default privileges for role %I revoke execute on functions from public',
      role_name);
  end loop;
end
$$;
revoke all on schema public from public;

-- The house's own schema: what every domain's guards call. Every guard is ENABLE ALWAYS: a plain
-- trigger is skipped under session_replication_role = replica.
create schema if not exists sentinelops;

create function sentinelops.refuse_change() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  raise exception '%.% is immutable: % is refused', tg_table_schema, tg_table_name, lower(tg_op)
    using errcode = '42501',
          hint = 'A correction is a new record that refers to the old one.';
end
$$;
comment on function sentinelops.refuse_change() is 'Guard: refuses the change, whoever asks.';

create function sentinelops.refuse_change_of_other_columns() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  changed text;
begin
  -- Whole rows are compared, so a column that is added later is guarded from the start.
  select string_agg(standing.key, ', ' order by standing.key) into changed
  from jsonb_each(to_jsonb(old)) as standing
  join jsonb_each(to_jsonb(new)) as wanted on wanted.key = standing.key
  where standing.key <> all (coalesce(tg_argv, array[]::text[]))
    and standing.value::text is distinct from wanted.value::text;
  if changed is not null then
    raise exception '%.% is immutable in %', tg_table_schema, tg_table_name, changed
      using errcode = '42501',
            hint = 'A correction is a new record that refers to the old one.';
  end if;
  return new;
end
$$;
comment on function sentinelops.refuse_change_of_other_columns() is
  'Guard: refuses an UPDATE that touches any column but those that it is told of.';

create procedure sentinelops.guard_append_only(guarded regclass)
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  execute format('create trigger refuse_change before update or delete on %s
    for each row execute function sentinelops.refuse_change()', guarded);
  execute format('create trigger refuse_truncate before truncate on %s
    for each statement execute function sentinelops.refuse_change()', guarded);
  execute format('alter table %s enable always trigger refuse_change', guarded);
  execute format('alter table %s enable always trigger refuse_truncate', guarded);
end
$$;
comment on procedure sentinelops.guard_append_only(regclass) is
  'Makes every row of a table immutable.';

create procedure sentinelops.guard_keep_rows(guarded regclass, variadic moving name[])
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  execute format('create trigger refuse_delete before delete on %s
    for each row execute function sentinelops.refuse_change()', guarded);
  execute format('create trigger refuse_truncate before truncate on %s
    for each statement execute function sentinelops.refuse_change()', guarded);
  execute format('create trigger refuse_change_of_other_columns before update on %s
    for each row execute function sentinelops.refuse_change_of_other_columns(%s)', guarded, (
      -- A generated column is computed after the BEFORE triggers: the new row lacks it.
      select string_agg(quote_literal(column_name), ', ') from (
        select unnest(moving) as column_name
        union all
        select attname from pg_attribute where attrelid = guarded and attgenerated <> '') as free));
  execute format('alter table %s enable always trigger refuse_delete', guarded);
  execute format('alter table %s enable always trigger refuse_truncate', guarded);
  execute format('alter table %s enable always trigger refuse_change_of_other_columns', guarded);
end
$$;
comment on procedure sentinelops.guard_keep_rows(regclass, name[]) is
  'Keeps the rows of a table for ever and makes all of their columns immutable but the ones named.';

create procedure sentinelops.guard_set_once(guarded regclass, variadic columns name[])
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  guarded_column name;
begin
  foreach guarded_column in array columns
  loop
    execute format('create trigger %1$I before update on %2$s
      for each row when (old.%3$I is not null and new.%3$I is distinct from old.%3$I)
      execute function sentinelops.refuse_change()',
      guarded_column || '_is_set_once', guarded, guarded_column);
    execute format('alter table %s enable always trigger %I', guarded,
      guarded_column || '_is_set_once');
  end loop;
end
$$;
comment on procedure sentinelops.guard_set_once(regclass, name[]) is
  'Makes columns immutable from the moment that they hold a value: what ended stays ended.';

revoke all on function sentinelops.refuse_change(), sentinelops.refuse_change_of_other_columns()
  from public;
revoke all on procedure sentinelops.guard_append_only(regclass),
  sentinelops.guard_keep_rows(regclass, name[]),
  sentinelops.guard_set_once(regclass, name[]) from public;
