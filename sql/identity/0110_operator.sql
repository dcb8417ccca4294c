-- Whether somebody may discard a dead letter is for the event domain to check, inside the transaction
-- that discards it. It is told who the Operators are, and no other role of anybody.

set local role sentinelops_identity_owner;

create view identity.operator_for_event with (security_barrier) as
  select person_id, name from identity.person_role where role = 'Operator';
comment on view identity.operator_for_event is
  'The people who hold the role of Operator at this moment.';

grant usage on schema identity to sentinelops_event;
grant select on identity.operator_for_event to sentinelops_event;

reset role;
