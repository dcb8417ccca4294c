-- Policies: what an organisation has decided to watch, in versions that never change once they are
-- active.

create schema if not exists policy;
alter schema policy owner to sentinelops_policy_owner;
set local role sentinelops_policy_owner;

create table policy.policy (
  policy_id uuid not null,
  version integer not null,
  status varchar(20) not null,
  description text not null,
  regulatory_reference varchar(200) not null,
  priority_level integer not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  name varchar(100) not null,
  title varchar(200) not null,
  definition jsonb not null,
  definition_sha256 varchar(64) not null,
  author uuid not null constraint policy_author_is_a_person references identity.person (person_id),
  active_from timestamptz,
  active_to timestamptz,
  constraint policy_key primary key (policy_id, version),
  constraint one_version_per_name unique (name, version),
  constraint version_starts_at_one check (version >= 1),
  constraint status_is_known check (status in ('draft', 'approved', 'active', 'deprecated')),
  constraint priority_is_one_to_five check (priority_level between 1 and 5),
  constraint active_from_its_activation
    check ((status in ('active', 'deprecated') and active_from is not null)
    or (status in ('draft', 'approved') and active_from is null)),
  constraint deprecated_has_an_end check ((status = 'deprecated') = (active_to is not null))
);
comment on table policy.policy is
  'One row for each version of a policy. A definition never changes; only the status moves, '
  'forward.';
comment on column policy.policy.policy_id is
  'Derived from the name: the same policy in every version.';
comment on column policy.policy.regulatory_reference is
  'The control that the policy serves, such as SOC 2 CC6.1.';
comment on column policy.policy.priority_level is '1 is shown first, 5 last.';
comment on column policy.policy.definition is
  'The whole document: applies_to, conditions, recommendations, required authority.';
comment on column policy.policy.definition_sha256 is
  'SHA-256 of the canonical JSON of the definition.';
comment on column policy.policy.active_from is
  'When this version came into force, by the database''s clock; active_to when it left.';
create index idx_policy_status on policy.policy (status);
create index idx_policy_priority on policy.policy (priority_level);
create unique index one_active_version_per_policy on policy.policy (policy_id)
  where status = 'active';

create table policy.policy_condition (
  condition_id uuid constraint policy_condition_key primary key,
  policy_id uuid not null,
  policy_version integer not null,
  condition_type varchar(50) not null,
  condition_expression text not null,
  created_at timestamptz not null default now(),
  position varchar(200) not null,
  constraint condition_of_a_policy_version
    foreign key (policy_id, policy_version) references policy.policy (policy_id, version),
  constraint one_condition_per_position unique (policy_id, policy_version, position)
);
comment on table policy.policy_condition is
  'The leaves of each version''s condition tree, one row each, for search and for references from '
  'outside.';
comment on column policy.policy_condition.condition_type is 'The operator.';
comment on column policy.policy_condition.condition_expression is
  'The json-rules-engine condition as JSON text.';
comment on column policy.policy_condition.position is 'Where in the tree it stands: all.0.any.1';
create index idx_policy_condition on policy.policy_condition (policy_id);

create table policy.policy_approval (
  policy_id uuid not null,
  version integer not null,
  person_id uuid not null constraint policy_approved_by_a_person
    references identity.person (person_id),
  approved_at timestamptz not null default now(),
  constraint policy_approval_key primary key (policy_id, version, person_id),
  constraint approval_of_a_policy_version
    foreign key (policy_id, version) references policy.policy (policy_id, version)
);
comment on table policy.policy_approval is 'Who, other than its author, stands for a version.';

create table policy.policy_change (
  change_id uuid constraint policy_change_key primary key,
  policy_id uuid not null,
  version integer not null,
  from_status varchar(20),
  to_status varchar(20) not null,
  definition_sha256 varchar(64) not null,
  actor uuid not null constraint policy_changed_by_a_person references identity.person (person_id),
  changed_at timestamptz not null default now(),
  row_digest varchar(64) not null,
  constraint change_of_a_policy_version
    foreign key (policy_id, version) references policy.policy (policy_id, version),
  constraint each_status_reached_once unique (policy_id, version, to_status)
);
comment on table policy.policy_change is
  'Every change of status of every version, with the person who made it. A ledger fact each.';
create index idx_policy_change_changed on policy.policy_change (changed_at);

-- The guards below look at what was kept, after the fact (AFTER INSERT): a repeat that ON CONFLICT
-- DO NOTHING drops is no attempt to change anything, even if its row could not be inserted again
-- today.

