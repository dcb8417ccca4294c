-- The ledger: one hash chain over every recorded fact. The table computes each hash again before it accepts a row, so an
-- entry that does not fit its hash cannot be stored, whoever writes it. The bytes are specified in docs/ledger-format.md.
--
-- Nobody may insert. The one way in is ledger.append, which takes the previous hash from the table, never from the
-- caller. There is no row that holds the head: whoever can write every table could set such a row back.

create schema if not exists ledger;
alter schema ledger owner to sentinelops_ledger_owner;
set local role sentinelops_ledger_owner;

-- Replaced once by ledger.set_origin_base. Until then a leaf is null, and no hash fits null: nothing can be appended.
create function ledger.origin_base() returns text language sql immutable parallel safe
  return null::text;
comment on function ledger.origin_base() is 'The name of this installation''s ledger; with "-" and the stream it is the origin in every leaf.';

-- STABLE because to_char and convert_to are: declared immutable it would not be inlined into the check of each row.
create function ledger.leaf(stream smallint, seq bigint, entry_id uuid, entry_type text, linked_entity_id uuid,
  previous_hash text, entry_data json, "timestamp" timestamptz, sealed_at timestamptz) returns text
language sql stable parallel safe
  return '{"entry_data_sha256":"' || encode(sha256(convert_to(entry_data::text, 'UTF8')), 'hex')
    || '","entry_id":"' || entry_id
    || '","entry_type":"' || entry_type
    || '","linked_entity_id":"' || linked_entity_id
    || '","origin":"' || ledger.origin_base() || '-' || stream
    || '","previous_hash":"' || previous_hash
    || '","schema":"sentinelops-ledger-entry/v1","sealed_at":"' || to_char(sealed_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
    || '","seq":"' || seq
    || '","timestamp":"' || to_char("timestamp" at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') || '"}';
comment on function ledger.leaf is 'The bytes of an entry that are hashed: canonical JSON of ten strings.';

create table ledger.ledger_entry (
  entry_id uuid constraint ledger_entry_key primary key,
  entry_type text not null,
  linked_entity_id uuid not null,
  previous_hash varchar(64) not null,
  current_hash varchar(64) not null,
  entry_data json not null,
  "timestamp" timestamptz not null,
  sealed_at timestamptz not null,
  stream smallint not null,
  seq bigint not null,
  -- One column for each kind of entity, so that each can have a real foreign key (0095). STORED is written out: the
  -- default of PostgreSQL 18 is virtual, and a virtual column cannot have one.
  event_id uuid generated always as (case when entry_type = 'EVENT' then linked_entity_id end) stored,
  assessment_id uuid generated always as (case when entry_type = 'RISK_ASSESSMENT' then linked_entity_id end) stored,
  evaluation_id uuid generated always as (case when entry_type = 'EVALUATION' then linked_entity_id end) stored,
  advisory_id uuid generated always as (case when entry_type = 'ADVISORY' then linked_entity_id end) stored,
  decision_id uuid generated always as (case when entry_type = 'DECISION' then linked_entity_id end) stored,
  execution_id uuid generated always as (case when entry_type = 'EXECUTION' then linked_entity_id end) stored,
  dead_letter_id uuid generated always as (case when entry_type = 'DEAD_LETTER' then linked_entity_id end) stored,
  policy_id uuid generated always as (case when entry_type = 'POLICY' then (entry_data ->> 'policy_id')::uuid end) stored,
  policy_version integer generated always as (case when entry_type = 'POLICY' then (entry_data ->> 'version')::integer end) stored,
  risk_model_id uuid generated always as (case when entry_type = 'RISK_MODEL' then (entry_data ->> 'model_id')::uuid end) stored,
  risk_model_version integer generated always as (case when entry_type = 'RISK_MODEL' then (entry_data ->> 'version')::integer end) stored,
  constraint one_entry_per_sequence_number unique (stream, seq),
  constraint one_entry_per_fact unique (linked_entity_id, entry_type),
  constraint entry_type_is_known check (entry_type in ('EVENT', 'RISK_ASSESSMENT', 'EVALUATION', 'ADVISORY', 'DECISION', 'EXECUTION',
    'POLICY', 'RISK_MODEL', 'DEAD_LETTER', 'ERASURE')),
  constraint sequence_starts_at_zero check (seq >= 0 and stream >= 0),
  -- No {64} in the expression: a counted repetition costs more per row than the hash itself.
  constraint previous_hash_is_hex check (octet_length(previous_hash) = 64 and previous_hash !~ '[^0-9a-f]'),
  constraint first_entry_follows_zeros check ((seq = 0) = (previous_hash = '0000000000000000000000000000000000000000000000000000000000000000')),
  -- Infinity has no text, and 44 BC and 44 AD have the same one.
  constraint times_are_finite check ("timestamp" >= '1970-01-01 00:00:00+00' and "timestamp" < '2200-01-01 00:00:00+00'
    and sealed_at >= '1970-01-01 00:00:00+00' and sealed_at < '2200-01-01 00:00:00+00'),
  -- ->> makes PostgreSQL decode the text, so it refuses \u0000 and lone surrogates, which json alone accepts.
  constraint data_is_a_readable_object check (json_typeof(entry_data) = 'object' and octet_length(entry_data::text) <= 65536
    and (entry_data ->> 'digest') is distinct from ''),
  constraint policy_change_names_its_version check (entry_type <> 'POLICY' or (policy_id is not null and policy_version is not null)),
  constraint model_change_names_its_version check (entry_type <> 'RISK_MODEL' or (risk_model_id is not null and risk_model_version is not null)),
  -- IS TRUE: a check that yields null would pass.
  constraint hash_is_of_this_row check ((current_hash = encode(sha256('\x00'::bytea || convert_to(ledger.leaf(stream, seq, entry_id,
    entry_type, linked_entity_id, previous_hash, entry_data, "timestamp", sealed_at), 'UTF8')), 'hex')) is true)
);
comment on table ledger.ledger_entry is 'One entry for each recorded fact, chained by hash. Appended only; every stored column is covered by the hash, every other is generated.';
comment on column ledger.ledger_entry.entry_type is 'What kind of fact.';
comment on column ledger.ledger_entry.linked_entity_id is 'The id of the fact: of an event, assessment, decision, change of a policy and so on.';
comment on column ledger.ledger_entry.previous_hash is 'current_hash of the entry before; 64 zeros in the first of a stream.';
comment on column ledger.ledger_entry.current_hash is 'SHA-256 of a zero byte and the leaf, in hex.';
comment on column ledger.ledger_entry.entry_data is 'Canonical JSON, byte for byte as it was hashed: ids, enumerations, versions, times and digests, never names or free text. digest is that of the recorded row.';
comment on column ledger.ledger_entry."timestamp" is 'When the fact happened.';
comment on column ledger.ledger_entry.sealed_at is 'When the batch of the entry was hashed. Order is seq, never time.';
comment on column ledger.ledger_entry.stream is 'Which chain. Each has its own origin, lock and sequence.';
comment on column ledger.ledger_entry.seq is 'Place in the stream: 0, 1, 2 … without a gap.';
create index idx_ledger_entry_type on ledger.ledger_entry (entry_type);
create index idx_ledger_hash on ledger.ledger_entry (previous_hash, current_hash);
create index idx_ledger_timestamp on ledger.ledger_entry using brin ("timestamp");

-- Reading and appending

create function ledger.head(stream smallint, out size bigint, out head_hash text, out now text)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform pg_advisory_xact_lock(1397967692, head.stream);
  -- A statement of its own, so it sees what the last holder of the lock has committed.
  select e.seq + 1, e.current_hash into size, head_hash
  from ledger.ledger_entry e where e.stream = head.stream order by e.seq desc limit 1;
  size := coalesce(size, 0);
  head_hash := coalesce(head_hash, repeat('0', 64));
  now := to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"');
end
$$;
comment on function ledger.head is 'Takes the lock of a stream until the end of the transaction and says where the chain ends: entries so far, the hash to follow, the time.';

create function ledger.append(stream smallint, size bigint, entry_id uuid[], entry_type text[], linked_entity_id uuid[],
  entry_data text[], "timestamp" timestamptz[], sealed_at timestamptz, current_hash text[]) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  entries integer := cardinality(append.entry_id);
  standing bigint;
  head_hash text;
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'append works in READ COMMITTED only: a snapshot of the transaction would hide the last head' using errcode = '25000';
  end if;
  if entries is null or entries not between 1 and 1024
     or array_ndims(append.entry_id) <> 1
     or (cardinality(append.entry_type), array_ndims(append.entry_type)) is distinct from (entries, 1)
     or (cardinality(append.linked_entity_id), array_ndims(append.linked_entity_id)) is distinct from (entries, 1)
     or (cardinality(append.entry_data), array_ndims(append.entry_data)) is distinct from (entries, 1)
     or (cardinality(append."timestamp"), array_ndims(append."timestamp")) is distinct from (entries, 1)
     or (cardinality(append.current_hash), array_ndims(append.current_hash)) is distinct from (entries, 1) then
    raise exception 'append takes 1 to 1024 entries in arrays of the same length' using errcode = '22023';
  end if;
  perform pg_advisory_xact_lock(1397967692, append.stream);
  select e.seq + 1, e.current_hash into standing, head_hash
  from ledger.ledger_entry e where e.stream = append.stream order by e.seq desc limit 1;
  standing := coalesce(standing, 0);
  if standing is distinct from append.size then
    raise exception 'the stream has % entries, not %', standing, append.size using errcode = '40001', hint = 'Read the head again and hash again.';
  end if;
  insert into ledger.ledger_entry (stream, seq, entry_id, entry_type, linked_entity_id, previous_hash, current_hash, entry_data, "timestamp", sealed_at)
  select append.stream, append.size + n - 1, id, type, linked, previous, hash, data::json, happened_at, append.sealed_at
  from unnest(append.entry_id, append.entry_type, append.linked_entity_id, append.entry_data, append."timestamp", append.current_hash,
      array_prepend(coalesce(head_hash, repeat('0', 64)), trim_array(append.current_hash, 1)))
    with ordinality as entry (id, type, linked, data, happened_at, hash, previous, n)
  order by n;
  return append.size + entries;
end
$$;
comment on function ledger.append is 'Appends 1 to 1024 entries behind the head that the caller saw, all or none, and returns the new size. 40001 when the head has moved, 23514 when a hash does not fit its row.';

-- Append-only

create function ledger.refuse_change() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  raise exception 'the ledger is append-only: % is refused', lower(tg_op)
    using errcode = '42501', hint = 'A correction is a new fact with an entry of its own.';
end
$$;
comment on function ledger.refuse_change() is 'Guard of the ledger: refuses every UPDATE, DELETE and TRUNCATE, whoever asks.';
create trigger refuse_change_of_a_row before update or delete on ledger.ledger_entry
  for each row execute function ledger.refuse_change();
-- Once more per statement: TRUNCATE has no rows, and an attempt that matches none should be as loud.
create trigger refuse_change before update or delete or truncate on ledger.ledger_entry
  for each statement execute function ledger.refuse_change();
-- ALWAYS: a plain trigger is skipped under session_replication_role = replica.
alter table ledger.ledger_entry enable always trigger refuse_change_of_a_row;
alter table ledger.ledger_entry enable always trigger refuse_change;

-- Row security stops what privileges do not: a member of pg_write_all_data may insert into any table.
alter table ledger.ledger_entry enable row level security;
alter table ledger.ledger_entry force row level security;
create policy entries_are_read on ledger.ledger_entry for select
  to sentinelops_ledger_owner, sentinelops_ledger, sentinelops_audit using (true);
create policy entries_are_appended_by_the_owner on ledger.ledger_entry for insert
  to sentinelops_ledger_owner with check (true);

-- Whether the ledger can be written at this moment: not part of the record, and worth nothing after a crash.

create unlogged table ledger.heartbeat (
  only_row boolean not null default true constraint heartbeat_key primary key,
  beaten_at timestamptz not null,
  constraint one_heartbeat check (only_row)
);
comment on table ledger.heartbeat is 'When a ledger actor last took the head of the chain. Not a record.';

create function ledger.beat() returns void
language sql security definer set search_path = pg_catalog, pg_temp as $$
  insert into ledger.heartbeat (beaten_at) values (clock_timestamp())
  on conflict (only_row) do update set beaten_at = excluded.beaten_at
$$;
comment on function ledger.beat() is 'Called in the transaction of a successful ledger.head: appending was possible just now.';

-- What other domains may see

create view ledger.entry_for_execution with (security_barrier) as
  select linked_entity_id as decision_id, entry_data ->> 'digest' as entry_digest, stream, seq, current_hash
  from ledger.ledger_entry where entry_type = 'DECISION';
comment on view ledger.entry_for_execution is 'The entries of decisions: the permission to act.';
create view ledger.entry_for_audit as
  select ledger.origin_base() || '-' || stream as origin, stream, seq, entry_id, entry_type, linked_entity_id, entry_data ->> 'digest' as entry_digest,
    previous_hash, current_hash, entry_data, "timestamp", sealed_at
  from ledger.ledger_entry;
comment on view ledger.entry_for_audit is 'Every entry. entry_data is json: cast to text it is byte for byte what was hashed.';
create view ledger.health_for_decision as
  select beaten_at, (extract(epoch from clock_timestamp() - beaten_at) * 1000)::bigint as age_ms,
    coalesce(clock_timestamp() - beaten_at <= interval '5 seconds', false) as healthy
  from (select max(beaten_at) as beaten_at from ledger.heartbeat) as last;
comment on view ledger.health_for_decision is 'Always one row. Nothing is finalised while healthy is false: its entry could not be written.';
create view ledger.health_for_execution as select beaten_at, age_ms, healthy from ledger.health_for_decision;
comment on view ledger.health_for_execution is 'Always one row. Nothing is executed while healthy is false: its entry could not be written.';

revoke execute on all functions in schema ledger from public;
grant usage on schema ledger to sentinelops_ledger, sentinelops_decision, sentinelops_execution,
  sentinelops_execution_owner, sentinelops_audit, sentinelops_audit_owner;
grant execute on function ledger.head, ledger.append, ledger.beat to sentinelops_ledger;
grant select on ledger.ledger_entry to sentinelops_ledger, sentinelops_audit;
grant execute on function ledger.origin_base to sentinelops_ledger, sentinelops_audit;
-- So that an auditor can compute every hash again in plain SQL.
grant execute on function ledger.leaf to sentinelops_audit;
grant select on ledger.entry_for_execution to sentinelops_execution;
grant select on ledger.entry_for_audit to sentinelops_audit_owner;
grant select on ledger.health_for_decision to sentinelops_decision;
grant select on ledger.health_for_execution to sentinelops_execution;

reset role;
