-- Evaluations (which policies were asked, which fired, with which values) and the advisories that
-- follow.

create schema if not exists advisory;
alter schema advisory owner to sentinelops_advisory_owner;
set local role sentinelops_advisory_owner;

create table advisory.evaluation (
  evaluation_id uuid constraint evaluation_key primary key,
  event_id uuid not null constraint evaluation_of_an_event references event.event (event_id),
  assessment_id uuid not null constraint evaluation_of_an_assessment
    references risk.risk_assessment (assessment_id),
  outcome varchar(20) not null,
  policies jsonb not null,
  evaluated_at timestamptz not null,
  created_at timestamptz not null default now(),
  row_digest varchar(64) not null,
  constraint one_evaluation_per_assessment unique (assessment_id),
  constraint outcome_is_known check (outcome in ('NO_MATCH', 'MATCH', 'UNKNOWN')),
  constraint policies_were_asked check (jsonb_typeof(policies) = 'array')
);
comment on table advisory.evaluation is
  'One for each assessment: what the active policies said of the event. NO_MATCH ends the event '
  'here.';
comment on column advisory.evaluation.outcome is
  'MATCH when a policy fired; UNKNOWN when one could not be evaluated, which is never read as '
  'compliant.';
comment on column advisory.evaluation.policies is
  'Every policy version that was asked, with its answer: [{"policy": "name@version", "result": '
  '"matched"}].';
-- See event.event: no statistics that would make the checks of foreign keys scan.
alter table advisory.evaluation set (autovacuum_analyze_threshold = 5000);
create index idx_evaluation_event on advisory.evaluation (event_id);
create index idx_evaluation_created
  on advisory.evaluation using brin (created_at) with (autosummarize = on);

create table advisory.advisory (
  advisory_id uuid constraint advisory_key primary key,
  event_id uuid not null constraint advisory_on_an_event references event.event (event_id),
  policy_id uuid not null,
  policy_version integer not null,
  risk_level varchar(20) not null,
  recommendation_options jsonb not null,
  justification_text text not null,
  created_at timestamptz not null default now(),
  advisory_version integer not null default 1,
  evaluation_id uuid not null constraint advisory_of_an_evaluation
    references advisory.evaluation (evaluation_id),
  assessment_id uuid not null constraint advisory_of_an_assessment
    references risk.risk_assessment (assessment_id),
  basis varchar(20) not null,
  conditions jsonb not null,
  conflict boolean not null,
  salt varchar(64) not null,
  row_digest varchar(64) not null,
  constraint advisory_under_a_policy_version
    foreign key (policy_id, policy_version) references policy.policy (policy_id, version),
  constraint one_advisory_per_event_policy_and_version unique (event_id, policy_id,
    advisory_version),
  constraint advisory_version_starts_at_one check (advisory_version > 0),
  constraint level_is_known check (risk_level in ('LOW', 'MEDIUM', 'HIGH', 'CRITICAL', 'UNKNOWN')),
  constraint basis_is_known check (basis in ('matched', 'unknown')),
  constraint unknown_basis_is_unknown_risk check (basis = 'matched' or risk_level = 'UNKNOWN')
);
comment on table advisory.advisory is
  'What the system proposes to people because one policy fired on one event. Never changed.';
comment on column advisory.advisory.recommendation_options is
  'The options with their rendered commands: [{"option", "title", "target", "command"}].';
comment on column advisory.advisory.justification_text is 'Why, in words that a person can check.';
comment on column advisory.advisory.basis is
  'matched: the conditions held. unknown: the policy could not be evaluated; only an override can '
  'act on it.';
comment on column advisory.advisory.conditions is
  'Each condition with its fact, path, operator, expected and actual value, and result.';
comment on column advisory.advisory.conflict is
  'Another advisory of the same event recommends the contrary: it takes one role higher to decide.';
alter table advisory.advisory set (autovacuum_analyze_threshold = 5000);
create index idx_advisory_event on advisory.advisory (event_id);
create index idx_advisory_policy on advisory.advisory (policy_id);
create index idx_advisory_risk_level on advisory.advisory (risk_level);
create index idx_advisory_evaluation on advisory.advisory (evaluation_id);
create index idx_advisory_created
  on advisory.advisory using brin (created_at) with (autosummarize = on);

-- The columns that repeat the parent's (event, level) are what later stages and the authority table
-- go by, so they are held to the parent once, when the row is kept; both are immutable from then
-- on. One look for a whole batch: a scalar subquery for each row, which the planner cannot turn
-- into a join, and no sequential scan. The plan is kept by the session, and may have been made when
-- the tables were empty.

