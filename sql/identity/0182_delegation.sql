-- Delegations: a person lets another act in a role of theirs, up to a level of risk and until a day that is
-- named at the start. What can be lent is what was granted: nobody lends what they were lent, so there are
-- no chains, and a delegation is worth nothing once its giver has lost the role.

set local role sentinelops_identity_owner;

create table identity.delegation (
  delegation_id uuid constraint delegation_key primary key,
  delegator uuid not null constraint delegation_by_a_person references identity.person (person_id),
  delegate uuid not null constraint delegation_to_a_person references identity.person (person_id),
  role varchar(40) not null,
  up_to_level varchar(20) not null,
  reason text not null,
  created_at timestamptz not null default now(),
  ends_at timestamptz not null,
  revoked_at timestamptz,
  constraint nobody_delegates_to_themselves check (delegator <> delegate),
  constraint delegated_role_decides check (role in ('Administrator', 'Senior Authority',
    'Compliance Officer', 'Governance Board')),
  constraint delegated_level_is_known check (up_to_level in ('LOW', 'MEDIUM', 'HIGH', 'CRITICAL')),
  constraint delegation_has_a_reason check (length(btrim(reason)) > 0),
  constraint delegation_ends_within_30_days
    check (ends_at > created_at and ends_at <= created_at + interval '30 days'),
  constraint delegation_revoked_after_given check (revoked_at is null or revoked_at >= created_at)
);
comment on table identity.delegation is
  'Who may act in a role of somebody else, until when, and why. Its use is in each approval and in '
  'the proof of each decision.';
comment on column identity.delegation.up_to_level is
  'The highest level of risk that it covers; CRITICAL covers UNKNOWN as well.';
create index idx_delegation_delegate on identity.delegation (delegate) where revoked_at is null;
create index idx_delegation_delegator on identity.delegation (delegator);

create function identity.delegator_holds_the_role() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if not exists (select from identity.person_role r
    where r.person_id = new.delegator and r.role = new.role) then
    raise exception 'only a role that was granted can be delegated' using errcode = '42501';
  end if;
  if exists (select from identity.person p
    where p.person_id = new.delegate and p.disabled_at is not null) then
    raise exception 'nothing is delegated to a person who is disabled' using errcode = '42501';
  end if;
  return null;
end
$$;
create trigger delegator_holds_the_role after insert on identity.delegation
  for each row execute function identity.delegator_holds_the_role();
alter table identity.delegation enable always trigger delegator_holds_the_role;

create view identity.running_delegation with (security_barrier) as
  select d.delegation_id, d.delegator, r.name as delegator_name, d.delegate, d.role, d.up_to_level,
    d.ends_at
  from identity.delegation d
  join identity.person_role r on r.person_id = d.delegator and r.role = d.role
  join identity.person p on p.person_id = d.delegate and p.disabled_at is null
  where d.revoked_at is null and d.ends_at > clock_timestamp();
comment on view identity.running_delegation is
  'The delegations that count at this moment: not over, not taken back, and their giver still holds '
  'the role.';
create view identity.delegation_for_decision as
  select delegation_id, delegator, delegator_name, delegate, role, up_to_level
  from identity.running_delegation;
create view identity.delegation_for_audit as
  select delegation_id, delegator, delegate, role, up_to_level, reason, created_at, ends_at, revoked_at
  from identity.delegation;

grant select, insert on identity.delegation to sentinelops_identity;
grant update (revoked_at) on identity.delegation to sentinelops_identity;
grant select on identity.running_delegation to sentinelops_identity;
grant select on identity.delegation_for_decision to sentinelops_decision;
grant select on identity.delegation_for_audit to sentinelops_audit_owner;
grant references (delegation_id) on identity.delegation to sentinelops_decision_owner;

reset role;
call sentinelops.guard_keep_rows('identity.delegation', 'revoked_at');
call sentinelops.guard_set_once('identity.delegation', 'revoked_at');
