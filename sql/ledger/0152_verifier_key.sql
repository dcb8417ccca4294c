-- The keys by which checkpoints of a stream are verified. The signer knows them, from its own key and from its trust
-- policy; here they stand for those who hand out evidence and hold neither. A verifier trusts its own copy, never this one.

call ledger_guard.suspend();
set local role sentinelops_ledger_owner;

create table ledger.verifier_key (
  stream smallint not null,
  key text not null,
  kept_at timestamptz not null default clock_timestamp(),
  constraint verifier_key_key primary key (stream, key),
  constraint verifier_key_has_its_form check (stream >= 0 and octet_length(key) <= 400
    and key ~ '^[^[:space:]+]+[+][0-9a-f]{8}[+][0-9A-Za-z+/=]+$')
);
comment on table ledger.verifier_key is 'Keys of the log and of its witnesses, as the signer gave them out.';
comment on column ledger.verifier_key.key is 'NAME+ID+BASE64; the first byte of the base64 says whether it signs or cosigns.';

create trigger refuse_change_of_a_row before update or delete on ledger.verifier_key
  for each row execute function ledger.refuse_change();
create trigger refuse_change before update or delete or truncate on ledger.verifier_key
  for each statement execute function ledger.refuse_change();
alter table ledger.verifier_key enable always trigger refuse_change_of_a_row;
alter table ledger.verifier_key enable always trigger refuse_change;
alter table ledger.verifier_key enable row level security;
alter table ledger.verifier_key force row level security;
create policy rows_are_read on ledger.verifier_key for select to sentinelops_ledger_owner using (true);
create policy rows_are_appended_by_the_owner on ledger.verifier_key for insert to sentinelops_ledger_owner with check (true);

create function ledger.keep_verifier_keys(stream smallint, key text[]) returns void
language sql security definer set search_path = pg_catalog, pg_temp as $$
  insert into ledger.verifier_key (stream, key)
  select keep_verifier_keys.stream, found.key from unnest(keep_verifier_keys.key) as found (key) order by found.key
  on conflict do nothing
$$;
comment on function ledger.keep_verifier_keys is 'Keeps the keys of a stream. One that stands already stays.';

create view ledger.verifier_key_for_audit as select stream, key, kept_at from ledger.verifier_key;
comment on view ledger.verifier_key_for_audit is 'The keys by which checkpoints are verified.';

revoke execute on function ledger.keep_verifier_keys from public;
grant execute on function ledger.keep_verifier_keys to sentinelops_signer;
grant select on ledger.verifier_key_for_audit to sentinelops_audit;

reset role;
call ledger_guard.resume();
