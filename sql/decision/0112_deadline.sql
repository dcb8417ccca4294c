-- How long people may take. A round that is still pending after that is overdue: shown as such, and
-- never decided for them.

set local role sentinelops_decision_owner;

create function decision.decide_within(level text) returns interval
language sql immutable parallel safe
  return case level when 'LOW' then interval '168 hours' when 'MEDIUM' then interval '72 hours'
    when 'HIGH' then interval '24 hours' else interval '4 hours' end;
comment on function decision.decide_within(text) is
  'The time for one round of a review, from its start. UNKNOWN is as urgent as CRITICAL.';

-- Rounds of one level fall due in the order in which they started.
create index idx_decision_pending on decision.decision (risk_level, created_at)
  where decision_type = 'pending';

create view decision.overdue_round_for_audit as
  select overdue.decision_id, overdue.review_id, overdue.event_id, overdue.round,
    overdue.risk_level, overdue.due_at
  from (values ('LOW'), ('MEDIUM'), ('HIGH'), ('CRITICAL'), ('UNKNOWN')) as level (risk_level)
  cross join lateral (
    select d.decision_id, d.review_id, d.event_id, d.round, d.risk_level,
      d.created_at + decision.decide_within(level.risk_level) as due_at
    from decision.decision d
    where d.decision_type = 'pending' and d.risk_level = level.risk_level
      and d.created_at < statement_timestamp() - decision.decide_within(level.risk_level)
  ) as overdue;

grant execute on function decision.decide_within(text)
  to sentinelops_decision, sentinelops_audit, sentinelops_audit_owner;
grant select on decision.overdue_round_for_audit to sentinelops_audit_owner;

reset role;
