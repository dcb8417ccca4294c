-- Who looked at what, for auditors.

set local role sentinelops_audit_owner;

create view audit.access_record as
  select access_id, person_id, act, thing, thing_id, way, accessed_at
  from identity.access_record_for_audit;
grant select on audit.access_record to sentinelops_audit;

reset role;
