-- The life cycle of a policy as separate acts of separate people: who brings a version into force is
-- kept beside who wrote and who approved it, and a version that was replaced can come back at once,
-- under its own number.

set local role sentinelops_policy_owner;

alter table policy.policy
  add column activator uuid constraint policy_activated_by_a_person
    references identity.person (person_id);
comment on column policy.policy.activator is
  'Who brought the version into force the last time; null in versions from before this column.';
comment on column policy.policy.active_from is
  'When this version came into force, by the database''s clock, the last time that it did; active_to '
  'when it left. Earlier periods stand in policy_change.';

-- What was replaced may come back, so a version can be active and deprecated more than once.
alter table policy.policy_change drop constraint each_status_reached_once;
create index idx_policy_change_version on policy.policy_change (policy_id, version, to_status);

create or replace function policy.policy_moves_forward() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if tg_op = 'INSERT' then
    if new.status <> 'draft' or new.activator is not null then
      raise exception 'a policy version starts as draft' using errcode = '42501';
    end if;
    return null;
  end if;
  if (old.status, new.status) not in (('draft', 'approved'), ('approved', 'active'),
    ('active', 'deprecated'), ('deprecated', 'active')) then
    raise exception 'a policy does not go from % to %', old.status, new.status
      using errcode = '42501';
  end if;
  if new.status = 'approved' and not exists (
    select from policy.policy_approval a
    where a.policy_id = new.policy_id and a.version = new.version
      and a.person_id <> new.author) then
    raise exception 'version % of policy % needs the approval of someone other than its author',
      new.version, new.name
      using errcode = '42501';
  end if;
  if new.status = 'active' then
    if new.activator is null or new.activator = new.author then
      raise exception 'version % of policy % is activated by someone other than its author',
        new.version, new.name
        using errcode = '42501';
    end if;
    if not exists (select from identity.person_role_for_policy r
      where r.person_id = new.activator and r.role = 'Compliance Officer') then
      raise exception 'only a Compliance Officer activates policies' using errcode = '42501';
    end if;
    if new.definition ->> 'activation' = 'third person' and exists (
      select from policy.policy_approval a
      where a.policy_id = new.policy_id and a.version = new.version
        and a.person_id = new.activator) then
      raise exception 'version % of policy % is activated by a third person', new.version, new.name
        using errcode = '42501';
    end if;
    if new.active_from < old.active_to then
      raise exception 'version % of policy % was in force at that time already', new.version,
        new.name
        using errcode = '42501';
    end if;
  elsif (new.activator, new.active_from) is distinct from (old.activator, old.active_from) then
    raise exception 'who activated a version, and when, is kept until it is activated again'
      using errcode = '42501';
  end if;
  if new.active_to < new.active_from or exists (
    select from policy.policy p
    where p.policy_id = new.policy_id and p.version <> new.version
      and tstzrange(p.active_from, p.active_to) && tstzrange(new.active_from, new.active_to)
      and p.active_from is not null and new.active_from is not null) then
    raise exception 'version % of policy % would be in force beside another', new.version, new.name
      using errcode = '42501';
  end if;
  return null;
end
$$;

-- A version that comes back has a new period. It moves with the status alone, which the function
-- above sees to: it refuses every update that is no move.
drop trigger active_from_is_set_once on policy.policy;
drop trigger active_to_is_set_once on policy.policy;

create or replace view policy.policy_for_audit as
  select policy_id, version, status, description, regulatory_reference, priority_level, created_at,
    updated_at, name, title, definition, definition_sha256, author, active_from, active_to,
    activator
  from policy.policy;

grant update (activator) on policy.policy to sentinelops_policy;

reset role;
drop trigger refuse_change_of_other_columns on policy.policy;
create trigger refuse_change_of_other_columns before update on policy.policy
  for each row execute function sentinelops.refuse_change_of_other_columns('status', 'active_from',
    'active_to', 'updated_at', 'activator');
alter table policy.policy enable always trigger refuse_change_of_other_columns;