create function advisory.evaluation_is_of_its_assessment() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp set enable_seqscan = off as $$
declare
  stray uuid;
begin
  select kept.evaluation_id into stray from kept
  where (
    select a.event_id = kept.event_id
    from risk.assessment_for_advisory a where a.assessment_id = kept.assessment_id
  ) is not true limit 1;
  if found then
    raise exception 'evaluation % names another event than its assessment', stray
      using errcode = '23514', constraint = 'evaluation_is_of_its_assessment';
  end if;
  return null;
end
$$;
create trigger evaluation_is_of_its_assessment after insert on advisory.evaluation
  referencing new table as kept for each statement
  execute function advisory.evaluation_is_of_its_assessment();
alter table advisory.evaluation enable always trigger evaluation_is_of_its_assessment;

create function advisory.advisory_is_of_its_evaluation() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp set enable_seqscan = off as $$
declare
  stray uuid;
begin
  select kept.advisory_id into stray from kept
  where (
    select v.assessment_id = kept.assessment_id and v.event_id = kept.event_id
      and v.outcome <> 'NO_MATCH'
    from advisory.evaluation v where v.evaluation_id = kept.evaluation_id
  ) is not true or (
    select kept.basis = 'unknown' or a.risk_level = kept.risk_level
    from risk.assessment_for_advisory a where a.assessment_id = kept.assessment_id
  ) is not true limit 1;
  if found then
    raise exception 'advisory % names another event, assessment or level than its evaluation', stray
      using errcode = '23514', constraint = 'advisory_is_of_its_evaluation';
  end if;
  return null;
end
$$;
create trigger advisory_is_of_its_evaluation after insert on advisory.advisory
  referencing new table as kept for each statement
  execute function advisory.advisory_is_of_its_evaluation();
alter table advisory.advisory enable always trigger advisory_is_of_its_evaluation;

create view advisory.advisory_for_decision as
  select advisory_id, event_id, evaluation_id, assessment_id, policy_id, policy_version, risk_level,
    recommendation_options,
    justification_text, conditions, conflict, basis, advisory_version, created_at, row_digest
  from advisory.advisory;
create view advisory.evaluation_for_decision as
  select evaluation_id, event_id, assessment_id, outcome, policies, evaluated_at, row_digest
    from advisory.evaluation;
create view advisory.advisory_for_execution as
  select advisory_id, event_id, evaluation_id, assessment_id, policy_id, policy_version, risk_level,
    recommendation_options, conflict, advisory_version, row_digest
  from advisory.advisory;
create view advisory.evaluation_for_ledger with (security_barrier) as
  select evaluation_id as linked_entity_id, event_id, row_digest as digest, outcome, policies,
    evaluated_at as "timestamp"
  from advisory.evaluation where outcome = 'NO_MATCH';
create view advisory.advisory_for_ledger as
  select advisory_id as linked_entity_id, event_id, row_digest as digest, assessment_id, policy_id,
    policy_version, risk_level, advisory_version, created_at as "timestamp"
  from advisory.advisory;
create view advisory.evaluation_for_audit as
  select evaluation_id, event_id, assessment_id, outcome, policies, evaluated_at, created_at,
    row_digest
  from advisory.evaluation;
create view advisory.advisory_for_audit as
  select advisory_id, event_id, policy_id, policy_version, risk_level, recommendation_options,
    justification_text, created_at,
    advisory_version, evaluation_id, assessment_id, basis, conditions, conflict, salt, row_digest
  from advisory.advisory;

grant usage on schema advisory to sentinelops_advisory, sentinelops_decision, sentinelops_execution,
  sentinelops_ledger, sentinelops_audit_owner, sentinelops_decision_owner, sentinelops_ledger_owner;
grant select, insert on advisory.evaluation, advisory.advisory to sentinelops_advisory;
grant select on advisory.advisory_for_decision, advisory.evaluation_for_decision
  to sentinelops_decision;
grant select on advisory.advisory_for_execution to sentinelops_execution;
grant select on advisory.evaluation_for_ledger, advisory.advisory_for_ledger to sentinelops_ledger;
grant select on advisory.evaluation_for_audit, advisory.advisory_for_audit
  to sentinelops_audit_owner;
grant references (advisory_id) on advisory.advisory
  to sentinelops_decision_owner, sentinelops_ledger_owner;
grant references (evaluation_id) on advisory.evaluation
  to sentinelops_decision_owner, sentinelops_ledger_owner;

reset role;
call sentinelops.guard_append_only('advisory.evaluation');
call sentinelops.guard_append_only('advisory.advisory');
