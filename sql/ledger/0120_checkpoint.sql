-- Checkpoints: what the signer has released of the tree over each stream, the stored hashes that proofs are read from, and
-- the halt by which the signer stops the ledger when it is no longer the one that was signed.
--
-- The signer is a process of its own with a key of its own, and works under a role that may read entries and call the
-- functions here. What it has signed it keeps outside this database too; what stands here is a copy to be served.

call ledger_guard.suspend();

do $$
begin
  create role sentinelops_signer nologin noinherit nosuperuser nocreatedb nocreaterole;
exception
  -- Roles belong to the cluster: another database of it has been migrated before, or is at this moment.
  when duplicate_object or unique_violation then null;
end
$$;
do $$
begin
  execute format('grant connect on database %I to sentinelops_signer', current_database());
end
$$;

set local role sentinelops_ledger_owner;

create table ledger.checkpoint (
  stream smallint not null,
  size bigint not null,
  root_hash varchar(64) not null,
  note text not null,
  signed_at timestamptz not null default clock_timestamp(),
  constraint checkpoint_key primary key (stream, size),
  constraint a_checkpoint_covers_entries check (stream >= 0 and size >= 1),
  constraint root_hash_is_hex check (octet_length(root_hash) = 64 and root_hash !~ '[^0-9a-f]'),
  constraint note_is_at_most_64_kib check (octet_length(note) <= 65536),
  constraint note_says_what_the_row_says check (starts_with(note, ledger.origin_base() || '-' || stream || E'\n' || size || E'\n'
    || encode(decode(root_hash, 'hex'), 'base64') || E'\n\n') is true)
);
comment on table ledger.checkpoint is 'Released checkpoints. An entry is sealed when its seq is below the size of one; nothing is updated for that.';
comment on column ledger.checkpoint.size is 'How many entries of the stream the tree has.';
comment on column ledger.checkpoint.root_hash is 'Root of the Merkle tree (RFC 6962) whose leaf hashes are the current_hash of these entries.';
comment on column ledger.checkpoint.note is 'The signed note (C2SP tlog-checkpoint), without cosignatures.';

create table ledger.cosignature (
  stream smallint not null,
  size bigint not null,
  witness text not null,
  line text not null,
  received_at timestamptz not null default clock_timestamp(),
  constraint cosignature_key primary key (stream, size, witness),
  constraint cosignature_of_a_checkpoint foreign key (stream, size) references ledger.checkpoint (stream, size),
  constraint witness_is_named check (witness !~ '[[:space:]+]' and length(witness) between 1 and 200),
  constraint line_is_of_the_witness check (starts_with(line, E'\u2014 ' || witness || ' ') and line ~ '^[^\n]+\n$' and octet_length(line) <= 8192)
);
comment on table ledger.cosignature is 'What witnesses have signed below a checkpoint, one line for each.';
comment on column ledger.cosignature.witness is 'The name of the witness''s key.';
comment on column ledger.cosignature.line is 'The signature line of the note, with its line end; the time is inside.';

create table ledger.subtree_hash (
  stream smallint not null,
  level smallint not null,
  index bigint not null,
  hash varchar(64) not null,
  constraint subtree_hash_key primary key (stream, level, index),
  -- Level 0 would be the leaf hashes, which the entries have.
  constraint subtree_hash_has_a_place check (stream >= 0 and level between 1 and 15 and index >= 0),
  constraint subtree_hash_is_hex check (octet_length(hash) = 64 and hash !~ '[^0-9a-f]')
);
comment on table ledger.subtree_hash is 'Roots of full subtrees, so that a proof reads some hundred hashes and not all of them. Every proof is checked against a signed root before it is given out.';
comment on column ledger.subtree_hash.level is 'The subtree has 16^level leaves.';
comment on column ledger.subtree_hash.index is 'Which of the subtrees of its level, from the left.';

