-- Advisories of one event that contradict each other are decided together: when one of them is approved
-- the others are rejected in the same transaction, by the same person. Looked at when it commits, since
-- the decisions follow one another within it.

set local role sentinelops_decision_owner;

create function decision.contradicting(asked uuid) returns setof uuid
language sql stable set search_path = pg_catalog, pg_temp as $$
  select distinct other.review_id
  from decision.review r
  join decision.review other on other.evaluation_id = r.evaluation_id and other.review_id <> r.review_id
    and other.conflict
  join advisory.advisory_for_decision a on a.advisory_id = r.advisory_id
  join advisory.advisory_for_decision b on b.advisory_id = other.advisory_id
  cross join lateral jsonb_array_elements(a.recommendation_options) as one
  cross join lateral jsonb_array_elements(b.recommendation_options) as two
  where r.review_id = asked and r.conflict
    and one ->> 'target' = two ->> 'target' and one ->> 'resource' = two ->> 'resource'
    and (one ->> 'effect', two ->> 'effect') in (('restrict', 'restore'), ('restore', 'restrict'))
$$;
comment on function decision.contradicting(uuid) is
  'The reviews of the same event whose advisory offers to restore what that of this one offers to '
  'restrict, or the other way round.';

create function decision.contradictions_are_decided_together() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
begin
  if exists (
    select from decision.contradicting(new.review_id) as other
    where not exists (select from decision.decision d
      where d.review_id = other and d.decision_type = 'rejected')) then
    raise exception 'what contradicts decision % is not rejected with it', new.decision_id
      using errcode = '42501';
  end if;
  return null;
end
$$;
create constraint trigger contradictions_are_decided_together
  after update on decision.decision deferrable initially deferred
  for each row when (new.decision_type in ('approved', 'override'))
  execute function decision.contradictions_are_decided_together();
alter table decision.decision enable always trigger contradictions_are_decided_together;

grant execute on function decision.contradicting(uuid) to sentinelops_decision;

reset role;
