-- Sign-in through an OpenID provider: which person an account of it is, which roles it gives, and
-- when somebody last proved who they are.

set local role sentinelops_identity_owner;

create table identity.oidc_account (
  issuer varchar(500) not null,
  subject varchar(255) not null,
  person_id uuid not null constraint account_of_a_person references identity.person (person_id),
  linked_at timestamptz not null default now(),
  constraint oidc_account_key primary key (issuer, subject),
  constraint one_account_per_person_and_issuer unique (issuer, person_id)
);
comment on table identity.oidc_account is
  'Accounts of an OpenID provider. One person stays one person, whichever way they sign in.';
comment on column identity.oidc_account.subject is
  'The `sub` of the provider, which it never gives to anybody else; names there may change.';
create index idx_oidc_account_person on identity.oidc_account (person_id);

alter table identity.role_grant add column from_claims boolean not null default false;
comment on column identity.role_grant.from_claims is
  'Given by the claims of an OpenID provider: it ends at the first sign-in that lacks the claim.';

alter table identity.session add column authenticated_at timestamptz not null default now();
comment on column identity.session.authenticated_at is
  'When the person proved who they are; before the session was opened, where a provider says so.';

create or replace view identity.running_session with (security_barrier) as
  select s.session_sha256, s.person_id, s.opened_at, s.seen_at, s.authenticated_at
  from identity.session s
  join identity.person p on p.person_id = s.person_id
  left join identity.api_token t on t.token_id = s.token_id
  where s.ended_at is null and p.disabled_at is null
    and s.seen_at > now() - interval '15 minutes' and s.opened_at > now() - interval '8 hours'
    and (t.token_id is null or (t.revoked_at is null and t.expires_at > now()));

grant select, insert on identity.oidc_account to sentinelops_identity;

reset role;
call sentinelops.guard_append_only('identity.oidc_account');