create table ledger.key_change (
  stream smallint not null,
  size bigint not null,
  from_key text not null,
  to_key text not null,
  statement text not null,
  changed_at timestamptz not null default clock_timestamp(),
  constraint key_change_key primary key (stream, to_key),
  constraint key_becomes_another check (from_key <> to_key),
  constraint statement_says_what_the_row_says check (starts_with(statement, E'sentinelops-key-change/v1\norigin ' || ledger.origin_base() || '-' || stream
    || E'\nsize ' || size || E'\nfrom ' || from_key || E'\nto ' || to_key || E'\n\n') is true)
);
comment on table ledger.key_change is 'Each time that a stream got another signing key.';
comment on column ledger.key_change.size is 'Of the last checkpoint that the old key signed.';
comment on column ledger.key_change.from_key is 'The old key, as verifiers know it: NAME+ID+BASE64.';
comment on column ledger.key_change.statement is 'A note, signed by the old key: whoever trusts that one learns the new one from it.';

create table ledger.halt (
  stream smallint not null,
  halted_at timestamptz not null default clock_timestamp(),
  code text not null,
  detail text not null,
  lifted_at timestamptz,
  constraint halt_key primary key (stream, halted_at),
  constraint halt_ends_after_it_began check (lifted_at >= halted_at),
  constraint halt_says_why check (code ~ '^[A-Z_]{1,40}$' and length(detail) between 1 and 2000)
);
comment on table ledger.halt is 'While the last one of a stream is not lifted nothing is appended, finalised or executed: the ledger is not the one that was signed.';
comment on column ledger.halt.lifted_at is 'When the signer found the ledger to be the one that it had signed.';
create unique index one_halt_at_a_time on ledger.halt (stream) where lifted_at is null;

-- What only the signer does

create function ledger.release_checkpoint(stream smallint, size bigint, root_hash text, note text) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  standing ledger.checkpoint;
begin
  select c.stream, c.size, c.root_hash, c.note, c.signed_at into standing
  from ledger.checkpoint c where c.stream = release_checkpoint.stream order by c.size desc limit 1;
  if standing.size = release_checkpoint.size and standing.root_hash = release_checkpoint.root_hash then
    return false;
  end if;
  if standing.size >= release_checkpoint.size then
    raise exception 'stream % has a checkpoint of % entries; one of % cannot follow', release_checkpoint.stream, standing.size, release_checkpoint.size
      using errcode = '55000', hint = 'A tree only grows. Compare the signer''s state file with the ledger.';
  end if;
  if not exists (select from ledger.ledger_entry e where e.stream = release_checkpoint.stream and e.seq = release_checkpoint.size - 1) then
    raise exception 'stream % has no % entries', release_checkpoint.stream, release_checkpoint.size using errcode = '55000';
  end if;
  insert into ledger.checkpoint (stream, size, root_hash, note)
  values (release_checkpoint.stream, release_checkpoint.size, release_checkpoint.root_hash, release_checkpoint.note);
  return true;
end
$$;
comment on function ledger.release_checkpoint is 'Publishes what has been signed; false when it stands already. 55000 when it does not follow the last one.';

create function ledger.keep_subtree_hashes(stream smallint, level smallint[], index bigint[], hash text[]) returns void
language sql security definer set search_path = pg_catalog, pg_temp as $$
  insert into ledger.subtree_hash (stream, level, index, hash)
  select keep_subtree_hashes.stream, found.level, found.index, found.hash
  from unnest(keep_subtree_hashes.level, keep_subtree_hashes.index, keep_subtree_hashes.hash) as found (level, index, hash)
  order by found.level, found.index
  on conflict do nothing
$$;
comment on function ledger.keep_subtree_hashes is 'Keeps the roots of full subtrees. One that stands already stays.';

create function ledger.keep_cosignatures(stream smallint, size bigint, witness text[], line text[]) returns void
language sql security definer set search_path = pg_catalog, pg_temp as $$
  insert into ledger.cosignature (stream, size, witness, line)
  select keep_cosignatures.stream, keep_cosignatures.size, found.witness, found.line
  from unnest(keep_cosignatures.witness, keep_cosignatures.line) as found (witness, line)
  order by found.witness
  on conflict do nothing
