-- What makes approvals sufficient, a second time after the code:
--
--   * a requirement is one or more alternatives (`or`); each is a list of seats for different people
--   * who is excluded does not count, nor does whoever acts for them: the author of the policy, the
--     subject of the event, who escalated the review before
--   * whoever acts for somebody else takes the place of both
--   * an approving decision brings its proof along, who sits in which seat, and the proof is checked

set local role sentinelops_decision_owner;

alter table decision.decision
  add column proof jsonb,
  add constraint only_approvals_have_a_proof
    check (proof is null or decision_type in ('approved', 'override'));
comment on column decision.decision.required_authority is
  '{"seats": [[role, …], …], "roles": n, "or": [{"seats": …, "roles": n}, …]}: as many people as '
  'seats, each in a role of its own seat, of at least n different roles; or as an alternative says.';
comment on column decision.decision.proof is
  '{"seats": [{"seat": [role, …], "personId", "role", "onBehalfOf"}], "roles": n, "excluded": […]}: '
  'why the approvals were sufficient. Null for decisions of the first releases.';

alter table decision.approval
  add column on_behalf_of uuid,
  add column delegation_id uuid constraint approval_under_a_delegation
    references identity.delegation (delegation_id),
  add constraint who_acts_for_somebody_has_a_delegation
    check ((on_behalf_of is null) = (delegation_id is null));
comment on column decision.approval.on_behalf_of is
  'Whose role it is; null for a role of the person''s own.';

create function decision.alternatives(requirement jsonb) returns setof jsonb
language sql immutable parallel safe
begin atomic
  select requirement
  union all
  select jsonb_array_elements(requirement -> 'or');
end;
comment on function decision.alternatives(jsonb) is 'Each list of seats that is enough when filled.';

create function decision.rank_of(level text) returns integer
language sql immutable parallel safe
  return case level when 'LOW' then 1 when 'MEDIUM' then 2 when 'HIGH' then 3 else 4 end;
comment on function decision.rank_of(text) is 'Order of the levels; UNKNOWN takes what CRITICAL takes.';

create function decision.excluded_from(asked uuid) returns table (person_id uuid, why text)
language sql stable set search_path = pg_catalog, pg_temp as $$
  select p.author, 'policy_author'
  from decision.review r
  join policy.policy_for_decision p on p.policy_id = r.policy_id and p.version = r.policy_version
  where r.review_id = asked
  union all
  select p.person_id, 'event_subject'
  from decision.review r
  join event.event_for_decision e on e.event_id = r.event_id
  join identity.person_for_decision p
    on p.name in (lower(e.subject), lower(substring(e.subject from '[^/:]*$')))
  where r.review_id = asked
  union all
  select unnest(array_remove(array[a.person_id, a.on_behalf_of], null)), 'escalated'
  from decision.decision d
  join decision.approval a on a.decision_id = d.decision_id and a.act = 'escalate'
  where d.review_id = asked and d.decision_type = 'escalated'
$$;
comment on function decision.excluded_from(uuid) is
  'Who has no say in a review: the author of its policy, the person whom its event is about (by name, '
  'as the whole subject or as its last part after / or :), and who escalated it.';

create function decision.is_in_office(said decision.approval) returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
  select case when said.delegation_id is null then exists (
      select from identity.person_role_for_decision h
      where h.person_id = said.person_id and h.role = said.role)
    else exists (
      select from identity.delegation_for_decision g
      join decision.decision d on d.decision_id = said.decision_id
      where g.delegation_id = said.delegation_id and g.delegate = said.person_id
        and g.delegator = said.on_behalf_of and g.role = said.role
        and decision.rank_of(d.risk_level) <= decision.rank_of(g.up_to_level))
  end
$$;
comment on function decision.is_in_office(decision.approval) is
  'Whether the person holds the role at this moment, or acts for somebody who does.';

create function decision.counting(decided uuid)
  returns table (person_id uuid, role text, on_behalf_of uuid)
