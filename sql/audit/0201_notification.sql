-- What people were told of reviews, for the console's health page and for auditors.

set local role sentinelops_audit_owner;

create view audit.notification_message as
  select message_id, route, subject, composed_at, attempts, next_attempt_at, sent_at, given_up_at,
    detail
  from decision.notification_message_for_audit;
grant select on audit.notification_message to sentinelops_audit;

reset role;
