-- The query layer: read-only views over every domain, for auditors, exports, the command line and
-- the reconciler. Nobody writes here. The views add no secret: signing keys and tokens are not
-- published to this schema.

create schema if not exists audit;
alter schema audit owner to sentinelops_audit_owner;
set local role sentinelops_audit_owner;

create view audit.person as
  select person_id, name, created_at, disabled_at from identity.person_for_audit;
create view audit.role_grant as
  select person_id, role, granted_at, revoked_at from identity.role_grant_for_audit;
create view audit.source as
  select source_system, kind, description, signature_required, created_at, retired_at, valid_keys
  from event.source_for_audit;
create view audit.event as
  select event_id, source_system, event_type, occurred_at, received_at, payload_reference,
    correlation_id, signed, created_at, external_id, subject, content_digest, salt, row_digest
  from event.event_for_audit;
create view audit.event_payload as
  select event_id, payload_data from event.event_payload_for_audit;
create view audit.dead_letter as
  select dead_letter_id, queue, message_id, source_system, external_id, event_id, reason, detail,
    error_class, claims, content, content_bytes, content_sha256, created_at, redriven_at,
    discarded_at, discarded_by, discard_reason, salt, row_digest
  from event.dead_letter_for_audit;
create view audit.policy as
  select policy_id, version, status, description, regulatory_reference, priority_level, created_at,
    updated_at, name, title, definition, definition_sha256, author, active_from, active_to
  from policy.policy_for_audit;
create view audit.policy_change as
  select change_id, policy_id, version, from_status, to_status, definition_sha256, actor,
    changed_at, row_digest
  from policy.policy_change_for_audit;
create view audit.policy_approval as
  select policy_id, version, person_id, approved_at
  from policy.policy_approval_for_audit;
create view audit.risk_model as
  select model_id, version, threshold_definition, classification_rules, status, created_at,
    updated_at, name, context, definition_sha256, author, approver, active_from, active_to
  from risk.model_for_audit;
create view audit.risk_model_change as
  select change_id, model_id, version, from_status, to_status, definition_sha256, actor, changed_at,
    row_digest
  from risk.model_change_for_audit;
create view audit.risk_assessment as
  select assessment_id, event_id, risk_model_id, risk_model_version, risk_score, risk_level,
    evaluated_at, context, contributions, created_at, salt, row_digest
  from risk.assessment_for_audit;
create view audit.evaluation as
  select evaluation_id, event_id, assessment_id, outcome, policies, evaluated_at, created_at,
    row_digest
  from advisory.evaluation_for_audit;
create view audit.advisory as
  select advisory_id, event_id, policy_id, policy_version, risk_level, recommendation_options,
    justification_text, created_at, advisory_version, evaluation_id, assessment_id, basis,
    conditions, conflict, salt, row_digest
  from advisory.advisory_for_audit;
create view audit.review as
  select review_id, advisory_id, event_id, evaluation_id, policy_id, policy_version, risk_level,
    priority_level, conflict, opened_at, resolved_at
  from decision.review_for_audit;
create view audit.decision as
  select decision_id, advisory_id, decision_type, decision_maker_id, decision_maker_role,
    justification, created_at, finalized_at, review_id, event_id, round, risk_level,
    required_authority, valid_for_s, view_digest, option_id, expires_at, salt, row_digest
  from decision.decision_for_audit;
create view audit.approval as
  select approval_id, decision_id, person_id, role, act, option_id, justification, view_digest,
    approved_at
  from decision.approval_for_audit;
create view audit.execution as
  select execution_id, decision_id, target_system, execution_command, execution_status,
    requested_at, completed_at, event_id, action_no, request_body, command_sha256, expires_at,
    claim_epoch, claimed_until, next_attempt_at, failure_reason, response_sha256, row_digest
  from execution.execution_for_audit;
create view audit.attempt as
  select execution_id, attempt_no, claim_epoch, idempotency_key, body_sha256, started_at,
    finished_at, outcome, http_status, response_sha256, detail
  from execution.attempt_for_audit;
create view audit.ledger_entry as
  select origin, stream, seq, entry_id, entry_type, linked_entity_id, entry_digest, previous_hash,
    current_hash, entry_data, "timestamp", sealed_at
  from ledger.entry_for_audit;

create view audit.fact as
  select 'EVENT' as entry_type, event_id as linked_entity_id, row_digest as digest, event_id,
    created_at as recorded_at
  from audit.event
  union all
  select 'RISK_ASSESSMENT', assessment_id, row_digest, event_id, created_at
  from audit.risk_assessment
  union all
  select 'EVALUATION', evaluation_id, row_digest, event_id, created_at
  from audit.evaluation where outcome = 'NO_MATCH'
  union all
  select 'ADVISORY', advisory_id, row_digest, event_id, created_at
  from audit.advisory
  union all
  select 'DECISION', decision_id, row_digest, event_id, finalized_at
  from audit.decision where finalized_at is not null
  union all
  select 'EXECUTION', execution_id, row_digest, event_id, completed_at
  from audit.execution where completed_at is not null
  union all
  select 'POLICY', change_id, row_digest, null, changed_at
  from audit.policy_change
  union all
  select 'RISK_MODEL', change_id, row_digest, null, changed_at
  from audit.risk_model_change
  union all
  select 'DEAD_LETTER', dead_letter_id, row_digest, event_id, discarded_at
  from audit.dead_letter where discarded_at is not null;
comment on view audit.fact is
  'Every recorded fact that must have exactly one ledger entry, with the digest that the entry '
  'must carry.';

create view audit.event_state as
  select e.event_id,
    case
      when exists (
        select from audit.dead_letter x
        where x.queue = 'risk' and x.message_id = e.event_id::text and x.redriven_at is null
          and not exists (select from audit.risk_assessment a where a.event_id = e.event_id)
      ) or exists (
        select from audit.risk_assessment a
        join audit.dead_letter x on x.queue = 'advisory' and x.message_id = a.assessment_id::text
          and x.redriven_at is null
        where a.event_id = e.event_id
          and not exists (select from audit.evaluation v where v.assessment_id = a.assessment_id)
      ) or exists (
        select from audit.evaluation v
        join audit.dead_letter x on x.queue = 'awaiting-decision'
          and x.message_id = v.evaluation_id::text and x.redriven_at is null
        where v.event_id = e.event_id
          and not exists (select from audit.review r where r.evaluation_id = v.evaluation_id)
      ) then 'dead-lettered'
      when not exists (
        select from audit.evaluation v where v.event_id = e.event_id
      ) then 'normalized'
      when exists (
        select from audit.advisory a
        left join audit.decision d on d.advisory_id = a.advisory_id and d.finalized_at is not null
        left join audit.execution x on x.decision_id = d.decision_id
        where a.event_id = e.event_id
          and (d.decision_id is null
            or (d.decision_type in ('approved', 'override') and x.completed_at is null))
      ) then 'evaluated'
      else 'closed'
    end as state
  from audit.event e;
comment on view audit.event_state is
  'Where an event is in its life, derived from the rows that exist: normalized, evaluated, closed, '
  'or dead-lettered where a stage gave up.';

grant usage on schema audit to sentinelops_audit;
grant select on audit.person, audit.role_grant, audit.source, audit.event, audit.event_payload,
  audit.dead_letter, audit.policy, audit.policy_change, audit.policy_approval, audit.risk_model,
  audit.risk_model_change, audit.risk_assessment, audit.evaluation, audit.advisory, audit.review,
  audit.decision, audit.approval, audit.execution, audit.attempt, audit.ledger_entry, audit.fact,
  audit.event_state to sentinelops_audit;

reset role;
