-- Auditors see the signature of an event itself, not only that there was one: the digest of the row covers it, so without
-- it nobody but us could recompute that digest.

set local role sentinelops_event_owner;

create or replace view event.event_for_audit as
  select event_id, source_system, event_type, occurred_at, received_at, payload_reference,
    correlation_id,
    integrity_signature is not null as signed, created_at, external_id, subject, content_digest,
    salt, row_digest, integrity_signature
  from event.event;

reset role;
