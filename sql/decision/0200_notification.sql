-- Who is told of reviews, of what, and whether it has left: kept before anything is sent, so that a
-- crash loses none and a repeat carries the same id and the same bytes.

set local role sentinelops_decision_owner;

create table decision.notification_route (
  route varchar(64) constraint notification_route_key primary key,
  since timestamptz not null default now(),
  noted_until timestamptz not null default now()
);
comment on table decision.notification_route is
  'The routes of the notifications file, since each was first seen: nobody is told of what was '
  'before.';
comment on column decision.notification_route.noted_until is
  'Up to here every occasion has been looked at. The next look overlaps it by an hour, which is '
  'longer than any transaction lives.';

create table decision.notification_message (
  message_id uuid constraint notification_message_key primary key,
  route varchar(64) not null,
  subject text not null,
  content text not null,
  body text not null,
  composed_at timestamptz not null default now(),
  attempts integer not null default 0,
  next_attempt_at timestamptz not null default now(),
  sent_at timestamptz,
  given_up_at timestamptz,
  detail text,
  constraint message_ends_once check (sent_at is null or given_up_at is null),
  constraint attempts_are_counted check (attempts >= 0)
);
comment on table decision.notification_message is
  'What is sent: one notification, or all that a digest has gathered. Composed once.';
comment on column decision.notification_message.route is
  'That of its notifications, which are what refers to the routes.';
comment on column decision.notification_message.content is 'For people, as plain text.';
comment on column decision.notification_message.body is
  'For programs, as JSON; the same bytes at every attempt.';
comment on column decision.notification_message.next_attempt_at is
  'When it is due. A claim moves it to its own end, so what a lost notifier held is due again.';
comment on column decision.notification_message.given_up_at is
  'The receiver said no, or all attempts have failed.';
comment on column decision.notification_message.detail is 'How the latest attempt ended.';
-- See event.event: no statistics that would make the checks of foreign keys scan.
alter table decision.notification_route set (autovacuum_analyze_threshold = 5000);
alter table decision.notification_message set (autovacuum_analyze_threshold = 5000);
create index idx_notification_message_due on decision.notification_message (next_attempt_at)
  where sent_at is null and given_up_at is null;

create table decision.notification (
  route varchar(64) not null constraint notification_by_a_route
    references decision.notification_route (route),
  kind varchar(20) not null,
  decision_id uuid not null constraint notification_of_a_decision
    references decision.decision (decision_id),
  noted_at timestamptz not null default now(),
  message_id uuid constraint notification_in_a_message
    references decision.notification_message (message_id),
  constraint notification_key primary key (route, kind, decision_id),
  constraint kind_is_known check (kind in ('new', 'due_soon', 'escalated', 'decided'))
);
comment on table decision.notification is
  'An occasion on which a route tells somebody of a round of a review: once for each kind.';
comment on column decision.notification.message_id is
  'The message that tells of it; null until that is composed.';
create index idx_notification_untold on decision.notification (route, noted_at)
  where message_id is null;
create index idx_notification_message on decision.notification (message_id);
create index idx_notification_decision on decision.notification (decision_id);

create view decision.notification_message_for_audit as
  select message_id, route, subject, composed_at, attempts, next_attempt_at, sent_at, given_up_at,
    detail
  from decision.notification_message;

grant select, insert on decision.notification_route, decision.notification_message,
  decision.notification to sentinelops_decision;
grant update (noted_until) on decision.notification_route to sentinelops_decision;
grant update (attempts, next_attempt_at, sent_at, given_up_at, detail)
  on decision.notification_message to sentinelops_decision;
grant update (message_id) on decision.notification to sentinelops_decision;
grant select on decision.notification_message_for_audit to sentinelops_audit_owner;

reset role;
call sentinelops.guard_keep_rows('decision.notification_route', 'noted_until');
call sentinelops.guard_keep_rows('decision.notification_message', 'attempts', 'next_attempt_at',
  'sent_at', 'given_up_at', 'detail');
call sentinelops.guard_set_once('decision.notification_message', 'sent_at', 'given_up_at');
call sentinelops.guard_keep_rows('decision.notification', 'message_id');
call sentinelops.guard_set_once('decision.notification', 'message_id');
