-- How far the ledger is sealed, for executions that wait for it: signed by the log, and cosigned by a quorum of witnesses.
-- What a quorum is stands in the trust policy of the signer, which therefore says when there was one.

call ledger_guard.suspend();
set local role sentinelops_ledger_owner;

create table ledger.witnessed (
  stream smallint not null,
  size bigint not null,
  witnessed_at timestamptz not null default clock_timestamp(),
  constraint witnessed_key primary key (stream, size),
  constraint witnessed_is_a_checkpoint foreign key (stream, size) references ledger.checkpoint (stream, size)
);
comment on table ledger.witnessed is 'The checkpoints that a quorum of witnesses has cosigned.';
comment on column ledger.witnessed.size is 'How many entries of the stream it covers.';

create trigger refuse_change_of_a_row before update or delete on ledger.witnessed
  for each row execute function ledger.refuse_change();
create trigger refuse_change before update or delete or truncate on ledger.witnessed
  for each statement execute function ledger.refuse_change();
alter table ledger.witnessed enable always trigger refuse_change_of_a_row;
alter table ledger.witnessed enable always trigger refuse_change;
alter table ledger.witnessed enable row level security;
alter table ledger.witnessed force row level security;
create policy rows_are_read on ledger.witnessed for select to sentinelops_ledger_owner using (true);
create policy rows_are_appended_by_the_owner on ledger.witnessed for insert to sentinelops_ledger_owner with check (true);

create function ledger.keep_witnessed(stream smallint, size bigint) returns void
language sql security definer set search_path = pg_catalog, pg_temp as $$
  insert into ledger.witnessed (stream, size) values (keep_witnessed.stream, keep_witnessed.size) on conflict do nothing
$$;
comment on function ledger.keep_witnessed is 'Says that a quorum has cosigned a checkpoint.';

create view ledger.seal_for_execution with (security_barrier) as
  select c.stream, max(c.size) as signed_size,
    coalesce((select max(w.size) from ledger.witnessed w where w.stream = c.stream), 0) as witnessed_size
  from ledger.checkpoint c group by c.stream;
comment on view ledger.seal_for_execution is 'How many entries of each stream are under a checkpoint, and how many under one that a quorum has cosigned.';

revoke execute on function ledger.keep_witnessed from public;
grant execute on function ledger.keep_witnessed to sentinelops_signer;
grant select on ledger.seal_for_execution to sentinelops_execution;

reset role;
call ledger_guard.resume();
