-- What the gap queries and the health checks ask of the ledger: the entries of decisions since some
-- instant, and whether it can be appended to.

call ledger_guard.suspend();
set local role sentinelops_ledger_owner;

create index idx_ledger_entry_decision on ledger.ledger_entry (sealed_at)
  where entry_type = 'DECISION';

create view ledger.health_for_audit as
  select beaten_at, age_ms, healthy from ledger.health_for_decision;
comment on view ledger.health_for_audit is
  'Always one row. Nothing is finalised and nothing is executed while healthy is false.';

grant select on ledger.health_for_audit to sentinelops_audit_owner;

reset role;
call ledger_guard.resume();
