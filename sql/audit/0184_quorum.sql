-- Auditors see why each decision was sufficient, and who acted for whom.

set local role sentinelops_audit_owner;

create or replace view audit.decision as
  select decision_id, advisory_id, decision_type, decision_maker_id, decision_maker_role,
    justification, created_at, finalized_at, review_id, event_id, round, risk_level,
    required_authority, valid_for_s, view_digest, option_id, expires_at, salt, row_digest,
    escalated_at, proof
  from decision.decision_for_audit;
create or replace view audit.approval as
  select approval_id, decision_id, person_id, role, act, option_id, justification, view_digest,
    approved_at, on_behalf_of, delegation_id
  from decision.approval_for_audit;
create view audit.delegation as
  select delegation_id, delegator, delegate, role, up_to_level, reason, created_at, ends_at, revoked_at
  from identity.delegation_for_audit;
grant select on audit.delegation to sentinelops_audit;

reset role;
