-- Decisions: the open review of each advisory, what each person said, and the one final word.
--
-- The database holds the authority table a second time: a decision row is finalised only when the
-- approvals that stand in this schema, by people who hold their roles at that moment, are
-- sufficient. Code checks it first, for a clear answer.

create schema if not exists decision;
alter schema decision owner to sentinelops_decision_owner;
set local role sentinelops_decision_owner;

create table decision.review (
  review_id uuid constraint review_key primary key,
  advisory_id uuid not null constraint review_of_an_advisory
    references advisory.advisory (advisory_id),
  event_id uuid not null constraint review_of_an_event references event.event (event_id),
  evaluation_id uuid not null constraint review_of_an_evaluation
    references advisory.evaluation (evaluation_id),
  policy_id uuid not null,
  policy_version integer not null,
  risk_level varchar(20) not null,
  priority_level integer not null,
  conflict boolean not null,
  opened_at timestamptz not null default now(),
  resolved_at timestamptz,
  constraint one_review_per_advisory unique (advisory_id),
  constraint review_under_a_policy_version
    foreign key (policy_id, policy_version) references policy.policy (policy_id, version),
  constraint level_is_known check (risk_level in ('LOW', 'MEDIUM', 'HIGH', 'CRITICAL', 'UNKNOWN')),
  constraint resolved_after_opened check (resolved_at is null or resolved_at >= opened_at)
);
comment on table decision.review is
  'The case that waits for people: one for each advisory. Open until its decision is finalised.';
comment on column decision.review.resolved_at is
  'Set once, in the transaction that finalises the decision.';

-- Defined before the index that stands on it.
create function decision.urgency(level text) returns integer
language sql immutable parallel safe
  return case level when 'UNKNOWN' then 1 when 'CRITICAL' then 2 when 'HIGH' then 3
    when 'MEDIUM' then 4 else 5 end;
comment on function decision.urgency(text) is 'Order of the open reviews: 1 is shown first.';
create index idx_review_urgency
  on decision.review (decision.urgency(risk_level), opened_at, review_id) where resolved_at is null;
-- See event.event: no statistics that would make the checks of foreign keys scan.
alter table decision.review set (autovacuum_analyze_threshold = 5000);
create index idx_review_open on decision.review (opened_at, review_id) where resolved_at is null;
create index idx_review_opened on decision.review (opened_at, review_id);
create index idx_review_event on decision.review (event_id);
create index idx_review_evaluation on decision.review (evaluation_id);

create table decision.decision (
  decision_id uuid constraint decision_key primary key,
  advisory_id uuid not null constraint decision_on_an_advisory
    references advisory.advisory (advisory_id),
  decision_type varchar(20) not null,
  decision_maker_id uuid constraint decision_maker_is_a_person
    references identity.person (person_id),
  decision_maker_role varchar(50),
  justification text,
  created_at timestamptz not null default now(),
  finalized_at timestamptz,
  review_id uuid not null constraint decision_of_a_review references decision.review (review_id),
  event_id uuid not null,
  round integer not null,
  risk_level varchar(20) not null,
  required_authority jsonb not null,
  valid_for_s integer not null,
  view_digest varchar(64) not null,
  option_id varchar(100),
  expires_at timestamptz,
  salt varchar(64) not null,
  row_digest varchar(64),
  constraint one_decision_per_advisory_and_round unique (advisory_id, round),
  constraint type_is_known check (decision_type in ('pending', 'approved', 'rejected', 'escalated',
    'override')),
  constraint round_starts_at_one check (round >= 1),
  constraint maker_is_known_once_decided check (decision_type = 'pending'
    or (decision_maker_id is not null and decision_maker_role is not null)),
  constraint final_word_is_finalised
    check ((decision_type in ('approved', 'rejected', 'override')) = (finalized_at is not null)),
  constraint finalised_rows_have_a_digest check (finalized_at is null or row_digest is not null),
  constraint finalised_after_created check (finalized_at is null or finalized_at >= created_at),
  constraint approval_expires_in_time check (expires_at is null
    or (expires_at <= finalized_at + valid_for_s * interval '1 second') is true),
  constraint approving_names_option_and_expiry check (decision_type not in ('approved', 'override')
    or (option_id is not null and expires_at is not null)),
  constraint override_is_justified
    check ((decision_type <> 'override' or length(btrim(coalesce(justification, ''))) > 0) is true),
  constraint required_authority_has_seats
    check ((jsonb_array_length(required_authority -> 'seats') >= 1) is true),
  constraint validity_is_positive check (valid_for_s > 0)
);
comment on table decision.decision is
  'One row for each round of a review. pending until decided; an escalation starts the next round; '
  'one of them is final.';
