-- Who brought a version into force, for those who look back.

set local role sentinelops_audit_owner;

create or replace view audit.policy as
  select policy_id, version, status, description, regulatory_reference, priority_level, created_at,
    updated_at, name, title, definition, definition_sha256, author, active_from, active_to,
    activator
  from policy.policy_for_audit;

reset role;
