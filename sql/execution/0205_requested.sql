-- The page on executions lists the newest first.

set local role sentinelops_execution_owner;

create index idx_execution_requested on execution.execution (requested_at, execution_id);

reset role;
