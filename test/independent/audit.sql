-- What an auditor asks in plain SQL, under the role sentinelops_audit, with psql and nothing of ours:
--   psql -v ON_ERROR_STOP=1 -At -F ' ' -f audit.sql
-- Four numbers, which have to be 0: gaps in the sequence, broken links, hashes that do not fit their row, and checkpoints
-- over entries that are not there. Then how many entries there are, and how many of them are sealed.
\set QUIET on
select count(*) filter (where seq <> n) as gaps,
  count(*) filter (where previous_hash <> p) as breaks,
  count(*) filter (where (current_hash = encode(sha256('\x00'::bytea || convert_to(ledger.leaf(stream, seq, entry_id, entry_type,
    linked_entity_id, previous_hash, entry_data, "timestamp", sealed_at), 'UTF8')), 'hex')) is not true) as wrong,
  (select count(*) from ledger.checkpoint_for_audit c where c.stream = 0 and not exists (
    select from ledger.ledger_entry e where e.stream = 0 and e.seq = c.size - 1)) as unfounded,
  count(*) as entries,
  (select coalesce(max(c.size), 0) from ledger.checkpoint_for_audit c where c.stream = 0) as sealed
from (select e.*, row_number() over w - 1 as n, lag(current_hash, 1, repeat('0', 64)) over w as p
      from ledger.ledger_entry e where stream = 0 window w as (order by seq)) x;
