-- The cure of a halt: entries that a restored backup has lost are put back from an export, exactly as they were. Nothing
-- is signed again; the signer lifts the halt when it finds the tree that it had signed.

call ledger_guard.suspend();
set local role sentinelops_ledger_owner;

create function ledger.replay(stream smallint, size bigint, entry_id uuid[], entry_type text[], linked_entity_id uuid[],
  entry_data text[], "timestamp" timestamptz[], sealed_at timestamptz[], current_hash text[]) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  halted ledger.halt;
  first integer := 1;
  last integer;
  standing bigint := replay.size;
begin
  select h.stream, h.halted_at, h.code, h.detail, h.lifted_at into halted
  from ledger.halt h where h.stream = replay.stream and h.lifted_at is null for update;
  if not found then
    raise exception 'stream % is not halted: entries are put back into a halted ledger only', replay.stream using errcode = '55000';
  end if;
  if cardinality(replay.sealed_at) is distinct from cardinality(replay.entry_id) then
    raise exception 'replay takes arrays of the same length' using errcode = '22023';
  end if;
  -- Nobody sees the ledger without its halt: before this commits there is another.
  update ledger.halt h set lifted_at = clock_timestamp() where h.stream = halted.stream and h.halted_at = halted.halted_at;
  while first <= cardinality(replay.entry_id) loop
    last := first;
    while replay.sealed_at[last + 1] = replay.sealed_at[first] loop last := last + 1; end loop;
    standing := ledger.append(replay.stream, standing, replay.entry_id[first:last], replay.entry_type[first:last],
      replay.linked_entity_id[first:last], replay.entry_data[first:last], replay."timestamp"[first:last], replay.sealed_at[first],
      replay.current_hash[first:last]);
    first := last + 1;
  end loop;
  insert into ledger.halt (stream, code, detail) values (halted.stream, halted.code, halted.detail);
  return standing;
end
$$;
comment on function ledger.replay is 'Puts back entries that a halted ledger has lost, each hash computed again, and leaves it halted. 55000 when it is not.';

revoke execute on function ledger.replay from public;
grant execute on function ledger.replay to sentinelops_signer;

reset role;
call ledger_guard.resume();
