-- One justification for several reviews of one policy: each still has its own round, act, decision and
-- entry; the acts are told by one bulk id. Not where the risk is HIGH or above, and not where policies
-- contradict each other: those are read one by one.

set local role sentinelops_decision_owner;

alter table decision.approval add column bulk_id uuid;
comment on column decision.approval.bulk_id is
  'Given together with others under one justification; null for an act of its own.';
create index idx_approval_bulk on decision.approval (bulk_id) where bulk_id is not null;

create function decision.bulk_is_for_harmless_reviews_of_one_policy() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  here record;
begin
  select r.policy_id, r.risk_level, r.conflict into here
  from decision.decision d join decision.review r on r.review_id = d.review_id
  where d.decision_id = new.decision_id;
  if here.risk_level not in ('LOW', 'MEDIUM') or here.conflict then
    raise exception 'a review of % risk is not resolved in bulk', here.risk_level
      using errcode = '42501';
  end if;
  if new.act not in ('approve', 'reject') then
    raise exception 'nothing is overridden or escalated in bulk' using errcode = '42501';
  end if;
  if exists (
    select from decision.approval a
    join decision.decision d on d.decision_id = a.decision_id
    join decision.review r on r.review_id = d.review_id
    where a.bulk_id = new.bulk_id and (r.policy_id, a.person_id, a.act, a.justification)
      is distinct from (here.policy_id, new.person_id, new.act, new.justification)) then
    raise exception 'a bulk is one act of one person, on reviews of one policy' using errcode = '42501';
  end if;
  return null;
end
$$;
create trigger bulk_is_for_harmless_reviews_of_one_policy after insert on decision.approval
  for each row when (new.bulk_id is not null)
  execute function decision.bulk_is_for_harmless_reviews_of_one_policy();
alter table decision.approval enable always trigger bulk_is_for_harmless_reviews_of_one_policy;

alter table decision.approval
  add constraint bulk_is_justified check (bulk_id is null or length(btrim(justification)) > 0);

create or replace view decision.approval_for_audit as
  select approval_id, decision_id, person_id, role, act, option_id, justification, view_digest,
    approved_at, on_behalf_of, delegation_id, bulk_id
  from decision.approval;

reset role;
