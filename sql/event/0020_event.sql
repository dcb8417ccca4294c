-- What sources sent: events with their payloads, the registry of sources, and the dead letters of
-- every stage.

create schema if not exists event;
alter schema event owner to sentinelops_event_owner;
set local role sentinelops_event_owner;

create table event.source (
  source_system varchar(100) constraint source_key primary key,
  kind varchar(40) not null,
  description text not null default '',
  signature_required boolean not null,
  queue_age_max_s integer not null default 86400,
  created_at timestamptz not null default now(),
  retired_at timestamptz,
  constraint source_name_is_plain check (source_system ~ '^[0-9A-Za-z._:/-]+$'),
  constraint queue_age_is_positive check (queue_age_max_s > 0)
);
comment on table event.source is 'The systems that may send events, and how each proves itself.';
comment on column event.source.kind is
  'The name of a source kind in the code: cloudevents, github, …';
comment on column event.source.queue_age_max_s is
  'How old, in seconds, the timestamp of a signature may be when the event came through the queue.';

create table event.source_signing_key (
  source_key_id uuid constraint source_signing_key_key primary key,
  source_system varchar(100) not null constraint signing_key_of_a_source
    references event.source (source_system),
  algorithm varchar(20) not null,
  key_material bytea not null,
  created_at timestamptz not null default now(),
  retired_at timestamptz,
  constraint algorithm_is_known check (algorithm in ('hmac-sha256', 'ed25519')),
  constraint key_has_its_length check (case algorithm
    when 'ed25519' then length(key_material) = 32 else length(key_material) between 16 and 128 end)
);
comment on table event.source_signing_key is
  'Keys that check signatures: HMAC secrets and Ed25519 public keys. Two may be valid while one '
  'replaces the other.';
comment on column event.source_signing_key.key_material is
  'The HMAC secret, or the 32 raw bytes of the Ed25519 public key. No other domain can read it.';
create index idx_source_signing_key_source on event.source_signing_key (source_system)
  where retired_at is null;

create function event.at_most_two_valid_keys() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  -- The source row is locked so that two registrations at once cannot both see one key.
  perform from event.source s where s.source_system = new.source_system for update;
  if (select count(*) from event.source_signing_key k
      where k.source_system = new.source_system and k.algorithm = new.algorithm
        and k.retired_at is null) > 2 then
    raise exception 'source % already has two valid % keys', new.source_system, new.algorithm
      using errcode = '23514', constraint = 'at_most_two_valid_keys',
        hint = 'Retire one of them first.';
  end if;
  return null;
end
$$;
create trigger at_most_two_valid_keys after insert or update on event.source_signing_key
  for each row execute function event.at_most_two_valid_keys();
alter table event.source_signing_key enable always trigger at_most_two_valid_keys;

create table event.event (
  event_id uuid constraint event_key primary key,
  source_system varchar(100) not null constraint event_of_a_source
    references event.source (source_system),
  event_type varchar(200) not null,
  occurred_at timestamptz not null,
  received_at timestamptz not null,
  payload_reference varchar(255) not null,
  correlation_id varchar(200),
  integrity_signature varchar(512),
  created_at timestamptz not null default now(),
  external_id varchar(200) not null,
  subject varchar(500),
  content_digest varchar(64) not null,
  salt varchar(64) not null,
  row_digest varchar(64) not null,
  constraint one_event_per_source_and_id unique (source_system, external_id),
  constraint payload_is_referenced_by_digest
    check (payload_reference ~ '^sha256:[0-9a-f]+$' and length(payload_reference) = 71)
);
comment on table event.event is
  'One row for each accepted event, never changed. (source_system, external_id) are CloudEvents '
  'source and id.';
comment on column event.event.occurred_at is
  'CloudEvents time as the source stated it, else received_at. Data, never used for order or '
  'expiry.';
comment on column event.event.payload_reference is
  'sha256:<hex> of the canonical JSON (RFC 8785) of the payload.';
comment on column event.event.correlation_id is 'What the source says ties this event to others.';
comment on column event.event.integrity_signature is
  'The signature that the source sent and that was verified; null when none was required.';
comment on column event.event.external_id is 'CloudEvents id.';
comment on column event.event.subject is 'CloudEvents subject.';
comment on column event.event.content_digest is
  'SHA-256 over type, subject, stated time and payload: tells a repeat from a conflict.';
comment on column event.event.salt is
  '32 random bytes in hex under the row digest, since the row may hold guessable names.';
comment on column event.event.row_digest is
  'SHA-256 of the row as stored; the ledger entry carries it.';
