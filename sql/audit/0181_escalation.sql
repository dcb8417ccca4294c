-- Escalations are facts: each has an entry in the ledger, and a gap until then. Warnings are shown, and
-- are no facts.

set local role sentinelops_audit_owner;

create or replace view audit.decision as
  select decision_id, advisory_id, decision_type, decision_maker_id, decision_maker_role,
    justification, created_at, finalized_at, review_id, event_id, round, risk_level,
    required_authority, valid_for_s, view_digest, option_id, expires_at, salt, row_digest,
    escalated_at
  from decision.decision_for_audit;
create view audit.round_warning as
  select decision_id, warned_at from decision.round_warning_for_audit;
comment on view audit.round_warning is
  'Rounds about which people were warned that the review will be escalated.';

create or replace view audit.fact as
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
  select 'DECISION', decision_id, row_digest, event_id, escalated_at
  from audit.decision where escalated_at is not null
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

-- Not coalesce(): each branch is found through the index of its own instant.
create or replace view audit.gap_decision_entry as
  select ended.decision_id as id, ended.since
  from (
    select decision_id, finalized_at as since from audit.decision where finalized_at is not null
    union all
    select decision_id, escalated_at from audit.decision where escalated_at is not null
  ) as ended
  where not exists (
      select from audit.ledger_entry l
      where l.linked_entity_id = ended.decision_id and l.entry_type = 'DECISION')
    and not exists (
      select from audit.given_up x
      where x.queue = 'ledger' and x.message_id = ended.decision_id::text);
comment on view audit.gap_decision_entry is
  'Decisions that are final or were escalated, without a ledger entry.';

grant select on audit.round_warning to sentinelops_audit;

reset role;
