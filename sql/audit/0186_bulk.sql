-- Auditors see which acts were given together.

set local role sentinelops_audit_owner;

create or replace view audit.approval as
  select approval_id, decision_id, person_id, role, act, option_id, justification, view_digest,
    approved_at, on_behalf_of, delegation_id, bulk_id
  from decision.approval_for_audit;

reset role;