comment on column decision.decision.round is
  '1 when the review opens, one more for each escalation.';
comment on column decision.decision.required_authority is
  '{"seats": [[role, …], …], "roles": n}: as many people as seats, each in a role of its own seat, '
  'of at least n different roles.';
comment on column decision.decision.valid_for_s is
  'How long an approval may be executed, in seconds from its finalisation.';
comment on column decision.decision.view_digest is
  'SHA-256 of the document that the reviewers are shown (canonical JSON); every approval repeats '
  'it.';
comment on column decision.decision.option_id is 'The recommendation option that was approved.';
comment on column decision.decision.salt is
  '32 random bytes in hex under the row digest, since a justification is free text.';
alter table decision.decision set (autovacuum_analyze_threshold = 5000);
create index idx_decision_advisory on decision.decision (advisory_id);
create index idx_decision_type on decision.decision (decision_type);
create index idx_decision_maker on decision.decision (decision_maker_id);
create index idx_decision_status on decision.decision (created_at, finalized_at);
create index idx_decision_event on decision.decision (event_id);
create index idx_decision_review on decision.decision (review_id);
create index idx_decision_finalized on decision.decision (finalized_at)
  where finalized_at is not null;
create unique index one_finalized_decision_per_advisory on decision.decision (advisory_id)
  where finalized_at is not null;
create unique index one_pending_decision_per_advisory on decision.decision (advisory_id)
  where decision_type = 'pending';

create table decision.approval (
  approval_id uuid constraint approval_key primary key,
  decision_id uuid not null constraint approval_of_a_decision
    references decision.decision (decision_id),
  person_id uuid not null constraint approval_by_a_person references identity.person (person_id),
  role varchar(50) not null,
  act varchar(20) not null,
  option_id varchar(100),
  justification text not null,
  view_digest varchar(64) not null,
  approved_at timestamptz not null,
  constraint one_act_per_person_and_round unique (decision_id, person_id),
  constraint act_is_known check (act in ('approve', 'reject', 'override', 'escalate')),
  constraint approving_names_an_option
    check (act in ('reject', 'escalate') or option_id is not null),
  constraint act_is_justified check (act = 'approve' or length(btrim(justification)) > 0)
);
comment on table decision.approval is
  'What one person said in one round: approve, reject, override or escalate. Never changed.';
comment on column decision.approval.view_digest is
  'The digest of the document that this person was shown; it must be the decision''s.';

create function decision.authority_floor(level text) returns jsonb
language sql immutable set search_path = pg_catalog, pg_temp as $$
  select case level
    when 'LOW' then '{"roles": 1, "seats": [
      ["Administrator", "Senior Authority", "Compliance Officer", "Governance Board"]]}'::jsonb
    when 'MEDIUM' then '{"roles": 2, "seats": [
      ["Administrator", "Senior Authority", "Compliance Officer", "Governance Board"],
      ["Senior Authority", "Compliance Officer", "Governance Board"]]}'::jsonb
    when 'HIGH' then '{"roles": 1, "seats": [
      ["Compliance Officer", "Governance Board"],
      ["Administrator", "Senior Authority", "Compliance Officer", "Governance Board"]]}'::jsonb
    else '{"roles": 2, "seats": [
      ["Governance Board"],
      ["Administrator", "Senior Authority", "Compliance Officer", "Governance Board"],
      ["Administrator", "Senior Authority", "Compliance Officer", "Governance Board"]]}'::jsonb
  end
