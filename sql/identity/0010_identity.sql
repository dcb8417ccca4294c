-- The people who decide: who they are, which roles they hold, and the tokens that prove it.
--
-- Roles are read again inside every approving and finalising transaction, so a grant that ends,
-- ends at once.

create schema if not exists identity;
alter schema identity owner to sentinelops_identity_owner;
set local role sentinelops_identity_owner;

create table identity.person (
  person_id uuid constraint person_key primary key,
  name varchar(100) not null,
  created_at timestamptz not null default now(),
  disabled_at timestamptz,
  constraint one_person_per_name unique (name),
  constraint name_is_plain check (name ~ '^[a-z0-9][a-z0-9._@-]{0,99}$')
);
comment on table identity.person is
  'A human being. Sources and workers have no row here, so no machine can decide.';
comment on column identity.person.name is
  'Lower-case ASCII: look-alike letters, case and white space cannot make a second person of one.';
comment on column identity.person.disabled_at is
  'From then on every role and token of the person is void.';

create table identity.role_grant (
  person_id uuid not null constraint grant_of_a_person references identity.person (person_id),
  role varchar(40) not null,
  granted_at timestamptz not null default now(),
  revoked_at timestamptz,
  constraint role_grant_key primary key (person_id, role, granted_at),
  constraint role_is_known check (role in ('Administrator', 'Senior Authority',
    'Compliance Officer', 'Governance Board', 'Auditor', 'Operator')),
  constraint revoked_after_granted check (revoked_at is null or revoked_at >= granted_at)
);
comment on table identity.role_grant is 'Which role a person holds, from when to when.';
create unique index one_running_grant_per_role on identity.role_grant (person_id, role)
  where revoked_at is null;

create table identity.api_token (
  token_id varchar(32) constraint api_token_key primary key,
  token_sha256 varchar(64) not null,
  person_id uuid not null constraint token_of_a_person references identity.person (person_id),
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  revoked_at timestamptz,
  constraint one_row_per_token unique (token_sha256),
  constraint token_is_hashed check (token_sha256 ~ '^[0-9a-f]+$' and length(token_sha256) = 64),
  constraint token_lives_at_most_90_days check (expires_at <= created_at + interval '90 days')
);
comment on table identity.api_token is
  'Bearer tokens of people. Only the SHA-256 is kept; 256 random bits need no slow hash.';
create index idx_api_token_person on identity.api_token (person_id);

create view identity.person_role with (security_barrier) as
  select p.person_id, p.name, g.role
  from identity.person p join identity.role_grant g on g.person_id = p.person_id
  where p.disabled_at is null and g.revoked_at is null;
comment on view identity.person_role is
  'The roles that are held at this moment by people who are not disabled.';

create view identity.person_role_for_decision as
  select person_id, name, role from identity.person_role;
create view identity.person_for_decision as select person_id, name from identity.person;
create view identity.person_role_for_policy as
  select person_id, name, role from identity.person_role;
create view identity.person_for_audit as
  select person_id, name, created_at, disabled_at from identity.person;
create view identity.role_grant_for_audit as
  select person_id, role, granted_at, revoked_at from identity.role_grant;

grant usage on schema identity to sentinelops_identity, sentinelops_decision, sentinelops_policy,
  sentinelops_audit_owner, sentinelops_event_owner, sentinelops_policy_owner,
  sentinelops_risk_owner, sentinelops_decision_owner;
grant select, insert on identity.person, identity.role_grant, identity.api_token
  to sentinelops_identity;
grant update (disabled_at) on identity.person to sentinelops_identity;
grant update (revoked_at) on identity.role_grant, identity.api_token to sentinelops_identity;
grant select on identity.person_role to sentinelops_identity;
grant select on identity.person_role_for_decision, identity.person_for_decision
  to sentinelops_decision;
grant select on identity.person_role_for_policy to sentinelops_policy;
grant select on identity.person_for_audit, identity.role_grant_for_audit to sentinelops_audit_owner;
grant references (person_id) on identity.person
  to sentinelops_decision_owner, sentinelops_policy_owner, sentinelops_risk_owner,
  sentinelops_event_owner;

reset role;
call sentinelops.guard_keep_rows('identity.person', 'disabled_at');
call sentinelops.guard_keep_rows('identity.role_grant', 'revoked_at');
call sentinelops.guard_keep_rows('identity.api_token', 'revoked_at');
-- What was taken away does not come back: it takes a new grant, a new token, which someone answers
-- for. A person who was disabled would bring all of theirs back, so that is for good too.
call sentinelops.guard_set_once('identity.person', 'disabled_at');
call sentinelops.guard_set_once('identity.role_grant', 'revoked_at');
call sentinelops.guard_set_once('identity.api_token', 'revoked_at');
