-- What it takes to send a dead letter again, and to discard it.
--
-- A message of `ingest` is its body and what the transport knew beside it, so a letter keeps both.
-- Each time that a letter is sent again is a row of its own: `redriven_at` of the letter says only
-- whether it is open, and is taken back when the message is refused once more.

set local role sentinelops_event_owner;

alter table event.dead_letter
  add column kind varchar(40),
  add column headers jsonb,
  add constraint headers_are_an_object check (jsonb_typeof(headers) = 'object');
comment on column event.dead_letter.kind is
  'The kind of source by which the message was read, null for the default one; behind ingest the '
  'type that the message named, null where it named none.';
comment on column event.dead_letter.headers is
  'The headers that came with the message, signatures among them; null where there were none.';

create index idx_dead_letter_redriven on event.dead_letter (redriven_at)
  where redriven_at is not null;

create table event.redrive (
  dead_letter_id uuid not null constraint redrive_of_a_dead_letter
    references event.dead_letter (dead_letter_id),
  redriven_at timestamptz not null,
  redriven_by uuid constraint redriven_by_a_person references identity.person (person_id),
  constraint redrive_key primary key (dead_letter_id, redriven_at)
);
comment on table event.redrive is
  'Each time that a dead letter was sent again. Whether it was refused again says the letter.';
comment on column event.redrive.redriven_by is
  'Null when it was done on the command line by somebody who did not say who they are.';

-- A person decides that what was sent will never be dealt with, and answers for it.
create function event.discard_is_by_an_operator() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if not exists (
    select from identity.operator_for_event o where o.person_id = new.discarded_by) then
    raise exception 'a dead letter is discarded by an Operator' using errcode = '42501';
  end if;
  return new;
end
$$;
create trigger discard_is_by_an_operator before update on event.dead_letter
  for each row when (old.discarded_at is null and new.discarded_by is not null)
  execute function event.discard_is_by_an_operator();
alter table event.dead_letter enable always trigger discard_is_by_an_operator;

-- The two columns are added at the end and may be left out, so that processes of the release before
-- go on keeping letters while this one is rolled out.
drop function event.keep_dead_letters(uuid[], text[], text[], text[], text[], uuid[], text[], text[],
  text[], integer[], bytea[], integer[], text[]);
create function event.keep_dead_letters(
  dead_letter_id uuid[], queue text[], message_id text[], source_system text[], external_id text[],
  event_id uuid[], reason text[], detail text[], error_class text[], claims integer[],
  content bytea[], content_bytes integer[], content_sha256 text[], kind text[] default null,
  headers jsonb[] default null
) returns bigint
language sql security definer set search_path = pg_catalog, pg_temp as $$
  with kept as (
    insert into event.dead_letter as standing (dead_letter_id, queue, message_id, source_system,
      external_id, event_id, reason, detail, error_class, claims, content, content_bytes,
      content_sha256, kind, headers)
    select distinct on (letter.dead_letter_id) letter.dead_letter_id, letter.queue,
      letter.message_id, letter.source_system, letter.external_id, letter.event_id, letter.reason,
      letter.detail, letter.error_class, letter.claims, letter.content, letter.content_bytes,
      letter.content_sha256, letter.kind, letter.headers
    from unnest(dead_letter_id, queue, message_id, source_system, external_id, event_id, reason,
        detail, error_class, claims, content, content_bytes, content_sha256, kind, headers)
      as letter (dead_letter_id, queue, message_id, source_system, external_id, event_id, reason,
        detail, error_class, claims, content, content_bytes, content_sha256, kind, headers)
    order by letter.dead_letter_id
    -- Sent again and refused again for the same reason: the letter that stands is open once more.
    on conflict (dead_letter_id) do update set redriven_at = null
    where standing.redriven_at is not null
    returning 1
  )
  select count(*) from kept
$$;
comment on function event.keep_dead_letters is
  'The one way in: any actor may add a dead letter, none may read or change another''s. Returns '
  'how many are new or open again.';

create or replace view event.dead_letter_for_audit as
  select dead_letter_id, queue, message_id, source_system, external_id, event_id, reason, detail,
    error_class, claims, content, content_bytes, content_sha256, created_at, redriven_at,
    discarded_at, discarded_by, discard_reason, salt, row_digest, kind, headers
  from event.dead_letter;
create view event.redrive_for_audit as
  select dead_letter_id, redriven_at, redriven_by from event.redrive;

grant execute on function event.keep_dead_letters
  to sentinelops_event, sentinelops_risk, sentinelops_advisory, sentinelops_decision,
  sentinelops_execution, sentinelops_ledger;
grant select, insert on event.redrive to sentinelops_event;
grant select on event.redrive_for_audit to sentinelops_audit_owner;

reset role;
call sentinelops.guard_append_only('event.redrive');
