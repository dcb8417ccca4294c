-- Who may act in this database. Runs first: every other file names these roles.
--
-- Each domain has an owner that cannot log in (it owns the tables and nothing runs as it), and an application role that
-- its actor works under. In production a login is granted the application role; with one DATABASE_URL the pools take it
-- by SET ROLE. Roles belong to the cluster, not to the database, so they may exist already.

do $$
declare
  domain text;
  role_name text;
begin
  -- Two databases of one cluster may be migrated at once; the second waits here and then finds the roles.
  perform pg_advisory_xact_lock(hashtext('sentinelops roles'));
  foreach domain in array array['identity', 'event', 'policy', 'risk', 'advisory', 'decision', 'execution', 'ledger', 'audit']
  loop
    foreach role_name in array array['sentinelops_' || domain, 'sentinelops_' || domain || '_owner']
    loop
      if not exists (select from pg_roles where rolname = role_name) then
        execute format('create role %I nologin noinherit nosuperuser nocreatedb nocreaterole', role_name);
      end if;
    end loop;
  end loop;
  -- BullMQ's own schema, when its Postgres backend carries the queues.
  if not exists (select from pg_roles where rolname = 'sentinelops_queue') then
    create role sentinelops_queue nologin noinherit nosuperuser nocreatedb nocreaterole;
  end if;
end
$$;

-- Nothing is open to everyone: a role with TEMP could shadow an unqualified name, and PUBLIC could connect.
revoke all on schema public from public;
do $$
begin
  execute format('revoke temporary, connect on database %I from public', current_database());
end
$$;

-- The house's own schema: what every domain's guards call.
create schema if not exists sentinelops;

create function sentinelops.refuse_change() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  raise exception '%.% is immutable: % is refused', tg_table_schema, tg_table_name, lower(tg_op)
    using errcode = '42501',
          hint = 'A correction is a new record that refers to the old one.';
end
$$;
comment on function sentinelops.refuse_change() is
  'Guard of immutable tables: refuses every UPDATE, DELETE and TRUNCATE, whoever asks.';

-- Makes a table append-only. ENABLE ALWAYS: a plain trigger is skipped under session_replication_role = replica.
create procedure sentinelops.guard_append_only(guarded regclass)
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  execute format('create trigger refuse_change before update or delete on %s for each row execute function sentinelops.refuse_change()', guarded);
  execute format('create trigger refuse_truncate before truncate on %s for each statement execute function sentinelops.refuse_change()', guarded);
  execute format('alter table %s enable always trigger refuse_change', guarded);
  execute format('alter table %s enable always trigger refuse_truncate', guarded);
end
$$;
comment on procedure sentinelops.guard_append_only(regclass) is 'Installs the guards of an immutable table.';

-- For tables in which a few columns of a row may still move: rows are never deleted, the table never truncated.
create procedure sentinelops.guard_keep_rows(guarded regclass)
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  execute format('create trigger refuse_delete before delete on %s for each row execute function sentinelops.refuse_change()', guarded);
  execute format('create trigger refuse_truncate before truncate on %s for each statement execute function sentinelops.refuse_change()', guarded);
  execute format('alter table %s enable always trigger refuse_delete', guarded);
  execute format('alter table %s enable always trigger refuse_truncate', guarded);
end
$$;
comment on procedure sentinelops.guard_keep_rows(regclass) is 'Installs the guards of a table whose rows are kept for ever.';

revoke all on function sentinelops.refuse_change() from public;
revoke all on procedure sentinelops.guard_append_only(regclass) from public;
revoke all on procedure sentinelops.guard_keep_rows(regclass) from public;