-- A session keeps the plan of a foreign key's check. Statistics of a table with a handful of rows
-- would make that plan a scan, which grows slower with every row until the next statistics; so the
-- parents of fast growing tables get none before it no longer matters.
alter table event.event set (autovacuum_analyze_threshold = 5000);
create index idx_event_source on event.event (source_system);
create index idx_event_type on event.event (event_type);
create index idx_event_occurred on event.event (occurred_at);
create index idx_event_received on event.event (received_at);
-- Rows arrive in the order of created_at and never move, so the gap queries find a span of time
-- through a tiny index.
create index idx_event_created on event.event using brin (created_at) with (autosummarize = on);

create table event.event_payload (
  event_id uuid constraint event_payload_key primary key constraint payload_of_an_event
    references event.event (event_id),
  payload_data jsonb not null,
  created_at timestamptz not null default now()
);
comment on table event.event_payload is
  'The data of the event. Apart from event.event so that lists never read it.';

create table event.dead_letter (
  dead_letter_id uuid constraint dead_letter_key primary key,
  queue varchar(40) not null,
  message_id varchar(200),
  source_system varchar(100),
  external_id varchar(200),
  event_id uuid,
  reason varchar(60) not null,
  detail text not null,
  error_class varchar(100),
  claims integer not null,
  content bytea,
  content_bytes integer not null,
  content_sha256 varchar(64),
  created_at timestamptz not null default now(),
  redriven_at timestamptz,
  discarded_at timestamptz,
  discarded_by uuid constraint discarded_by_a_person references identity.person (person_id),
  discard_reason text,
  salt varchar(64),
  row_digest varchar(64),
  constraint claims_are_counted check (claims >= 1),
  constraint content_is_bounded check (content is null or length(content) <= 65536),
  constraint discarded_with_reason_and_digest check (discarded_at is null
    or (discarded_by is not null and discard_reason is not null and row_digest is not null
      and salt is not null)),
  constraint redriven_or_discarded check (redriven_at is null or discarded_at is null)
);
comment on table event.dead_letter is
  'What no stage could take: nothing is dropped silently. Written by every actor through '
  'event.keep_dead_letters().';
comment on column event.dead_letter.queue is 'The stage that gave up.';
comment on column event.dead_letter.message_id is
  'The id that the message carried; null at ingest, where the message is the event itself.';
comment on column event.dead_letter.content is
  'The first 64 KiB of what a source sent; null behind ingest, where messages hold ids only.';
comment on column event.dead_letter.content_bytes is 'How long the whole was, in bytes.';
comment on column event.dead_letter.content_sha256 is 'SHA-256 of the whole.';
comment on column event.dead_letter.claims is
  'How often a worker took the message before it gave up.';
create index idx_dead_letter_created on event.dead_letter (created_at);
create index idx_dead_letter_discarded on event.dead_letter (discarded_at)
  where discarded_at is not null;
create index idx_dead_letter_source on event.dead_letter (source_system, external_id);
create index idx_dead_letter_standing on event.dead_letter (queue, message_id)
  where redriven_at is null;