language sql stable set search_path = pg_catalog, pg_temp as $$
  with excluded as materialized (
    select x.person_id from decision.decision d, decision.excluded_from(d.review_id) x
    where d.decision_id = decided
  )
  select a.person_id, a.role::text, a.on_behalf_of
  from decision.approval a
  join decision.decision d on d.decision_id = a.decision_id and d.view_digest = a.view_digest
  where a.decision_id = decided and a.act in ('approve', 'override')
    and decision.is_in_office(a)
    and not exists (
      select from excluded x where x.person_id in (a.person_id, a.on_behalf_of))
$$;
comment on function decision.counting(uuid) is 'The approvals of a round that count at this moment.';

create function decision.seating_of(decided uuid, requirement jsonb) returns jsonb
language sql stable set search_path = pg_catalog, pg_temp as $$
  with recursive approving as materialized (
    select c.person_id, c.role, array_remove(array[c.person_id, c.on_behalf_of], null) as people,
      jsonb_build_object('personId', c.person_id, 'role', c.role, 'onBehalfOf', c.on_behalf_of) as who
    from decision.counting(decided) c
  ),
  seated (alternative, n, people, roles, seats) as (
    select a, 0, array[]::uuid[], array[]::text[], '[]'::jsonb
    from decision.alternatives(requirement) as a
    union all
    select s.alternative, s.n + 1, s.people || a.people, s.roles || a.role,
      s.seats || (a.who || jsonb_build_object('seat', s.alternative -> 'seats' -> s.n))
    from seated s
    join approving a on not a.people && s.people
      and s.alternative -> 'seats' -> s.n ? a.role
    where s.n < jsonb_array_length(s.alternative -> 'seats')
  )
  select jsonb_build_object('seats', s.seats, 'roles', s.alternative -> 'roles', 'excluded', '[]'::jsonb)
  from seated s
  where s.n = jsonb_array_length(s.alternative -> 'seats')
    and (select count(distinct role) from unnest(s.roles) as role)
      >= (s.alternative ->> 'roles')::integer
  limit 1
$$;
comment on function decision.seating_of(uuid, jsonb) is
  'A proof that the approvals of a round fulfil a requirement; null when they do not.';

create or replace function decision.quorum_is_met(decided uuid, requirement jsonb) returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
  select decision.seating_of(decided, requirement) is not null
$$;
comment on function decision.quorum_is_met(uuid, jsonb) is
  'True when the approvals of a round that count fill every seat of an alternative, each with a '
  'different person.';

create function decision.proof_holds(decided uuid, requirement jsonb, proof jsonb) returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
  with seated as (
    select s.n, s.it -> 'seat' as seat, s.it ->> 'role' as role, (s.it ->> 'personId')::uuid as person_id,
      (s.it ->> 'onBehalfOf')::uuid as on_behalf_of
    from jsonb_array_elements(proof -> 'seats') with ordinality as s (it, n)
  ), counting as materialized (
    select c.person_id, c.role, c.on_behalf_of from decision.counting(decided) c
  )
  select coalesce(bool_or(
      a -> 'seats' = (select jsonb_agg(seat order by n) from seated)
      and (select count(distinct role) from seated) >= (a ->> 'roles')::integer), false)
    and not exists (
      select from seated s where not s.seat ? s.role or not exists (
        select from counting c
        where c.person_id = s.person_id and c.role = s.role
          and c.on_behalf_of is not distinct from s.on_behalf_of))
    and (select count(*) = count(distinct id) from (
      select person_id as id from seated
      union all
      select on_behalf_of from seated where on_behalf_of is not null) as people)
  from decision.alternatives(requirement) as a
$$;
comment on function decision.proof_holds(uuid, jsonb, jsonb) is
  'Whether each seat of an alternative is taken by somebody whose approval counts, all of them '
  'different people.';

create function decision.policy_floor(review uuid) returns jsonb
language sql stable set search_path = pg_catalog, pg_temp as $$
  select decision.authority_floor(p.definition ->> 'required_authority')
  from decision.review r
  join policy.policy_for_decision p on p.policy_id = r.policy_id and p.version = r.policy_version
  where r.review_id = review
    and p.definition ->> 'required_authority' in ('LOW', 'MEDIUM', 'HIGH', 'CRITICAL')
