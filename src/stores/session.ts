/** How people sign in: passwords, and the sessions that a sign-in opens. */
import { sql } from 'kysely';
import type { Digest } from '../domain/digest.ts';
import type { PersonId } from '../domain/ids.ts';
import type { PasswordHash } from '../domain/password.ts';
import type { Timestamp } from '../domain/time.ts';
import type { Tx } from './database.ts';
import type { Person } from './identity.ts';

/** What a name stands for at the door. */
export interface Account {
  readonly personId: PersonId;
  /** Null for who has no password, or is disabled. */
  readonly passwordHash: PasswordHash | null;
}

export interface NewSession {
  readonly sessionSha256: Digest;
  readonly personId: PersonId;
  /** The token that it is opened with; null for a password. */
  readonly tokenId: string | null;
  /** Seconds since 1970 at which the person proved who they are, where a provider says so; else it is now. */
  readonly authenticatedAtS?: number | undefined;
}

/** A session that counts. */
export interface RunningSession {
  readonly person: Person;
  readonly authenticatedAt: Timestamp;
}

export interface SessionStore {
  accountOf(name: string): Promise<Account | undefined>;
  /** In place of the one that the person has. */
  keepPassword(personId: PersonId, hash: PasswordHash): Promise<void>;
  /** False when there was none. */
  endPassword(personId: PersonId): Promise<boolean>;
  keepSession(session: NewSession): Promise<void>;
  /**
   * Whose session this is, with the roles of this moment; undefined when it does not count any more. `isUse`: the person
   * does something, so the time until the session lapses starts again.
   */
  personIn(sessionSha256: Digest, isUse: boolean): Promise<RunningSession | undefined>;
  endSession(sessionSha256: Digest): Promise<void>;
  /** Ends those that run; returns how many did. */
  endSessions(personId: PersonId): Promise<number>;
}

export function openSessionStore(tx: Tx): SessionStore {
  return {
    async accountOf(name) {
      const { rows } = await sql<Account>`
        select p.person_id as "personId", case when p.disabled_at is null then w.password_hash end as "passwordHash"
        from identity.person p left join identity.password w on w.person_id = p.person_id
        where p.name = ${name}`.execute(tx);
      return rows[0];
    },

    async keepPassword(personId, hash) {
      await sql`
        insert into identity.password (person_id, password_hash) values (${personId}, ${hash})
        on conflict (person_id) do update set password_hash = excluded.password_hash, changed_at = now()`.execute(
        tx,
      );
    },

    async endPassword(personId) {
      const { rows } = await sql`
        update identity.password set password_hash = null, changed_at = now()
        where person_id = ${personId} and password_hash is not null returning person_id`.execute(
        tx,
      );
      return rows.length > 0;
    },

    async keepSession({ sessionSha256, personId, tokenId, authenticatedAtS }) {
      // A provider whose clock is ahead of ours has nobody proved in the future.
      await sql`
        insert into identity.session (session_sha256, person_id, token_id, authenticated_at)
        values (${sessionSha256}, ${personId}, ${tokenId},
          least(now(), coalesce(to_timestamp(${authenticatedAtS ?? null}::double precision), now())))`.execute(
        tx,
      );
    },

    async personIn(sessionSha256, isUse) {
      const { rows } = await sql<Person & Pick<RunningSession, 'authenticatedAt'>>`
        with running as (
          select session_sha256, person_id, authenticated_at from identity.running_session where session_sha256 = ${sessionSha256}
        ), used as (
          update identity.session s set seen_at = now() from running
          where ${isUse} and s.session_sha256 = running.session_sha256 and s.seen_at < now() - interval '30 seconds'
        )
        select p.person_id as "personId", p.name, running.authenticated_at as "authenticatedAt",
          array(select r.role::text from identity.person_role r where r.person_id = p.person_id) as roles
        from running join identity.person p on p.person_id = running.person_id`.execute(tx);
      const [row] = rows;
      if (row === undefined) return undefined;
      const { authenticatedAt, ...person } = row;
      return { person, authenticatedAt };
    },

    async endSession(sessionSha256) {
      await sql`
        update identity.session set ended_at = now()
        where session_sha256 = ${sessionSha256} and ended_at is null`.execute(tx);
    },

    async endSessions(personId) {
      const { rows } = await sql`
        update identity.session set ended_at = now()
        where person_id = ${personId} and ended_at is null returning person_id`.execute(tx);
      return rows.length;
    },
  };
}