$$;
comment on function decision.authority_floor(text) is
  'The least that any configuration may ask for at a risk level. Raised seats (escalation, '
  'conflict) ask for higher roles, so each seat here admits them.';

create function decision.quorum_is_met(decided uuid, requirement jsonb) returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
  with recursive approving as (
    select a.person_id, a.role::text as role
    from decision.approval a
    join decision.decision d on d.decision_id = a.decision_id and d.view_digest = a.view_digest
    join decision.review r on r.review_id = d.review_id
    join policy.policy_for_decision p on p.policy_id = r.policy_id and p.version = r.policy_version
      and p.author <> a.person_id
    where a.decision_id = decided and a.act in ('approve', 'override')
      and exists (
        select from identity.person_role_for_decision h
        where h.person_id = a.person_id and h.role = a.role)
  ),
  seated (seats, people, roles) as (
    select 0, array[]::uuid[], array[]::text[]
    union all
    select s.seats + 1, s.people || a.person_id, s.roles || a.role
    from seated s
    join approving a on not a.person_id = any (s.people)
      and requirement -> 'seats' -> s.seats ? a.role
    where s.seats < jsonb_array_length(requirement -> 'seats')
  )
  select exists (
    select from seated s
    where s.seats = jsonb_array_length(requirement -> 'seats')
      and (select count(distinct role) from unnest(s.roles) as role)
        >= (requirement ->> 'roles')::integer)
$$;
comment on function decision.quorum_is_met(uuid, jsonb) is
  'True when the approvals of a round fill every seat with a different person who holds the role '
  'now and did not write the policy.';

-- Without jit: before PostgreSQL 18 a scan that is switched off and cannot be avoided makes a plan
-- look so dear that it is compiled, which takes a hundred times as long as it runs.
create function decision.decision_is_authorised() returns trigger
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
  if new.finalized_at is not null
    and (select h.healthy from ledger.health_for_decision h) is not true then
    raise exception 'decision % cannot be finalised: the ledger does not answer', new.decision_id
      using errcode = '57P03',
        hint = 'Its entry could not be written. It can be once the ledger actor runs again.';
  end if;
  if new.finalized_at > clock_timestamp() then
    raise exception 'decision % is not finalised ahead of time', new.decision_id
      using errcode = '42501';
  end if;
  if not exists (
    select from decision.approval a
    where a.decision_id = new.decision_id and a.person_id = new.decision_maker_id
      and a.role = new.decision_maker_role) then
    raise exception 'the maker of decision % has not said anything in its round', new.decision_id
      using errcode = '42501';
  end if;
  if new.decision_type in ('approved', 'override') then
    if new.risk_level = 'UNKNOWN' and new.decision_type <> 'override' then
      raise exception 'an unknown risk is acted on by override only' using errcode = '42501';
    end if;
    if not decision.quorum_is_met(new.decision_id, new.required_authority)
       or not decision.quorum_is_met(new.decision_id, decision.authority_floor(new.risk_level)) then
      raise exception 'the approvals of decision % are not sufficient', new.decision_id
        using errcode = '42501';
    end if;
    if new.decision_type = 'override' and not exists (
      select from decision.approval a
      join identity.person_role_for_decision h on h.person_id = a.person_id and h.role = a.role
      where a.decision_id = new.decision_id and a.act = 'override'
        and a.role in ('Compliance Officer', 'Governance Board')) then
      raise exception 'an override needs a Compliance Officer or the Governance Board'
        using errcode = '42501';
    end if;
    if exists (select from decision.approval a
      where a.decision_id = new.decision_id and a.act = 'reject') then
      raise exception 'decision % was rejected by a reviewer', new.decision_id
        using errcode = '42501';
    end if;
    if exists (select from decision.approval a
      where a.decision_id = new.decision_id and a.act in ('approve', 'override')
        and a.option_id is distinct from new.option_id) then
      raise exception 'the approvals of decision % name different options', new.decision_id
        using errcode = '42501';
    end if;
  elsif new.decision_type = 'rejected' then
    if not exists (select from decision.approval a
      where a.decision_id = new.decision_id and a.act = 'reject') then
      raise exception 'nobody rejected decision %', new.decision_id using errcode = '42501';
    end if;
  elsif new.decision_type = 'escalated' then
    if not exists (select from decision.approval a
      where a.decision_id = new.decision_id and a.act = 'escalate') then
      raise exception 'nobody escalated decision %', new.decision_id using errcode = '42501';
    end if;
  else
    raise exception 'a pending decision is decided or left alone' using errcode = '42501';
  end if;
  return null;