$$;
comment on function ledger.keep_cosignatures is 'Keeps signature lines of witnesses. The first of each stays.';

create function ledger.keep_key_change(stream smallint, size bigint, from_key text, to_key text, statement text) returns void
language sql security definer set search_path = pg_catalog, pg_temp as $$
  insert into ledger.key_change (stream, size, from_key, to_key, statement)
  values (keep_key_change.stream, keep_key_change.size, keep_key_change.from_key, keep_key_change.to_key, keep_key_change.statement)
  on conflict do nothing
$$;
comment on function ledger.keep_key_change is 'Records that a stream has another signing key.';

create function ledger.halt(stream smallint, code text, detail text) returns void
language sql security definer set search_path = pg_catalog, pg_temp as $$
  insert into ledger.halt (stream, code, detail) values (halt.stream, halt.code, halt.detail) on conflict do nothing
$$;
comment on function ledger.halt is 'Stops appending, and with it finalising and executing, until the signer lifts it. The first reason stays.';

create function ledger.lift_halt(stream smallint) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  update ledger.halt h set lifted_at = clock_timestamp() where h.stream = lift_halt.stream and h.lifted_at is null;
  return found;
end
$$;
comment on function ledger.lift_halt is 'Ends the halt of a stream. True when there was one.';

-- Immutability

