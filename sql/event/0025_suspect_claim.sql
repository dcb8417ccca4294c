-- Messages that may kill the process that takes them. They cannot be bisected, since nobody is left
-- to do it, and a queue's own counter blames every job that the dead worker held. So each suspect
-- is run alone, under a claim that is committed first and taken back when it ends: who still holds
-- claims is who was running when the worker died.

set local role sentinelops_event_owner;

create table event.suspect_claim (
  queue varchar(40) not null,
  message_key varchar(200) not null,
  claims integer not null default 1,
  claimed_at timestamptz not null default now(),
  constraint suspect_claim_key primary key (queue, message_key),
  constraint claims_are_counted check (claims >= 1)
);
comment on table event.suspect_claim is
  'Claims on messages whose worker was lost several times. Working state, not a record: rows go '
  'when a message ends.';

create function event.claim_suspect(queue text, message_key text) returns integer
language sql security definer set search_path = pg_catalog, pg_temp as $$
  insert into event.suspect_claim as held (queue, message_key) values (claim_suspect.queue,
    claim_suspect.message_key)
  on conflict on constraint suspect_claim_key do update set claims = held.claims + 1,
  claimed_at = now()
  returning held.claims
$$;
comment on function event.claim_suspect(text, text) is
  'Returns how many claims on the message have not been taken back, this one included.';

create function event.release_suspect(queue text, message_key text) returns void
language sql security definer set search_path = pg_catalog, pg_temp as $$
  delete from event.suspect_claim held
  where held.queue = release_suspect.queue and held.message_key = release_suspect.message_key
$$;
comment on function event.release_suspect(text, text) is
  'Takes all claims on the message back: it has ended, or its worker lives.';

grant execute on function event.claim_suspect(text, text), event.release_suspect(text, text)
  to sentinelops_event, sentinelops_risk, sentinelops_advisory, sentinelops_decision,
  sentinelops_execution, sentinelops_ledger;

reset role;
