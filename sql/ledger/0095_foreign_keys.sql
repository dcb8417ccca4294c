-- Real foreign keys from every entry to its entity: an entry about something that does not exist cannot be appended.
--
-- They are added when all tables stand: an execution refers to its decision's entry, and its own entry refers to it. The
-- tables point at each other, the rows never do. All NO ACTION: a cascade would only run into the guards of the ledger.

set local role sentinelops_ledger_owner;

alter table ledger.ledger_entry
  add constraint entry_of_an_event foreign key (event_id) references event.event (event_id),
  add constraint entry_of_an_assessment foreign key (assessment_id) references risk.risk_assessment (assessment_id),
  add constraint entry_of_an_evaluation foreign key (evaluation_id) references advisory.evaluation (evaluation_id),
  add constraint entry_of_an_advisory foreign key (advisory_id) references advisory.advisory (advisory_id),
  add constraint entry_of_a_decision foreign key (decision_id) references decision.decision (decision_id),
  add constraint entry_of_an_execution foreign key (execution_id) references execution.execution (execution_id),
  add constraint entry_of_a_dead_letter foreign key (dead_letter_id) references event.dead_letter (dead_letter_id),
  add constraint entry_of_a_policy_version foreign key (policy_id, policy_version)
    references policy.policy (policy_id, version) match full,
  add constraint entry_of_a_model_version foreign key (risk_model_id, risk_model_version)
    references risk.risk_model (model_id, version) match full;

reset role;
