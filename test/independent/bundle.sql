-- For auditors: whether a leaf out of a bundle of evidence is an entry of this ledger, as the table itself hashes it.
--
--   psql -v leaf="$(cat N.leaf)" -c 'set role sentinelops_audit' -f bundle.sql      prints 1

select count(*) from ledger.ledger_entry e
where e.current_hash = encode(sha256('\x00'::bytea || convert_to(:'leaf', 'UTF8')), 'hex')
  and ledger.leaf(e.stream, e.seq, e.entry_id, e.entry_type, e.linked_entity_id, e.previous_hash, e.entry_data, e.timestamp,
    e.sealed_at) = :'leaf';
