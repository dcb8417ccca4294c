-- Risk: models in immutable versions, and one assessment of each event under the model that was
-- active.

create schema if not exists risk;
alter schema risk owner to sentinelops_risk_owner;
set local role sentinelops_risk_owner;

create table risk.risk_model (
  model_id uuid not null,
  version integer not null,
  threshold_definition jsonb not null,
  classification_rules jsonb not null,
  status varchar(20) not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  name varchar(100) not null,
  context varchar(100) not null,
  definition_sha256 varchar(64) not null,
  author uuid not null constraint model_author_is_a_person references identity.person (person_id),
  approver uuid constraint model_approver_is_a_person references identity.person (person_id),
  active_from timestamptz,
  active_to timestamptz,
  constraint risk_model_key primary key (model_id, version),
  constraint one_model_version_per_name unique (name, version),
  constraint version_starts_at_one check (version >= 1),
  constraint status_is_known check (status in ('defined', 'active', 'superseded')),
  constraint activated_by_someone_else
    check (status = 'defined' or (approver is not null and approver <> author)),
  constraint active_from_its_activation check ((status = 'defined') = (active_from is null)),
  constraint superseded_has_an_end check ((status = 'superseded') = (active_to is not null))
);
comment on table risk.risk_model is
  'One row for each version of a model. Factors and thresholds never change; only the status '
  'moves, forward.';
comment on column risk.risk_model.model_id is
  'Derived from the name: the same model in every version.';
comment on column risk.risk_model.threshold_definition is
  'Score from which a level holds: {"MEDIUM": 30, "HIGH": 60, "CRITICAL": 90}; below MEDIUM is '
  'LOW.';
comment on column risk.risk_model.classification_rules is
  'The factors: conditions, each with its points.';
comment on column risk.risk_model.context is
  'Evaluation context: events are assessed once for each; one model is active in it.';
create index idx_risk_model_status on risk.risk_model (status);
create unique index one_active_model_per_context on risk.risk_model (context)
  where status = 'active';

create table risk.risk_model_change (
  change_id uuid constraint risk_model_change_key primary key,
  model_id uuid not null,
  version integer not null,
  from_status varchar(20),
  to_status varchar(20) not null,
  definition_sha256 varchar(64) not null,
  actor uuid not null constraint model_changed_by_a_person references identity.person (person_id),
  changed_at timestamptz not null default now(),
  row_digest varchar(64) not null,
  constraint change_of_a_model_version
    foreign key (model_id, version) references risk.risk_model (model_id, version),
  constraint each_status_reached_once unique (model_id, version, to_status)
);
comment on table risk.risk_model_change is
  'Every change of status of every version, with the person who made it. A ledger fact each.';
create index idx_risk_model_change_changed on risk.risk_model_change (changed_at);

create table risk.risk_assessment (
  assessment_id uuid constraint risk_assessment_key primary key,
  event_id uuid not null constraint assessment_of_an_event references event.event (event_id),
  risk_model_id uuid,
  risk_model_version integer,
  risk_score numeric(10, 4),
  risk_level varchar(20) not null,
  evaluated_at timestamptz not null,
  context varchar(100) not null,
  contributions jsonb not null,
  created_at timestamptz not null default now(),
  salt varchar(64) not null,
  row_digest varchar(64) not null,
  constraint assessment_under_a_model_version foreign key (risk_model_id, risk_model_version)
    references risk.risk_model (model_id, version) match full,
  constraint one_assessment_per_event_and_context unique (event_id, context),
  constraint level_is_known check (risk_level in ('LOW', 'MEDIUM', 'HIGH', 'CRITICAL', 'UNKNOWN')),
  constraint unknown_is_never_a_number check ((risk_level = 'UNKNOWN') = (risk_score is null)),
  constraint known_level_needs_a_model check (risk_level = 'UNKNOWN' or risk_model_id is not null)
);
comment on table risk.risk_assessment is
  'How risky an event is, and why. UNKNOWN, never zero, when the engine or the model failed.';
comment on column risk.risk_assessment.contributions is
  'Every factor with its points, whether it held, and the values that decided.';
comment on column risk.risk_assessment.salt is
  '32 random bytes in hex under the row digest, since the values may be names.';
comment on column risk.risk_assessment.risk_model_id is
  'Null only when no model was active: the level then is UNKNOWN.';
