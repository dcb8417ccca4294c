-- The query layer: read-only views over every domain, for auditors, exports, the command line and the reconciler.
-- Nobody writes here. The views add no secret: signing keys and tokens are not published to this schema.

create schema if not exists audit;
alter schema audit owner to sentinelops_audit_owner;
set local role sentinelops_audit_owner;

create view audit.person as select person_id, name, created_at, disabled_at from identity.person_for_audit;
create view audit.role_grant as select person_id, role, granted_at, revoked_at from identity.role_grant_for_audit;
create view audit.source as select source_system, kind, description, signature_required, created_at, retired_at, valid_keys from event.source_for_audit;
create view audit.event as
  select event_id, source_system, event_type, occurred_at, received_at, payload_reference, correlation_id, signed, created_at,
    external_id, subject, content_digest, salt, row_digest
  from event.event_for_audit;
create view audit.event_payload as select event_id, payload_data from event.event_payload_for_audit;
create view audit.dead_letter as
  select dead_letter_id, queue, message_id, source_system, external_id, event_id, reason, detail, error_class, claims, content,
    content_bytes, content_sha256, created_at, redriven_at, discarded_at, discarded_by, discard_reason, row_digest
  from event.dead_letter_for_audit;
create view audit.policy as select * from policy.policy_for_audit;
create view audit.policy_change as select * from policy.policy_change_for_audit;
create view audit.policy_approval as select * from policy.policy_approval_for_audit;
create view audit.risk_model as select * from risk.model_for_audit;
create view audit.risk_model_change as select * from risk.model_change_for_audit;
create view audit.risk_assessment as select * from risk.assessment_for_audit;
create view audit.evaluation as select * from advisory.evaluation_for_audit;
create view audit.advisory as select * from advisory.advisory_for_audit;
create view audit.review as select * from decision.review_for_audit;
create view audit.decision as select * from decision.decision_for_audit;
create view audit.approval as select * from decision.approval_for_audit;
create view audit.execution as select * from execution.execution_for_audit;
create view audit.attempt as select * from execution.attempt_for_audit;
create view audit.ledger_entry as select * from ledger.entry_for_audit;

create view audit.fact as
  select 'EVENT' as entry_type, event_id as linked_entity_id, row_digest as digest, event_id, created_at as recorded_at from audit.event
  union all
  select 'RISK_ASSESSMENT', assessment_id, row_digest, event_id, created_at from audit.risk_assessment
  union all
  select 'EVALUATION', evaluation_id, row_digest, event_id, created_at from audit.evaluation where outcome = 'NO_MATCH'
  union all
  select 'ADVISORY', advisory_id, row_digest, event_id, created_at from audit.advisory
  union all
  select 'DECISION', decision_id, row_digest, event_id, finalized_at from audit.decision where finalized_at is not null
  union all
  select 'EXECUTION', execution_id, row_digest, event_id, completed_at from audit.execution where completed_at is not null
  union all
  select 'POLICY', change_id, row_digest, null, changed_at from audit.policy_change
  union all
  select 'RISK_MODEL', change_id, row_digest, null, changed_at from audit.risk_model_change
  union all
  select 'DEAD_LETTER', dead_letter_id, row_digest, event_id, discarded_at from audit.dead_letter where discarded_at is not null;
comment on view audit.fact is 'Every recorded fact that must have exactly one ledger entry, with the digest that the entry must carry.';

create view audit.event_state as
  select e.event_id,
    case
      when v.evaluation_id is null then 'normalized'
      when v.outcome = 'NO_MATCH' then 'closed'
      when exists (
        select from audit.advisory a
        left join audit.decision d on d.advisory_id = a.advisory_id and d.finalized_at is not null
        left join audit.execution x on x.decision_id = d.decision_id
        where a.event_id = e.event_id
          and (d.decision_id is null or (d.decision_type in ('approved', 'override') and x.completed_at is null))) then 'evaluated'
      else 'closed'
    end as state
  from audit.event e left join audit.evaluation v on v.event_id = e.event_id;
comment on view audit.event_state is 'Where an event is in its life, derived from the rows that exist: normalized, evaluated, closed.';

grant usage on schema audit to sentinelops_audit;
grant select on all tables in schema audit to sentinelops_audit;

reset role;
