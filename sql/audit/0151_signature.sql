-- The signature of each event, for whoever recomputes the digest of its row.

set local role sentinelops_audit_owner;

create or replace view audit.event as
  select event_id, source_system, event_type, occurred_at, received_at, payload_reference,
    correlation_id, signed, created_at, external_id, subject, content_digest, salt, row_digest,
    integrity_signature
  from event.event_for_audit;

reset role;
