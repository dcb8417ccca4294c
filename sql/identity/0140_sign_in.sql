-- How people sign in to the console: their passwords, and the sessions that a sign-in opens.
--
-- A session proves who somebody is and nothing more: roles are read again in every request and in
-- every deciding transaction.

set local role sentinelops_identity_owner;

create table identity.password (
  person_id uuid constraint password_key primary key
    constraint password_of_a_person references identity.person (person_id),
  password_hash varchar(200),
  changed_at timestamptz not null default now(),
  constraint password_is_hashed check (password_hash
    ~ '^\$argon2id\$v=19\$m=[0-9]+,t=[0-9]+,p=[0-9]+\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$')
);
comment on table identity.password is
  'The password of each person who was given one. A new one takes the place of the old, whose hash '
  'would be of use to an attacker only.';
comment on column identity.password.password_hash is
  'Argon2id with its parameters and salt (PHC string). Null: the password was taken away.';
comment on column identity.password.changed_at is 'When it was last set or taken away.';

create table identity.session (
  session_sha256 varchar(64) constraint session_key primary key,
  person_id uuid not null constraint session_of_a_person references identity.person (person_id),
  token_id varchar(32) constraint session_opened_by_a_token
    references identity.api_token (token_id),
  opened_at timestamptz not null default now(),
  seen_at timestamptz not null default now(),
  ended_at timestamptz,
  constraint session_id_is_hashed
    check (session_sha256 ~ '^[0-9a-f]+$' and length(session_sha256) = 64),
  constraint seen_after_opened check (seen_at >= opened_at),
  constraint ended_after_opened check (ended_at is null or ended_at >= opened_at)
);
comment on table identity.session is
  'Sign-ins to the console, kept as a record of them. Only the SHA-256 of a session id is here.';
comment on column identity.session.token_id is
  'The API token that it was opened with, which it does not outlive; null for a password.';
comment on column identity.session.seen_at is
  'When the person last did something, to within half a minute. What a page does by itself does '
  'not count.';
create index idx_session_person on identity.session (person_id) where ended_at is null;
create index idx_session_token on identity.session (token_id) where token_id is not null;

create view identity.running_session with (security_barrier) as
  select s.session_sha256, s.person_id, s.opened_at, s.seen_at
  from identity.session s
  join identity.person p on p.person_id = s.person_id
  left join identity.api_token t on t.token_id = s.token_id
  where s.ended_at is null and p.disabled_at is null
    and s.seen_at > now() - interval '15 minutes' and s.opened_at > now() - interval '8 hours'
    and (t.token_id is null or (t.revoked_at is null and t.expires_at > now()));
comment on view identity.running_session is
  'The sessions that count: not ended, used within 15 minutes, opened within 8 hours, of a person '
  'who is not disabled, and with the token that opened them still valid.';

grant select, insert on identity.password, identity.session to sentinelops_identity;
grant update (password_hash, changed_at) on identity.password to sentinelops_identity;
grant update (seen_at, ended_at) on identity.session to sentinelops_identity;
grant select on identity.running_session to sentinelops_identity;

reset role;
call sentinelops.guard_keep_rows('identity.password', 'password_hash', 'changed_at');
call sentinelops.guard_keep_rows('identity.session', 'seen_at', 'ended_at');
-- Whoever was signed out is signed out: they sign in again.
call sentinelops.guard_set_once('identity.session', 'ended_at');