end
$$;
-- AFTER: an insert that ON CONFLICT DO NOTHING drops is a redelivery, not a second decision.
create trigger decision_is_authorised after insert or update on decision.decision
  for each row execute function decision.decision_is_authorised();
alter table decision.decision enable always trigger decision_is_authorised;

create function decision.approval_is_by_a_person_in_office() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  decided record;
begin
  -- The row is locked, and before the foreign key locks it in share mode, where two approvals at
  -- once would wait for each other: approvals of one round follow one another, and none arrives
  -- beside its finalisation.
  select d.decision_type, d.view_digest, d.review_id, d.advisory_id, d.required_authority,
    d.created_at into decided
  from decision.decision d where d.decision_id = new.decision_id for update;
  -- Said before, and about to be dropped by ON CONFLICT DO NOTHING or refused by the key.
  if exists (select from decision.approval a
    where a.decision_id = new.decision_id and a.person_id = new.person_id) then
    return new;
  end if;
  if decided.decision_type is distinct from 'pending' then
    raise exception 'the round is over' using errcode = '42501';
  end if;
  if decided.view_digest <> new.view_digest then
    raise exception 'the reviewer was shown something else' using errcode = '42501';
  end if;
  if new.approved_at not between decided.created_at and clock_timestamp() then
    raise exception 'an act is not dated before its round, or ahead' using errcode = '42501';
  end if;
  if new.role not in ('Administrator', 'Senior Authority', 'Compliance Officer', 'Governance Board')
     or not exists (select from identity.person_role_for_decision h
       where h.person_id = new.person_id and h.role = new.role) then
    raise exception 'the person does not hold the role' using errcode = '42501';
  end if;
  if new.act <> 'escalate' and not exists (
    select from jsonb_array_elements(decided.required_authority -> 'seats') as seat
      where seat ? new.role) then
    raise exception 'a % has no seat in this round', new.role using errcode = '42501';
  end if;
  if new.act = 'override' and new.role not in ('Compliance Officer', 'Governance Board') then
    raise exception 'an override needs a Compliance Officer or the Governance Board'
      using errcode = '42501';
  end if;
  if new.option_id is not null and not exists (
    select from advisory.advisory_for_decision a,
      jsonb_array_elements(a.recommendation_options) as offered
    where a.advisory_id = decided.advisory_id and offered ->> 'option' = new.option_id) then
    raise exception 'the advisory offers no option %', new.option_id using errcode = '42501';
  end if;
  if exists (
    select from decision.review r
    join policy.policy_for_decision p on p.policy_id = r.policy_id and p.version = r.policy_version
    where r.review_id = decided.review_id and p.author = new.person_id) then
    raise exception 'the author of the policy does not decide on its advisories'
      using errcode = '42501';
  end if;
  return new;
end
$$;
create trigger approval_is_by_a_person_in_office before insert on decision.approval
  for each row execute function decision.approval_is_by_a_person_in_office();
alter table decision.approval enable always trigger approval_is_by_a_person_in_office;

-- By key, row by row, whatever the tables looked like when the session made its plan.
create function decision.review_is_of_its_advisory() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  stray uuid;
begin
  select kept.review_id into stray from kept
  where kept.resolved_at is not null or (
    select a.event_id = kept.event_id and a.evaluation_id = kept.evaluation_id
      and a.policy_id = kept.policy_id and a.policy_version = kept.policy_version
      and a.risk_level = kept.risk_level and a.conflict = kept.conflict
    from advisory.advisory_for_decision a where a.advisory_id = kept.advisory_id
  ) is not true limit 1;
  if found then
    raise exception 'review % is not an open review of its advisory', stray
      using errcode = '23514', constraint = 'review_is_of_its_advisory';
  end if;
  return null;