$$;
comment on function decision.policy_floor(uuid) is
  'The least that a policy asks for by the name of a level; null when it does not.';

create or replace function decision.is_at_the_top(requirement jsonb) returns boolean
language sql immutable parallel safe
  return not exists (
    select from decision.alternatives(requirement) as a
    where not exists (
      select from jsonb_array_elements(a -> 'seats') as seat
      where seat = '["Governance Board"]'::jsonb));

create or replace function decision.refuse_insufficient(ended decision.decision) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set jit = off as $$
begin
  if ended.risk_level = 'UNKNOWN' and ended.decision_type <> 'override' then
    raise exception 'an unknown risk is acted on by override only' using errcode = '42501';
  end if;
  if decision.proof_holds(ended.decision_id, ended.required_authority, ended.proof) is not true then
    raise exception 'the proof of decision % does not hold', ended.decision_id
      using errcode = '42501';
  end if;
  if not decision.quorum_is_met(ended.decision_id, decision.authority_floor(ended.risk_level))
    or (decision.policy_floor(ended.review_id) is not null and not decision.quorum_is_met(
      ended.decision_id, decision.policy_floor(ended.review_id))) then
    raise exception 'the approvals of decision % are not sufficient', ended.decision_id
      using errcode = '42501';
  end if;
  if ended.decision_type = 'override' and not exists (
    select from decision.approval a
    where a.decision_id = ended.decision_id and a.act = 'override'
      and a.role in ('Compliance Officer', 'Governance Board') and decision.is_in_office(a)) then
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

create or replace function decision.approval_is_by_a_person_in_office() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  decided record;
  barred text;
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
     or not decision.is_in_office(new) then
    raise exception 'the person does not hold the role' using errcode = '42501';
  end if;
  if exists (select from decision.approval a
    where a.decision_id = new.decision_id and (a.on_behalf_of = new.person_id
      or new.on_behalf_of in (a.person_id, a.on_behalf_of))) then
    raise exception 'whoever lets somebody act for them has acted' using errcode = '42501';
  end if;
  if new.act <> 'escalate' and not exists (
    select from decision.alternatives(decided.required_authority) as a,
      jsonb_array_elements(a -> 'seats') as seat
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
  select x.why into barred from decision.excluded_from(decided.review_id) x
  where x.person_id in (new.person_id, new.on_behalf_of) limit 1;
  if found then
    raise exception 'the person has no say in this review: %', barred using errcode = '42501';
  end if;
  return new;
end
$$;

create or replace view decision.decision_for_audit as
  select decision_id, advisory_id, decision_type, decision_maker_id, decision_maker_role,
    justification, created_at, finalized_at, review_id, event_id, round, risk_level,
    required_authority, valid_for_s, view_digest, option_id, expires_at, salt, row_digest,
    escalated_at, proof
  from decision.decision;
create or replace view decision.approval_for_audit as
  select approval_id, decision_id, person_id, role, act, option_id, justification, view_digest,
    approved_at, on_behalf_of, delegation_id
  from decision.approval;

grant update (proof) on decision.decision to sentinelops_decision;
grant execute on function decision.alternatives(jsonb), decision.rank_of(text),
  decision.excluded_from(uuid), decision.is_in_office(decision.approval), decision.counting(uuid),
  decision.seating_of(uuid, jsonb), decision.proof_holds(uuid, jsonb, jsonb),
  decision.policy_floor(uuid) to sentinelops_decision;

reset role;
drop trigger refuse_change_of_other_columns on decision.decision;
drop trigger refuse_delete on decision.decision;
drop trigger refuse_truncate on decision.decision;
call sentinelops.guard_keep_rows('decision.decision', 'decision_type', 'decision_maker_id',
  'decision_maker_role', 'justification', 'finalized_at', 'option_id', 'expires_at', 'row_digest',
  'escalated_at', 'proof');