create function policy.policy_moves_forward() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if tg_op = 'INSERT' then
    if new.status <> 'draft' then
      raise exception 'a policy version starts as draft' using errcode = '42501';
    end if;
    return null;
  end if;
  if (old.status, new.status) not in (('draft', 'approved'), ('approved', 'active'),
    ('active', 'deprecated')) then
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
create trigger policy_moves_forward after insert or update on policy.policy
  for each row execute function policy.policy_moves_forward();
alter table policy.policy enable always trigger policy_moves_forward;

create function policy.conditions_are_those_of_a_draft() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  late record;
begin
  select p.name, p.version into late
  from kept join policy.policy p on p.policy_id = kept.policy_id and p.version = kept.policy_version
  where p.status <> 'draft' limit 1;
  if found then
    raise exception 'version % of policy % is no draft: its conditions are immutable', late.version,
      late.name
      using errcode = '42501', hint = 'Write a new version.';
  end if;
  return null;
end
$$;
create trigger conditions_are_those_of_a_draft after insert on policy.policy_condition
  referencing new table as kept for each statement
  execute function policy.conditions_are_those_of_a_draft();
alter table policy.policy_condition enable always trigger conditions_are_those_of_a_draft;

create function policy.approver_is_not_the_author() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if exists (select from policy.policy p
    where p.policy_id = new.policy_id and p.version = new.version and p.author = new.person_id) then
    raise exception 'the author of a policy cannot approve it' using errcode = '42501';
  end if;
  if not exists (select from identity.person_role_for_policy r
    where r.person_id = new.person_id and r.role = 'Compliance Officer') then
    raise exception 'only a Compliance Officer approves policies' using errcode = '42501';
  end if;
  return null;
end
$$;
create trigger approver_is_not_the_author after insert on policy.policy_approval
  for each row execute function policy.approver_is_not_the_author();
alter table policy.policy_approval enable always trigger approver_is_not_the_author;

create view policy.policy_for_advisory with (security_barrier) as
  select policy_id, version, name, title, description, regulatory_reference, priority_level,
    definition, definition_sha256
  from policy.policy where status = 'active';
create view policy.policy_for_decision as
  select policy_id, version, status, name, title, description, regulatory_reference, priority_level,
    definition, definition_sha256, author
  from policy.policy;
create view policy.policy_for_execution as
  select policy_id, version, definition_sha256 from policy.policy;
create view policy.policy_change_for_ledger as
  select change_id as linked_entity_id, null::uuid as event_id, row_digest as digest, policy_id,
    version as policy_version, from_status, to_status,
    definition_sha256, actor, changed_at as "timestamp"
  from policy.policy_change;
create view policy.policy_for_audit as
  select policy_id, version, status, description, regulatory_reference, priority_level, created_at,
    updated_at, name, title, definition, definition_sha256, author, active_from, active_to
  from policy.policy;
create view policy.policy_change_for_audit as
  select change_id, policy_id, version, from_status, to_status, definition_sha256, actor,
    changed_at, row_digest
  from policy.policy_change;
create view policy.policy_approval_for_audit as
  select policy_id, version, person_id, approved_at from policy.policy_approval;

grant usage on schema policy to sentinelops_policy, sentinelops_advisory, sentinelops_decision,
  sentinelops_decision_owner, sentinelops_execution, sentinelops_ledger,
  sentinelops_audit_owner, sentinelops_advisory_owner, sentinelops_ledger_owner;
grant select, insert on policy.policy, policy.policy_condition, policy.policy_approval,
  policy.policy_change to sentinelops_policy;
grant update (status, active_from, active_to, updated_at) on policy.policy to sentinelops_policy;
grant select on policy.policy_for_advisory to sentinelops_advisory;
grant select on policy.policy_for_decision to sentinelops_decision;
grant select on policy.policy_for_execution to sentinelops_execution;
grant select on policy.policy_change_for_ledger to sentinelops_ledger;
grant select on policy.policy_for_audit, policy.policy_change_for_audit,
  policy.policy_approval_for_audit to sentinelops_audit_owner;
grant references (policy_id, version) on policy.policy
  to sentinelops_advisory_owner, sentinelops_decision_owner, sentinelops_ledger_owner;

reset role;
call sentinelops.guard_keep_rows('policy.policy', 'status', 'active_from', 'active_to',
  'updated_at');
call sentinelops.guard_set_once('policy.policy', 'active_from', 'active_to');
call sentinelops.guard_append_only('policy.policy_condition');
call sentinelops.guard_append_only('policy.policy_approval');
call sentinelops.guard_append_only('policy.policy_change');
