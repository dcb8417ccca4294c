-- When a round's time is up. It warns once, when a quarter of the time is left; after it the review goes
-- to the next higher role by itself. That escalation is a decision row whose maker is the system: it
-- carries no person, and no other kind of decision may carry none.
--
-- Each escalation, a person's or the system's, is a fact with a digest and a ledger entry from here on.
-- Those of before have neither, and stay as they are.

set local role sentinelops_decision_owner;

alter table decision.decision
  add column escalated_at timestamptz,
  drop constraint maker_is_known_once_decided,
  add constraint maker_is_known_once_decided check (
    case
      when decision_type = 'pending' then true
      when decision_maker_id is null
        then decision_type = 'escalated' and decision_maker_role is not distinct from 'System'
      else decision_maker_role is not null and decision_maker_role <> 'System'
    end),
  add constraint only_escalations_are_escalated_at
    check (escalated_at is null or decision_type = 'escalated'),
  add constraint escalated_after_created check (escalated_at is null or escalated_at >= created_at),
  add constraint escalation_has_a_digest check (escalated_at is null or row_digest is not null);
comment on column decision.decision.decision_maker_role is
  'The role in which the maker acted; System for an escalation because nobody decided in time.';
comment on column decision.decision.escalated_at is
  'When the round was escalated. Null also for escalations of the first releases.';
create index idx_decision_escalated on decision.decision (escalated_at)
  where escalated_at is not null;

create function decision.warn_after(level text) returns interval
language sql immutable parallel safe
  return decision.decide_within(level) * 0.75;
comment on function decision.warn_after(text) is
  'From the start of a round on: how long it may wait until people are told that its time runs out.';

create table decision.round_warning (
  decision_id uuid constraint round_warning_key primary key
    constraint warning_of_a_round references decision.decision (decision_id),
  warned_at timestamptz not null default clock_timestamp()
);
comment on table decision.round_warning is
  'The rounds about which people were warned that the review will be escalated.';

create function decision.warning_is_due() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if not exists (select from decision.decision d
    where d.decision_id = new.decision_id and d.decision_type = 'pending'
      and d.created_at + decision.warn_after(d.risk_level) <= clock_timestamp()) then
    raise exception 'round % is not about to be escalated', new.decision_id using errcode = '42501';
  end if;
  return null;
end
$$;
create trigger warning_is_due after insert on decision.round_warning
  for each row execute function decision.warning_is_due();
alter table decision.round_warning enable always trigger warning_is_due;

create function decision.is_at_the_top(requirement jsonb) returns boolean
language sql immutable parallel safe
  return not exists (
    select from (
      select requirement as alternative
      union all
      select jsonb_array_elements(requirement -> 'or')
    ) as a
    where not exists (
      select from jsonb_array_elements(a.alternative -> 'seats') as seat
      where seat = '["Governance Board"]'::jsonb));
comment on function decision.is_at_the_top(jsonb) is
  'Whether a seat is the Governance Board''s alone: there is no higher role to escalate to.';

create function decision.refuse_early_escalation(ended decision.decision) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
  if ended.decision_maker_id is not null then
    if not exists (select from decision.approval a
      where a.decision_id = ended.decision_id and a.act = 'escalate') then
      raise exception 'nobody escalated decision %', ended.decision_id using errcode = '42501';
    end if;
    return;
  end if;
  if ended.created_at + decision.decide_within(ended.risk_level) > clock_timestamp() then
    raise exception 'people still have time to decide decision %', ended.decision_id
      using errcode = '42501';
  end if;
  if decision.is_at_the_top(ended.required_authority) then
    raise exception 'above decision % there is nobody', ended.decision_id using errcode = '42501';
  end if;
end
$$;
comment on function decision.refuse_early_escalation(decision.decision) is
  'Raises unless a person escalated the round, or its time is up and there is a higher role.';

-- As in 0060, with the cases that later files refine as functions of their own.
create function decision.refuse_insufficient(ended decision.decision) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set jit = off as $$
begin
  if ended.risk_level = 'UNKNOWN' and ended.decision_type <> 'override' then
    raise exception 'an unknown risk is acted on by override only' using errcode = '42501';
  end if;
  if not decision.quorum_is_met(ended.decision_id, ended.required_authority)
    or not decision.quorum_is_met(ended.decision_id, decision.authority_floor(ended.risk_level)) then
    raise exception 'the approvals of decision % are not sufficient', ended.decision_id
      using errcode = '42501';
  end if;
  if ended.decision_type = 'override' and not exists (
    select from decision.approval a
    join identity.person_role_for_decision h on h.person_id = a.person_id and h.role = a.role
    where a.decision_id = ended.decision_id and a.act = 'override'
      and a.role in ('Compliance Officer', 'Governance Board')) then
    raise exception 'an override needs a Compliance Officer or the Governance Board'
      using errcode = '42501';
  end if;
  if exists (select from decision.approval a
    where a.decision_id = ended.decision_id and a.act = 'reject') then
    raise exception 'decision % was rejected by a reviewer', ended.decision_id
      using errcode = '42501';
  end if;
  if exists (select from decision.approval a
    where a.decision_id = ended.decision_id and a.act in ('approve', 'override')
      and a.option_id is distinct from ended.option_id) then
    raise exception 'the approvals of decision % name different options', ended.decision_id
      using errcode = '42501';
  end if;