create procedure ledger.guard_append_only(guarded regclass)
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  execute format('create trigger refuse_change_of_a_row before update or delete on %s
    for each row execute function ledger.refuse_change()', guarded);
  execute format('create trigger refuse_change before update or delete or truncate on %s
    for each statement execute function ledger.refuse_change()', guarded);
  execute format('alter table %s enable always trigger refuse_change_of_a_row', guarded);
  execute format('alter table %s enable always trigger refuse_change', guarded);
  execute format('alter table %s enable row level security', guarded);
  execute format('alter table %s force row level security', guarded);
  execute format('create policy rows_are_read on %s for select to sentinelops_ledger_owner using (true)', guarded);
  execute format('create policy rows_are_appended_by_the_owner on %s for insert to sentinelops_ledger_owner with check (true)', guarded);
end
$$;
call ledger.guard_append_only('ledger.checkpoint');
call ledger.guard_append_only('ledger.cosignature');
call ledger.guard_append_only('ledger.subtree_hash');
call ledger.guard_append_only('ledger.key_change');
drop procedure ledger.guard_append_only;

alter table ledger.halt enable row level security;
alter table ledger.halt force row level security;
create policy halts_are_read on ledger.halt for select to sentinelops_ledger_owner using (true);
create policy halts_are_declared_by_the_owner on ledger.halt for insert to sentinelops_ledger_owner with check (true);
create policy halts_are_lifted_by_the_owner on ledger.halt for update to sentinelops_ledger_owner using (true) with check (true);
-- Without a policy a DELETE would find no row and seem to succeed; with one it reaches the guard, which refuses it.
create policy halts_are_shown_to_their_guard on ledger.halt for delete to sentinelops_ledger_owner using (true);

-- What a halt stops

create function ledger.refuse_while_halted() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  standing record;
begin
  select h.stream, h.code, h.detail into standing from ledger.halt h where h.lifted_at is null limit 1;
  if found then
    -- 57P03, as of a server that is not ready: the work is sound and waits.
    raise exception 'the ledger is halted (%, stream %): %', standing.code, standing.stream, standing.detail
      using errcode = '57P03', hint = 'The signer halted it and lifts that when the ledger is again what it signed: docs/ledger-format.md.';
  end if;
  return null;
end
$$;
comment on function ledger.refuse_while_halted() is 'Guard: nothing is appended to a ledger that is not the one that was signed.';
create trigger refuse_while_halted before insert on ledger.ledger_entry
  for each statement execute function ledger.refuse_while_halted();
alter table ledger.ledger_entry enable always trigger refuse_while_halted;

create or replace view ledger.health_for_decision as
  select beaten_at, (extract(epoch from clock_timestamp() - beaten_at) * 1000)::bigint as age_ms,
    coalesce(clock_timestamp() - beaten_at <= interval '5 seconds', false)
      and not exists (select from ledger.halt h where h.lifted_at is null) as healthy
  from (select max(beaten_at) as beaten_at from ledger.heartbeat) as last;

-- What others may see

create view ledger.checkpoint_for_audit as
  select stream, size, root_hash, note, signed_at from ledger.checkpoint;
comment on view ledger.checkpoint_for_audit is 'Every released checkpoint.';
create view ledger.cosignature_for_audit as
  select stream, size, witness, line, received_at from ledger.cosignature;
comment on view ledger.cosignature_for_audit is 'Every cosignature.';
create view ledger.subtree_hash_for_audit as
  select stream, level, index, hash from ledger.subtree_hash;
comment on view ledger.subtree_hash_for_audit is 'Roots of full subtrees of 16, 256, 4096 … entries.';
create view ledger.key_change_for_audit as
  select stream, size, from_key, to_key, statement, changed_at from ledger.key_change;
comment on view ledger.key_change_for_audit is 'The signing keys of each stream, one after the other.';
create view ledger.halt_for_audit as
  select stream, halted_at, code, detail, lifted_at from ledger.halt;
comment on view ledger.halt_for_audit is 'When and why the ledger stood still.';

-- The signer reads entries from their table, as an auditor does, and the rest through views.
alter policy entries_are_read on ledger.ledger_entry
  to sentinelops_ledger_owner, sentinelops_ledger, sentinelops_audit, sentinelops_signer;
create view ledger.checkpoint_for_signer as
  select stream, size, root_hash, note, signed_at from ledger.checkpoint;
comment on view ledger.checkpoint_for_signer is 'What has been released.';
create view ledger.subtree_hash_for_signer as
  select stream, level, index, hash from ledger.subtree_hash;
comment on view ledger.subtree_hash_for_signer is 'What proofs for witnesses are read from.';
create view ledger.cosignature_for_signer as
  select stream, size, witness, line, received_at from ledger.cosignature;
comment on view ledger.cosignature_for_signer is 'Who has cosigned what.';

revoke execute on function ledger.release_checkpoint, ledger.keep_subtree_hashes, ledger.keep_cosignatures, ledger.keep_key_change,
  ledger.halt, ledger.lift_halt, ledger.refuse_while_halted from public;
grant usage on schema ledger to sentinelops_signer;
grant select on ledger.ledger_entry, ledger.checkpoint_for_signer, ledger.subtree_hash_for_signer, ledger.cosignature_for_signer to sentinelops_signer;
grant execute on function ledger.origin_base to sentinelops_signer;
grant execute on function ledger.release_checkpoint, ledger.keep_subtree_hashes, ledger.keep_cosignatures, ledger.keep_key_change, ledger.halt,
  ledger.lift_halt to sentinelops_signer;
grant select on ledger.checkpoint_for_audit, ledger.cosignature_for_audit, ledger.subtree_hash_for_audit, ledger.key_change_for_audit,
  ledger.halt_for_audit to sentinelops_audit;

reset role;

-- A halt is lifted once and stays on record.
call sentinelops.guard_keep_rows('ledger.halt', 'lifted_at');
call sentinelops.guard_set_once('ledger.halt', 'lifted_at');
-- Row security hides the rows from a DELETE before a trigger of rows could refuse it; this one is asked for none as well.
create trigger refuse_delete_of_none before delete on ledger.halt for each statement execute function ledger.refuse_change();
alter table ledger.halt enable always trigger refuse_delete_of_none;

call ledger_guard.resume();
