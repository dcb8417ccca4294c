-- Guards the guards: a digest over everything that protects schema ledger, and event triggers that refuse whatever
-- changes it. Comparing the digest, not the names in a command, also refuses what carries no name of the ledger, such as a
-- rule, a policy or a table elsewhere that inherits from it.
--
-- It stops mistakes of owners and superusers, not a superuser who means it: who alters the event triggers first gets by.
-- The digest then still differs, which the daemon looks at when it starts and every five minutes.
--
-- A later migration that touches the ledger stands between `call ledger_guard.suspend();` and `call ledger_guard.resume();`,
-- in one file and so in one transaction. Migrations of other schemas need neither.

create schema ledger_guard;
comment on schema ledger_guard is 'What watches over the protection of schema ledger. Owned by the superuser who migrates, not by the ledger.';

create table ledger_guard.expected (
  only_row boolean not null default true constraint expected_key primary key,
  digest varchar(64) not null,
  powers text[] not null,
  stored_at timestamptz not null default now(),
  constraint one_expectation check (only_row)
);
comment on table ledger_guard.expected is 'How the ledger is protected since its last migration.';
comment on column ledger_guard.expected.powers is 'Who could get around the protection then: lines of ledger_guard.powers().';

create function ledger_guard.sorted_acl(acl aclitem[]) returns text
language sql stable set search_path = pg_catalog, pg_temp as $$
  select string_agg(item::text, ',' order by item::text collate "C") from unnest(acl) as item
$$;