end
$$;
comment on function decision.refuse_insufficient(decision.decision) is
  'Raises unless the acts of the round carry its approval.';

create or replace function decision.decision_is_authorised() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
begin
  if tg_op = 'INSERT' then
    if new.decision_type <> 'pending' then
      raise exception 'a decision starts as pending' using errcode = '42501';
    end if;
    if not exists (
      select from decision.review r
      where r.review_id = new.review_id and r.advisory_id = new.advisory_id
        and r.event_id = new.event_id and r.risk_level = new.risk_level) then
      raise exception 'decision % names another advisory, event or level than its review',
        new.decision_id
        using errcode = '23514', constraint = 'decision_is_of_its_review';
    end if;
    if new.round > 1 and not exists (
      select from decision.decision d
      where d.advisory_id = new.advisory_id and d.round = new.round - 1
        and d.decision_type = 'escalated') then
      raise exception 'round % follows the escalation of the round before it', new.round
        using errcode = '42501';
    end if;
    return null;
  end if;
  if old.decision_type <> 'pending' then
    raise exception 'decision % is % and never changes again', old.decision_id, old.decision_type
      using errcode = '42501', hint = 'A correction is a new, linked record.';
  end if;
  if new.decision_type = 'pending' then
    raise exception 'a pending decision is decided or left alone' using errcode = '42501';
  end if;
  if new.finalized_at is not null
    and (select h.healthy from ledger.health_for_decision h) is not true then
    raise exception 'decision % cannot be finalised: the ledger does not answer', new.decision_id
      using errcode = '57P03',
        hint = 'Its entry could not be written. It can be once the ledger actor runs again.';
  end if;
  if greatest(new.finalized_at, new.escalated_at) > clock_timestamp() then
    raise exception 'decision % does not end ahead of time', new.decision_id
      using errcode = '42501';
  end if;
  if new.decision_maker_id is not null and not exists (
    select from decision.approval a
    where a.decision_id = new.decision_id and a.person_id = new.decision_maker_id
      and a.role = new.decision_maker_role) then
    raise exception 'the maker of decision % has not said anything in its round', new.decision_id
      using errcode = '42501';
  end if;
  if new.decision_type in ('approved', 'override') then
    perform decision.refuse_insufficient(new);
  elsif new.decision_type = 'escalated' then
    if new.escalated_at is null then
      raise exception 'an escalation has an instant and a digest' using errcode = '42501';
    end if;
    perform decision.refuse_early_escalation(new);
  elsif not exists (select from decision.approval a
    where a.decision_id = new.decision_id and a.act = 'reject') then
    raise exception 'nobody rejected decision %', new.decision_id using errcode = '42501';
  end if;
  return null;
end
$$;

create or replace view decision.decision_for_ledger with (security_barrier) as
  select d.decision_id as linked_entity_id, d.event_id, d.row_digest as digest, d.advisory_id,
    d.decision_type, d.view_digest,
    (select jsonb_agg(jsonb_build_object('actor', a.person_id, 'role', a.role,
        'approved_at', to_char(a.approved_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))
        order by a.approved_at, a.person_id)
     from decision.approval a where a.decision_id = d.decision_id) as approvals,
    coalesce(d.finalized_at, d.escalated_at) as "timestamp"
  from decision.decision d where d.row_digest is not null;

create or replace view decision.decision_for_audit as
  select decision_id, advisory_id, decision_type, decision_maker_id, decision_maker_role,
    justification, created_at, finalized_at, review_id, event_id, round, risk_level,
    required_authority, valid_for_s, view_digest, option_id, expires_at, salt, row_digest,
    escalated_at
  from decision.decision;
create view decision.round_warning_for_audit as
  select decision_id, warned_at from decision.round_warning;

grant select, insert on decision.round_warning to sentinelops_decision;
grant update (escalated_at) on decision.decision to sentinelops_decision;
grant execute on function decision.warn_after(text), decision.is_at_the_top(jsonb),
  decision.refuse_insufficient(decision.decision),
  decision.refuse_early_escalation(decision.decision) to sentinelops_decision;
grant select on decision.round_warning_for_audit to sentinelops_audit_owner;

reset role;
call sentinelops.guard_append_only('decision.round_warning');
drop trigger refuse_change_of_other_columns on decision.decision;
drop trigger refuse_delete on decision.decision;
drop trigger refuse_truncate on decision.decision;
call sentinelops.guard_keep_rows('decision.decision', 'decision_type', 'decision_maker_id',
  'decision_maker_role', 'justification', 'finalized_at', 'option_id', 'expires_at', 'row_digest',
  'escalated_at');
