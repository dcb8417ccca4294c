-- Who looked at what and took what with them, and the views of the inbox that people keep.

set local role sentinelops_identity_owner;

create table identity.access_record (
  access_id uuid constraint access_record_key primary key default gen_random_uuid(),
  person_id uuid not null constraint access_by_a_person references identity.person (person_id),
  act varchar(10) not null,
  thing varchar(20) not null,
  thing_id varchar(100) not null,
  way varchar(10) not null,
  accessed_at timestamptz not null default now(),
  constraint access_is_known check (act in ('look', 'export')),
  constraint thing_is_known
    check (thing in ('review', 'event', 'payload', 'evidence', 'dead letter', 'access record')),
  constraint way_is_known check (way in ('console', 'api'))
);
comment on table identity.access_record is
  'Who looked at or exported what an event, a review or a dead letter says. Kept before it is '
  'shown: what cannot be recorded is not shown.';
comment on column identity.access_record.thing_id is 'The id of what was looked at.';
comment on column identity.access_record.way is 'By a page of the console, or over the API.';
create index idx_access_time on identity.access_record (accessed_at, access_id);
create index idx_access_person on identity.access_record (person_id, accessed_at, access_id);

create table identity.saved_view (
  view_id uuid constraint saved_view_key primary key default gen_random_uuid(),
  person_id uuid not null constraint view_of_a_person references identity.person (person_id),
  name varchar(60) not null,
  query varchar(1000) not null,
  saved_at timestamptz not null default now(),
  removed_at timestamptz,
  constraint view_has_a_name check (length(btrim(name)) > 0)
);
comment on table identity.saved_view is 'Filters of the inbox that a person keeps under a name.';
comment on column identity.saved_view.query is 'The query of the inbox''s address.';
create unique index one_view_per_name on identity.saved_view (person_id, name)
  where removed_at is null;

create view identity.access_record_for_audit as
  select access_id, person_id, act, thing, thing_id, way, accessed_at from identity.access_record;

grant select, insert on identity.access_record, identity.saved_view to sentinelops_identity;
grant update (removed_at) on identity.saved_view to sentinelops_identity;
grant select on identity.access_record_for_audit to sentinelops_audit_owner;

reset role;
call sentinelops.guard_append_only('identity.access_record');
call sentinelops.guard_keep_rows('identity.saved_view', 'removed_at');
call sentinelops.guard_set_once('identity.saved_view', 'removed_at');
