-- Gaps: what is recorded and has no successor yet. One view for each hand-off, and one definition
-- for all who ask: the reconciler, which sends again what has been a gap for too long; the health
-- checks; the status of the command line; whoever proves that nothing was lost.
--
-- Each view has the id to be sent, and since when its successor is due. `since` is a column of the
-- recorded row, so that a span of time is found through that column's index; where one message is
-- sent for several rows, they were recorded in one transaction and agree in it.
--
-- A message that a stage has given up is no gap: it waits as a dead letter for a person. Except where
-- the letter says that the id was unknown. The row is there now, so whoever sent that message was
-- early, or a forger, and must not hold up the real one.

set local role sentinelops_audit_owner;

create or replace view audit.dead_letter as
  select dead_letter_id, queue, message_id, source_system, external_id, event_id, reason, detail,
    error_class, claims, content, content_bytes, content_sha256, created_at, redriven_at,
    discarded_at, discarded_by, discard_reason, salt, row_digest, kind, headers
  from event.dead_letter_for_audit;
create view audit.redrive as
  select dead_letter_id, redriven_at, redriven_by from event.redrive_for_audit;

create view audit.given_up as
  select queue, message_id from audit.dead_letter
  where redriven_at is null and reason <> 'unknown_id';
comment on view audit.given_up is
  'Messages that wait as dead letters, or were discarded: no stage will take them by itself.';

create view audit.redriven_message as
  select x.queue, x.message_id::uuid as id, x.redriven_at
  from audit.dead_letter x
  where x.redriven_at is not null
    and case when x.message_id ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then true end;
comment on view audit.redriven_message is
  'Messages behind ingest that were sent again after a stage had given them up.';

create view audit.gap_assessment as
  select e.event_id as id, e.created_at as since
  from audit.event e
  where not exists (select from audit.risk_assessment a where a.event_id = e.event_id)
    and not exists (
      select from audit.given_up x where x.queue = 'risk' and x.message_id = e.event_id::text);
comment on view audit.gap_assessment is 'Events without an assessment.';

create view audit.gap_evaluation as
  select a.assessment_id as id, a.created_at as since
  from audit.risk_assessment a
  where not exists (select from audit.evaluation v where v.assessment_id = a.assessment_id)
    and not exists (
      select from audit.given_up x
      where x.queue = 'advisory' and x.message_id = a.assessment_id::text);
comment on view audit.gap_evaluation is 'Assessments without an evaluation.';

create view audit.gap_review as
  select distinct a.evaluation_id as id, a.created_at as since
  from audit.advisory a
  where not exists (select from audit.review r where r.advisory_id = a.advisory_id)
    and not exists (
      select from audit.given_up x
      where x.queue = 'awaiting-decision' and x.message_id = a.evaluation_id::text);
comment on view audit.gap_review is
  'Evaluations with an advisory that has no review: the message names the evaluation.';

create view audit.gap_decision_entry as
  select d.decision_id as id, d.finalized_at as since
  from audit.decision d
  where d.finalized_at is not null
    and not exists (
      select from audit.ledger_entry l
      where l.linked_entity_id = d.decision_id and l.entry_type = 'DECISION')
    and not exists (
      select from audit.given_up x
      where x.queue = 'ledger' and x.message_id = d.decision_id::text);
comment on view audit.gap_decision_entry is 'Finalised decisions without a ledger entry.';

create view audit.gap_execution as
  select d.decision_id as id, l.sealed_at as since
  from audit.ledger_entry l
  join audit.decision d on d.decision_id = l.linked_entity_id
  where l.entry_type = 'DECISION' and d.decision_type in ('approved', 'override')
    and not exists (select from audit.execution x where x.decision_id = d.decision_id)
    and not exists (
      select from audit.given_up x
      where x.queue = 'execution' and x.message_id = d.decision_id::text);
comment on view audit.gap_execution is
  'Approving decisions in the ledger without an execution. Due since the entry, not since the '
  'decision: before it nothing may be executed.';

create view audit.gap_entry as
  select f.entry_type as type, f.linked_entity_id as id, f.recorded_at as since
  from audit.fact f
  where f.entry_type <> 'DECISION'
    and not exists (
      select from audit.ledger_entry l
      where l.linked_entity_id = f.linked_entity_id and l.entry_type = f.entry_type)
    and not exists (
      select from audit.given_up x
      where x.queue = 'ledger' and x.message_id = f.linked_entity_id::text);
comment on view audit.gap_entry is
  'Recorded facts of every kind but decisions without a ledger entry.';

create view audit.overdue_round as
  select decision_id, review_id, event_id, round, risk_level, due_at
  from decision.overdue_round_for_audit;
comment on view audit.overdue_round is
  'Rounds of reviews that are still pending after their time. People are asked, nothing is sent.';

create view audit.ledger_health as
  select beaten_at, age_ms, healthy from ledger.health_for_audit;

grant select on audit.redrive, audit.redriven_message, audit.gap_assessment, audit.gap_evaluation,
  audit.gap_review, audit.gap_decision_entry, audit.gap_execution, audit.gap_entry,
  audit.overdue_round, audit.ledger_health to sentinelops_audit;

reset role;