create function event.keep_dead_letters(
  dead_letter_id uuid[], queue text[], message_id text[], source_system text[], external_id text[],
  event_id uuid[], reason text[], detail text[], error_class text[], claims integer[],
  content bytea[], content_bytes integer[], content_sha256 text[]
) returns bigint
language sql security definer set search_path = pg_catalog, pg_temp as $$
  with kept as (
    insert into event.dead_letter as standing (dead_letter_id, queue, message_id, source_system,
      external_id, event_id, reason, detail, error_class, claims, content, content_bytes,
      content_sha256)
    select distinct on (letter.dead_letter_id) letter.dead_letter_id, letter.queue,
      letter.message_id, letter.source_system, letter.external_id, letter.event_id, letter.reason,
      letter.detail, letter.error_class, letter.claims, letter.content, letter.content_bytes,
      letter.content_sha256
    from unnest(dead_letter_id, queue, message_id, source_system, external_id, event_id,
        reason, detail, error_class, claims, content, content_bytes, content_sha256)
      as letter (dead_letter_id, queue, message_id, source_system, external_id, event_id,
        reason, detail, error_class, claims, content, content_bytes, content_sha256)
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

-- What other domains may see.
create view event.event_for_risk as
  select e.event_id, e.source_system, e.event_type, e.occurred_at, e.external_id, e.subject,
    e.row_digest, p.payload_data
  from event.event e join event.event_payload p on p.event_id = e.event_id;
create view event.event_for_advisory as
  select e.event_id, e.source_system, e.event_type, e.occurred_at, e.external_id, e.subject,
    e.row_digest, p.payload_data
  from event.event e join event.event_payload p on p.event_id = e.event_id;
create view event.event_for_decision as
  select e.event_id, e.source_system, e.event_type, e.occurred_at, e.received_at, e.external_id,
    e.subject, e.row_digest, p.payload_data
  from event.event e join event.event_payload p on p.event_id = e.event_id;
create view event.event_for_execution as select event_id, row_digest from event.event;
create view event.event_for_ledger as
  select event_id as linked_entity_id, event_id, row_digest as digest, source_system, event_type,
    encode(sha256(convert_to(external_id, 'UTF8')), 'hex') as external_id_sha256,
    substr(payload_reference, 8) as payload_sha256, occurred_at, received_at as "timestamp"
  from event.event;
create view event.dead_letter_for_ledger with (security_barrier) as
  select dead_letter_id as linked_entity_id, event_id, row_digest as digest, queue as stage, reason,
    claims, discarded_by as actor, discarded_at as "timestamp"
  from event.dead_letter where discarded_at is not null;
create view event.event_for_audit as
  select event_id, source_system, event_type, occurred_at, received_at, payload_reference,
    correlation_id,
    integrity_signature is not null as signed, created_at, external_id, subject, content_digest,
    salt, row_digest
  from event.event;
create view event.event_payload_for_audit as select event_id, payload_data from event.event_payload;
create view event.dead_letter_for_audit as
  select dead_letter_id, queue, message_id, source_system, external_id, event_id, reason, detail,
    error_class, claims, content, content_bytes, content_sha256, created_at, redriven_at,
    discarded_at, discarded_by, discard_reason, salt, row_digest
  from event.dead_letter;
create view event.source_for_audit as
  select s.source_system, s.kind, s.description, s.signature_required, s.created_at, s.retired_at,
    (select count(*) from event.source_signing_key k
     where k.source_system = s.source_system and k.retired_at is null) as valid_keys
  from event.source s;

grant usage on schema event to sentinelops_event, sentinelops_risk, sentinelops_advisory,
  sentinelops_decision, sentinelops_execution, sentinelops_ledger, sentinelops_audit_owner,
  sentinelops_risk_owner, sentinelops_advisory_owner, sentinelops_decision_owner,
  sentinelops_ledger_owner;
grant select, insert on event.source, event.source_signing_key, event.event, event.event_payload
  to sentinelops_event;
grant select on event.dead_letter to sentinelops_event;
grant update (retired_at, signature_required, description, queue_age_max_s) on event.source
  to sentinelops_event;
grant update (retired_at) on event.source_signing_key to sentinelops_event;
grant update (redriven_at, discarded_at, discarded_by, discard_reason, salt, row_digest)
  on event.dead_letter to sentinelops_event;
grant execute on function event.keep_dead_letters
  to sentinelops_event, sentinelops_risk, sentinelops_advisory,
  sentinelops_decision, sentinelops_execution, sentinelops_ledger;
grant select on event.event_for_risk to sentinelops_risk;
grant select on event.event_for_advisory to sentinelops_advisory;
grant select on event.event_for_decision to sentinelops_decision;
grant select on event.event_for_execution to sentinelops_execution;
grant select on event.event_for_ledger, event.dead_letter_for_ledger to sentinelops_ledger;
grant select on event.event_for_audit, event.event_payload_for_audit, event.dead_letter_for_audit,
  event.source_for_audit to sentinelops_audit_owner;
grant references (event_id) on event.event
  to sentinelops_risk_owner, sentinelops_advisory_owner, sentinelops_decision_owner,
  sentinelops_ledger_owner;
grant references (dead_letter_id) on event.dead_letter to sentinelops_ledger_owner;

reset role;
call sentinelops.guard_append_only('event.event');
call sentinelops.guard_append_only('event.event_payload');
call sentinelops.guard_keep_rows('event.dead_letter',
  'redriven_at', 'discarded_at', 'discarded_by', 'discard_reason', 'salt', 'row_digest');
-- A discarded letter is a fact of the ledger, so nothing of it moves any more.
call sentinelops.guard_set_once('event.dead_letter', 'discarded_at', 'discarded_by',
  'discard_reason', 'salt', 'row_digest');
call sentinelops.guard_keep_rows('event.source', 'retired_at', 'signature_required', 'description',
  'queue_age_max_s');
call sentinelops.guard_keep_rows('event.source_signing_key', 'retired_at');
-- A key is retired because it may be known to others: it never becomes valid again.
call sentinelops.guard_set_once('event.source_signing_key', 'retired_at');