-- See event.event: no statistics that would make the checks of foreign keys scan.
alter table risk.risk_assessment set (autovacuum_analyze_threshold = 5000);
create index idx_risk_assessment_event on risk.risk_assessment (event_id);
create index idx_risk_assessment_level on risk.risk_assessment (risk_level);
create index idx_risk_assessment_created
  on risk.risk_assessment using brin (created_at) with (autosummarize = on);

create function risk.model_moves_forward() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if tg_op = 'INSERT' then
    if new.status <> 'defined' then
      raise exception 'a model version starts as defined' using errcode = '42501';
    end if;
    return null;
  end if;
  if (old.status, new.status) not in (('defined', 'active'), ('active', 'superseded')) then
    raise exception 'a model does not go from % to %', old.status, new.status
      using errcode = '42501';
  end if;
  if new.active_to < new.active_from or exists (
    select from risk.risk_model m
    where m.context = new.context and (m.model_id, m.version) <> (new.model_id, new.version)
      and tstzrange(m.active_from, m.active_to) && tstzrange(new.active_from, new.active_to)
      and m.active_from is not null and new.active_from is not null) then
    raise exception 'version % of model % would be in force beside another', new.version, new.name
      using errcode = '42501';
  end if;
  return null;
end
$$;
create trigger model_moves_forward after insert or update on risk.risk_model
  for each row execute function risk.model_moves_forward();
alter table risk.risk_model enable always trigger model_moves_forward;

create view risk.assessment_for_advisory as
  select assessment_id, event_id, context, risk_model_id, risk_model_version, risk_score,
    risk_level, contributions, evaluated_at, row_digest
  from risk.risk_assessment;
create view risk.assessment_for_decision as
  select assessment_id, event_id, context, risk_model_id, risk_model_version, risk_score,
    risk_level, contributions, evaluated_at, row_digest
  from risk.risk_assessment;
create view risk.assessment_for_execution as
  select assessment_id, event_id, risk_model_id, risk_model_version, risk_level, row_digest
    from risk.risk_assessment;
create view risk.assessment_for_ledger as
  select assessment_id as linked_entity_id, event_id, row_digest as digest, risk_model_id,
    risk_model_version, risk_score, risk_level, evaluated_at as "timestamp"
  from risk.risk_assessment;
create view risk.model_change_for_ledger as
  select change_id as linked_entity_id, null::uuid as event_id, row_digest as digest, model_id,
    version as model_version, from_status, to_status,
    definition_sha256, actor, changed_at as "timestamp"
  from risk.risk_model_change;
create view risk.assessment_for_audit as
  select assessment_id, event_id, risk_model_id, risk_model_version, risk_score, risk_level,
    evaluated_at, context, contributions, created_at, salt, row_digest
  from risk.risk_assessment;
create view risk.model_for_audit as
  select model_id, version, threshold_definition, classification_rules, status, created_at,
    updated_at, name, context, definition_sha256, author, approver, active_from, active_to
  from risk.risk_model;
create view risk.model_change_for_audit as
  select change_id, model_id, version, from_status, to_status, definition_sha256, actor, changed_at,
    row_digest
  from risk.risk_model_change;

grant usage on schema risk to sentinelops_risk, sentinelops_advisory, sentinelops_decision,
  sentinelops_execution, sentinelops_ledger,
  sentinelops_audit_owner, sentinelops_advisory_owner, sentinelops_ledger_owner;
grant select, insert on risk.risk_assessment to sentinelops_risk;
grant select, insert on risk.risk_model, risk.risk_model_change to sentinelops_risk;
grant update (status, approver, active_from, active_to, updated_at) on risk.risk_model
  to sentinelops_risk;
grant select on risk.assessment_for_advisory to sentinelops_advisory;
grant select on risk.assessment_for_decision to sentinelops_decision;
grant select on risk.assessment_for_execution to sentinelops_execution;
grant select on risk.assessment_for_ledger, risk.model_change_for_ledger to sentinelops_ledger;
grant select on risk.assessment_for_audit, risk.model_for_audit, risk.model_change_for_audit
  to sentinelops_audit_owner;
grant references (assessment_id) on risk.risk_assessment
  to sentinelops_advisory_owner, sentinelops_ledger_owner;
grant references (model_id, version) on risk.risk_model to sentinelops_ledger_owner;

reset role;
call sentinelops.guard_append_only('risk.risk_assessment');
call sentinelops.guard_append_only('risk.risk_model_change');
call sentinelops.guard_keep_rows('risk.risk_model', 'status', 'approver', 'active_from',
  'active_to', 'updated_at');
call sentinelops.guard_set_once('risk.risk_model', 'approver', 'active_from', 'active_to');