end
$$;
create trigger review_is_of_its_advisory after insert on decision.review
  referencing new table as kept for each statement
  execute function decision.review_is_of_its_advisory();
alter table decision.review enable always trigger review_is_of_its_advisory;

create function decision.review_ends_with_a_decision() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
begin
  if not exists (select from decision.decision d
    where d.review_id = new.review_id and d.finalized_at is not null) then
    raise exception 'review % has no finalised decision', old.review_id using errcode = '42501';
  end if;
  return null;
end
$$;
create trigger review_ends_with_a_decision after update on decision.review
  for each row execute function decision.review_ends_with_a_decision();
alter table decision.review enable always trigger review_ends_with_a_decision;

create view decision.decision_for_ledger with (security_barrier) as
  select d.decision_id as linked_entity_id, d.event_id, d.row_digest as digest, d.advisory_id,
    d.decision_type, d.view_digest,
    (select jsonb_agg(jsonb_build_object('actor', a.person_id, 'role', a.role,
        'approved_at', to_char(a.approved_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))
        order by a.approved_at, a.person_id)
     from decision.approval a where a.decision_id = d.decision_id) as approvals,
    d.finalized_at as "timestamp"
  from decision.decision d where d.finalized_at is not null;
create view decision.decision_for_execution with (security_barrier) as
  select d.decision_id, d.advisory_id, d.review_id, d.event_id, d.decision_type, d.option_id,
    d.finalized_at, d.expires_at, d.round,
    d.risk_level, d.required_authority, d.valid_for_s, d.view_digest, d.row_digest
  from decision.decision d where d.finalized_at is not null
    and d.decision_type in ('approved', 'override');
create view decision.review_for_audit as
  select review_id, advisory_id, event_id, evaluation_id, policy_id, policy_version, risk_level,
    priority_level, conflict, opened_at, resolved_at
  from decision.review;
create view decision.decision_for_audit as
  select decision_id, advisory_id, decision_type, decision_maker_id, decision_maker_role,
    justification, created_at, finalized_at, review_id, event_id, round, risk_level,
    required_authority, valid_for_s, view_digest, option_id, expires_at, salt, row_digest
  from decision.decision;
create view decision.approval_for_audit as
  select approval_id, decision_id, person_id, role, act, option_id, justification, view_digest,
    approved_at
  from decision.approval;

grant usage on schema decision to sentinelops_decision, sentinelops_execution, sentinelops_ledger,
  sentinelops_audit_owner, sentinelops_execution_owner, sentinelops_ledger_owner;
grant select, insert on decision.review, decision.decision, decision.approval
  to sentinelops_decision;
grant update (resolved_at) on decision.review to sentinelops_decision;
grant execute on function decision.authority_floor(text), decision.quorum_is_met(uuid, jsonb),
  decision.urgency(text) to sentinelops_decision;
grant update (decision_type, decision_maker_id, decision_maker_role, justification, finalized_at,
  option_id, expires_at, row_digest)
  on decision.decision to sentinelops_decision;
grant select on decision.decision_for_ledger to sentinelops_ledger;
grant select on decision.decision_for_execution to sentinelops_execution;
grant select on decision.review_for_audit, decision.decision_for_audit, decision.approval_for_audit
  to sentinelops_audit_owner;
grant references (decision_id) on decision.decision
  to sentinelops_execution_owner, sentinelops_ledger_owner;

reset role;
call sentinelops.guard_append_only('decision.approval');
call sentinelops.guard_keep_rows('decision.review', 'resolved_at');
call sentinelops.guard_set_once('decision.review', 'resolved_at');
-- What the reviewers were shown, and what it takes to decide on it, never moves under them.
call sentinelops.guard_keep_rows('decision.decision', 'decision_type', 'decision_maker_id',
  'decision_maker_role', 'justification', 'finalized_at', 'option_id', 'expires_at', 'row_digest');
