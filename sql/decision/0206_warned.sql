-- The notifier asks which rounds people were warned of since its last look.

set local role sentinelops_decision_owner;

create index idx_round_warning_time on decision.round_warning (warned_at);

reset role;