create function ledger_guard.protection_lines() returns setof text
language sql stable set search_path = pg_catalog, pg_temp as $$
  with guarded as (
    select oid, nspname, nspowner, nspacl from pg_namespace where nspname in ('ledger', 'ledger_guard')
  ), relation as (
    select c.oid, c.relkind, c.relowner, c.relpersistence, c.relrowsecurity, c.relforcerowsecurity, c.relispartition, c.relreplident,
      c.reloptions, c.relacl
    from pg_class c join guarded on guarded.oid = c.relnamespace
  )
  select concat_ws(' ', 'schema', nspname, nspowner::regrole, ledger_guard.sorted_acl(nspacl)) from guarded
  union all
  -- Whatever is in the schemas, of any kind: nothing can be added or taken away.
  select concat_ws(' ', 'member', pg_describe_object(d.classid, d.objid, d.objsubid))
  from pg_depend d join guarded on d.refclassid = 'pg_namespace'::regclass and d.refobjid = guarded.oid
  union all
  select concat_ws(' ', 'relation', oid::regclass, relkind, relowner::regrole, relpersistence, relrowsecurity, relforcerowsecurity,
    relispartition, relreplident, reloptions::text, ledger_guard.sorted_acl(relacl))
  from relation
  union all
  select concat_ws(' ', 'column', a.attrelid::regclass, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attgenerated, a.attidentity,
    a.attcollation::regcollation, pg_get_expr(v.adbin, v.adrelid), ledger_guard.sorted_acl(a.attacl))
  from relation join pg_attribute a on a.attrelid = relation.oid and a.attnum > 0 and not a.attisdropped
  left join pg_attrdef v on v.adrelid = a.attrelid and v.adnum = a.attnum
  union all
  select concat_ws(' ', 'index', pg_get_indexdef(i.indexrelid), i.indisvalid, i.indisready, i.indislive)
  from relation join pg_index i on i.indrelid = relation.oid
  union all
  select concat_ws(' ', 'constraint', c.conrelid::regclass, c.conname, pg_get_constraintdef(c.oid), c.convalidated)
  from pg_constraint c where exists (select from relation where relation.oid in (c.conrelid, c.confrelid))
  union all
  -- The triggers of a foreign key carry a number in their name, so these are told by their constraint. Half of them
  -- stand on the other table, of another schema.
  select concat_ws(' ', 'trigger', t.tgrelid::regclass, coalesce(c.conname, t.tgname), t.tgfoid::regproc, t.tgtype, t.tgenabled,
    case when not t.tgisinternal then pg_get_triggerdef(t.oid) end)
  from pg_trigger t left join pg_constraint c on c.oid = t.tgconstraint
  where exists (select from relation where relation.oid in (t.tgrelid, t.tgconstrrelid))
  union all
  select concat_ws(' ', 'policy', p.polrelid::regclass, p.polname, p.polcmd, p.polpermissive,
    (select string_agg(coalesce(pg_get_userbyid(nullif(r, 0)), 'public'), ',' order by r::regrole::text collate "C") from unnest(p.polroles) as r),
    pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
  from pg_policy p where exists (select from relation where relation.oid = p.polrelid)
  union all
  select concat_ws(' ', 'rule', r.ev_class::regclass, r.rulename, r.ev_enabled, pg_get_ruledef(r.oid))
  from pg_rewrite r where exists (select from relation where relation.oid = r.ev_class)
  union all
  select concat_ws(' ', 'heir', i.inhrelid::regclass, 'of', i.inhparent::regclass)
  from pg_inherits i join relation on relation.oid = i.inhparent and relation.relkind = 'r'
  union all
  select concat_ws(' ', 'function', f.oid::regprocedure, f.proowner::regrole, ledger_guard.sorted_acl(f.proacl), pg_get_functiondef(f.oid))
  from pg_proc f join guarded on guarded.oid = f.pronamespace where f.prokind in ('f', 'p')
  union all
  select concat_ws(' ', 'default', r.rolname, n.nspname, d.defaclobjtype, ledger_guard.sorted_acl(d.defaclacl))
  from pg_default_acl d join pg_roles r on r.oid = d.defaclrole left join guarded n on n.oid = d.defaclnamespace
  where n.oid is not null or r.rolname = 'sentinelops_ledger_owner'
  union all
  select concat_ws(' ', 'event trigger', e.evtname, e.evtevent, e.evtowner::regrole, e.evtenabled, e.evttags::text, e.evtfoid::regproc)
  from pg_event_trigger e join pg_proc f on f.oid = e.evtfoid join guarded on guarded.oid = f.pronamespace
$$;
comment on function ledger_guard.protection_lines() is 'Everything that protects the ledger, a line each, without a number that differs from database to database.';

create function ledger_guard.protection() returns text
language sql stable set search_path = pg_catalog, pg_temp as $$
  select encode(sha256(convert_to(string_agg(line, E'\n' order by line collate "C"), 'UTF8')), 'hex')
  from ledger_guard.protection_lines() as line
$$;
comment on function ledger_guard.protection() is 'SHA-256 over the sorted lines.';

create function ledger_guard.powers() returns setof text
language sql stable set search_path = pg_catalog, pg_temp as $$
  select format('%s %s', r.rolname, power)
  from pg_roles r
  cross join lateral (values ('is superuser', r.rolsuper), ('may create roles', r.rolcreaterole), ('bypasses row security', r.rolbypassrls),
    ('may log in', r.rolcanlogin and r.rolname = 'sentinelops_ledger_owner')) as has (power, held)
  where held
  union all
  select format('%s may become %s', r.rolname, target.rolname)
  from pg_roles r join pg_roles target on target.oid <> r.oid
  where not r.rolsuper
    and (target.rolname in ('sentinelops_ledger_owner', 'pg_write_all_data') or target.rolsuper or target.rolcreaterole or target.rolbypassrls)
    and pg_has_role(r.oid, target.oid, 'MEMBER')
$$;
comment on function ledger_guard.powers() is 'Who could get around the protection, a line each: roles belong to the cluster, and no trigger sees them change.';

create function ledger_guard.state(out intact boolean, out expected text, out found text, out new_powers text[])
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select e.digest = now.digest, e.digest, now.digest,
    array(select power from ledger_guard.powers() as power where power <> all (e.powers) order by power collate "C")
  from ledger_guard.expected e, ledger_guard.protection() as now (digest)
$$;
comment on function ledger_guard.state() is 'Whether the protection is as the last migration left it, and who has gained a power since.';

create function ledger_guard.refuse_drift() returns event_trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  -- Comparing takes longer than most commands; these protect nothing, unless they stand in the guarded schemas.
  if tg_tag = 'COMMENT' or (tg_tag in ('CREATE FUNCTION', 'CREATE VIEW', 'CREATE INDEX') and not exists (
    select from pg_event_trigger_ddl_commands() where schema_name in ('ledger', 'ledger_guard'))) then
    return;
  end if;
  if ledger_guard.protection() is distinct from (select e.digest from ledger_guard.expected e) then
    raise exception '% would change how the ledger is protected', lower(tg_tag)
      using errcode = '42501', hint = 'Only a migration does that, between ledger_guard.suspend() and ledger_guard.resume().';
  end if;
end
$$;

create procedure ledger_guard.suspend()
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  guard name;
begin
  for guard in select evtname from pg_event_trigger where evtfoid = 'ledger_guard.refuse_drift()'::regprocedure loop
    execute format('alter event trigger %I disable', guard);
  end loop;
end
$$;
comment on procedure ledger_guard.suspend() is 'Lets a migration of the ledger through.';

create procedure ledger_guard.resume()
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  guard name;
begin
  for guard in select evtname from pg_event_trigger where evtfoid = 'ledger_guard.refuse_drift()'::regprocedure loop
    execute format('alter event trigger %I enable always', guard);
  end loop;
  insert into ledger_guard.expected (digest, powers)
  values (ledger_guard.protection(), array(select power from ledger_guard.powers() as power order by power collate "C"))
  on conflict (only_row) do update set digest = excluded.digest, powers = excluded.powers, stored_at = now();
end
$$;
comment on procedure ledger_guard.resume() is 'Takes what stands now as the protection that has to stay.';

create function ledger.set_origin_base(origin_base text) returns text
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  standing text := ledger.origin_base();
begin
  if set_origin_base.origin_base = standing then
    return standing;
  end if;
  if standing is not null then
    raise exception 'this ledger is named % for good; it cannot become %', standing, set_origin_base.origin_base
      using errcode = '55000', hint = 'Entries carry the name under their hash. Another ledger needs another database.';
  end if;
  if (set_origin_base.origin_base !~ '[^0-9a-z./_-]' and length(set_origin_base.origin_base) between 1 and 190) is not true then
    raise exception '% cannot name a ledger', quote_nullable(set_origin_base.origin_base)
      using errcode = '22023', hint = 'A URL without scheme, such as acme.example/ledger: at most 190 of a-z, 0-9 and . / _ -';
  end if;
  call ledger_guard.suspend();
  execute format('create or replace function ledger.origin_base() returns text language sql immutable parallel safe return %L::text',
    set_origin_base.origin_base);
  call ledger_guard.resume();
  return set_origin_base.origin_base;
end
$$;
comment on function ledger.set_origin_base(text) is 'Names this ledger once and for good, and returns the name. For the migrator.';

revoke execute on all functions in schema ledger_guard from public;
revoke execute on all procedures in schema ledger_guard from public;
revoke execute on function ledger.set_origin_base from public;
grant usage on schema ledger_guard to sentinelops_ledger, sentinelops_audit;
grant execute on function ledger_guard.state to sentinelops_ledger, sentinelops_audit;

do $$
begin
  if (select rolsuper from pg_roles where rolname = current_user) then
    create event trigger ledger_protection_stands on ddl_command_end execute function ledger_guard.refuse_drift();
    create event trigger ledger_protection_is_not_dropped on sql_drop execute function ledger_guard.refuse_drift();
  else
    raise warning 'the ledger has no DDL guard: event triggers need a superuser. Its protection is still compared every five minutes.';
  end if;
end
$$;
call ledger_guard.resume();
