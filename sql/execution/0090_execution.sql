-- Executions: what an approved decision asked of a target, and every attempt.
--
-- The foreign key to the decision's ledger entry is the barrier of the whole house: a row here
-- cannot exist before that entry is committed, whatever a queue, a job or our own code says.

create schema if not exists execution;
alter schema execution owner to sentinelops_execution_owner;
grant usage on schema ledger to sentinelops_execution_owner;
grant references (linked_entity_id, entry_type) on ledger.ledger_entry
  to sentinelops_execution_owner;
set local role sentinelops_execution_owner;

create table execution.execution (
  execution_id uuid constraint execution_key primary key,
  decision_id uuid not null constraint execution_of_a_decision
    references decision.decision (decision_id),
  target_system varchar(100) not null,
  execution_command jsonb not null,
  execution_status varchar(20) not null,
  requested_at timestamptz not null default now(),
  completed_at timestamptz,
  event_id uuid not null,
  action_no integer not null,
  request_body text not null,
  command_sha256 varchar(64) not null,
  expires_at timestamptz not null,
  claim_epoch integer not null default 0,
  claimed_until timestamptz,
  next_attempt_at timestamptz,
  failure_reason varchar(40),
  response_sha256 varchar(64),
  row_digest varchar(64),
  ledger_type text not null generated always as ('DECISION') stored,
  constraint decision_is_in_the_ledger
    foreign key (decision_id, ledger_type)
    references ledger.ledger_entry (linked_entity_id, entry_type),
  constraint one_execution_per_decision_and_action unique (decision_id, action_no),
  constraint status_is_known check (execution_status in ('requested', 'dispatched', 'acknowledged',
    'failed')),
  constraint completed_exactly_when_final
    check ((execution_status in ('acknowledged', 'failed')) = (completed_at is not null)),
  constraint final_rows_have_a_digest check (completed_at is null or row_digest is not null),
  constraint failure_has_its_reason
    check ((execution_status = 'failed') = (failure_reason is not null)),
  constraint failure_reason_is_known
    check (failure_reason in ('refused', 'expired', 'rejected', 'exhausted', 'outcome_unknown')),
  constraint final_rows_wait_for_nothing check (completed_at is null or next_attempt_at is null)
);
comment on table execution.execution is
  'One for each action of an approving decision. Immutable once acknowledged or failed.';
comment on column execution.execution.request_body is 'The exact bytes that every attempt sends.';
comment on column execution.execution.command_sha256 is
  'SHA-256 of the canonical JSON of the command that was shown and approved.';
comment on column execution.execution.claim_epoch is
  'Counts the claims; an outcome is written only by the claim that is still the last.';
comment on column execution.execution.claimed_until is
  'Until then no other dispatcher takes the row.';
comment on column execution.execution.failure_reason is
  'refused: what would run is not what was approved. expired: too late. rejected: the target said '
  'no. exhausted: every retry failed. outcome_unknown: it may have happened; a person must look.';
-- See event.event: no statistics that would make the checks of foreign keys scan.
alter table execution.execution set (autovacuum_analyze_threshold = 5000);
create index idx_execution_decision on execution.execution (decision_id);
create index idx_execution_target on execution.execution (target_system);
create index idx_execution_status on execution.execution (execution_status);
create index idx_execution_event on execution.execution (event_id);
create index idx_execution_due on execution.execution (target_system, next_attempt_at, execution_id)
  where completed_at is null;
create index idx_execution_expiry on execution.execution (expires_at) where completed_at is null;
create index idx_execution_completed on execution.execution (completed_at)
  where completed_at is not null;

create table execution.attempt (
  execution_id uuid not null constraint attempt_of_an_execution
    references execution.execution (execution_id),
  attempt_no integer not null,
  claim_epoch integer not null,
  idempotency_key varchar(100) not null,
  body_sha256 varchar(64) not null,
  started_at timestamptz not null,
  finished_at timestamptz,
  outcome varchar(20),
  http_status integer,
  response_sha256 varchar(64),
  detail varchar(500),
  constraint attempt_key primary key (execution_id, attempt_no),
  constraint attempt_starts_at_one check (attempt_no >= 1),
  constraint outcome_is_known check (outcome in ('acknowledged', 'rejected', 'retry',
    'outcome_unknown')),
  constraint finished_with_an_outcome check ((finished_at is null) = (outcome is null))
);
comment on table execution.attempt is
  'One call to a target. Committed before the first byte leaves; an attempt without outcome may '
  'have reached the target.';
comment on column execution.attempt.attempt_no is '1 for the first call, one more for each retry.';
comment on column execution.attempt.claim_epoch is
  'The claim of the execution under which it runs.';
comment on column execution.attempt.idempotency_key is
  'The execution''s id, the same in every attempt: a target acts once for each key.';
comment on column execution.attempt.body_sha256 is
  'SHA-256 of the bytes sent, those of request_body.';
comment on column execution.attempt.outcome is
  'retry: surely nothing happened. outcome_unknown: it may have happened.';
comment on column execution.attempt.response_sha256 is 'SHA-256 of the answer''s bytes.';
create index idx_attempt_open on execution.attempt (execution_id) where finished_at is null;

-- The ledger also holds entries of decisions that reject, so the foreign key alone would let those
-- be executed. Looked up by key, row by row, whatever the tables looked like when the session made
-- its plan.
create function execution.execution_is_of_an_approving_decision() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp set enable_seqscan = off as $$
declare
  stray uuid;
begin
  select kept.execution_id into stray from kept
  where kept.execution_status not in ('requested', 'failed') or (
    select d.event_id = kept.event_id and d.expires_at = kept.expires_at
    from decision.decision_for_execution d where d.decision_id = kept.decision_id
  ) is not true limit 1;
  if found then
    raise exception 'execution % does not follow from an approving decision', stray
      using errcode = '23514', constraint = 'execution_is_of_an_approving_decision';
  end if;
  -- What does not match what was approved is kept as failed (refused); it can never be sent.
  select kept.execution_id into stray from kept
  where kept.execution_status = 'requested' and (
    select bool_or(option ->> 'option' = d.option_id and option ->> 'target' = kept.target_system
      and option -> 'command' = kept.execution_command)
    from decision.decision_for_execution d
    cross join lateral (
      select a.recommendation_options from advisory.advisory_for_execution a
      where a.advisory_id = d.advisory_id limit 1) as approved
    cross join jsonb_array_elements(approved.recommendation_options) as option
    where d.decision_id = kept.decision_id
  ) is not true limit 1;
  if found then
    raise exception 'what execution % would do is not what was approved', stray
      using errcode = '23514', constraint = 'execution_is_what_was_approved';
  end if;
  return null;
end
$$;
create trigger execution_is_of_an_approving_decision after insert on execution.execution
  referencing new table as kept for each statement
  execute function execution.execution_is_of_an_approving_decision();
alter table execution.execution enable always trigger execution_is_of_an_approving_decision;

create function execution.execution_is_final_once() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if old.completed_at is not null then
    raise exception 'execution % is % and never changes again', old.execution_id,
      old.execution_status using errcode = '42501';
  end if;
  if (old.execution_status, new.execution_status) not in (
    ('requested', 'requested'), ('requested', 'dispatched'), ('requested', 'failed'),
    ('dispatched', 'dispatched'), ('dispatched', 'acknowledged'), ('dispatched', 'failed')) then
    raise exception 'an execution does not go from % to %', old.execution_status,
      new.execution_status using errcode = '42501';
  end if;
  return new;
end
$$;
create trigger execution_is_final_once before update on execution.execution for each row
  execute function execution.execution_is_final_once();
alter table execution.execution enable always trigger execution_is_final_once;

create function execution.attempt_is_finished_once() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if old.finished_at is not null then
    raise exception 'attempt % of execution % is immutable', old.attempt_no, old.execution_id
      using errcode = '42501';
  end if;
  return new;
end
$$;
create trigger attempt_is_finished_once before update on execution.attempt
  for each row execute function execution.attempt_is_finished_once();
alter table execution.attempt enable always trigger attempt_is_finished_once;

create function execution.attempt_is_of_the_running_claim() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp set enable_seqscan = off as $$
declare
  stray record;
begin
  select kept.attempt_no, kept.execution_id into stray from kept
  where (
    select x.completed_at is null and x.claim_epoch = kept.claim_epoch and x.expires_at > now()
      and kept.idempotency_key = x.execution_id::text
      and kept.body_sha256 = encode(sha256(convert_to(x.request_body, 'UTF8')), 'hex')
    from execution.execution x where x.execution_id = kept.execution_id
  ) is not true limit 1;
  if found then
    raise exception 'attempt % of execution % has another claim or body, or comes too late',
      stray.attempt_no, stray.execution_id
      using errcode = '23514', constraint = 'attempt_is_of_the_running_claim';
  end if;
  return null;
end
$$;
create trigger attempt_is_of_the_running_claim after insert on execution.attempt
  referencing new table as kept for each statement
  execute function execution.attempt_is_of_the_running_claim();
alter table execution.attempt enable always trigger attempt_is_of_the_running_claim;

create view execution.execution_for_ledger with (security_barrier) as
  select execution_id as linked_entity_id, event_id, row_digest as digest, decision_id,
    target_system, execution_status, command_sha256, response_sha256, completed_at as "timestamp"
  from execution.execution where completed_at is not null;
create view execution.execution_for_audit as
  select execution_id, decision_id, target_system, execution_command, execution_status,
    requested_at, completed_at, event_id, action_no, request_body, command_sha256, expires_at,
    claim_epoch, claimed_until, next_attempt_at, failure_reason, response_sha256, row_digest
  from execution.execution;
create view execution.attempt_for_audit as
  select execution_id, attempt_no, claim_epoch, idempotency_key, body_sha256, started_at,
    finished_at, outcome, http_status, response_sha256, detail
  from execution.attempt;

grant usage on schema execution
  to sentinelops_execution, sentinelops_ledger, sentinelops_audit_owner, sentinelops_ledger_owner;
grant select, insert on execution.execution, execution.attempt to sentinelops_execution;
grant update (execution_status, completed_at, claim_epoch, claimed_until, next_attempt_at,
  failure_reason, response_sha256, row_digest)
  on execution.execution to sentinelops_execution;
grant update (finished_at, outcome, http_status, response_sha256, detail) on execution.attempt
  to sentinelops_execution;
grant select on execution.execution_for_ledger to sentinelops_ledger;
grant select on execution.execution_for_audit, execution.attempt_for_audit
  to sentinelops_audit_owner;
grant references (execution_id) on execution.execution to sentinelops_ledger_owner;

reset role;
call sentinelops.guard_keep_rows('execution.execution', 'execution_status', 'completed_at',
  'claim_epoch', 'claimed_until',
  'next_attempt_at', 'failure_reason', 'response_sha256', 'row_digest');
call sentinelops.guard_keep_rows('execution.attempt', 'finished_at', 'outcome', 'http_status',
  'response_sha256', 'detail');
