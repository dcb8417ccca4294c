/** People, the roles that they hold and their tokens. */
import { sql } from 'kysely';
import type { Role } from '../domain/authority.ts';
import type { Digest } from '../domain/digest.ts';
import type { TokenProof } from '../domain/identity.ts';
import { type PersonId, personIdOf } from '../domain/ids.ts';
import type { Timestamp } from '../domain/time.ts';
import type { Tx } from './database.ts';

export interface Person {
  readonly personId: PersonId;
  readonly name: string;
  /** Held at this moment; none for a person who is disabled. */
  readonly roles: readonly Role[];
}

/** A token with its holder. */
export interface HeldToken extends TokenProof {
  readonly holder: Person;
  /** Neither expired nor revoked, and its holder not disabled, by the database's clock. */
  readonly isValid: boolean;
}

export interface ListedPerson extends Person {
  readonly isDisabled: boolean;
  /** Those that are valid, the last to expire first. */
  readonly tokens: readonly { readonly tokenId: string; readonly expiresAt: Timestamp }[];
}

export interface IdentityStore {
  /** The person of that name, made when there is none. */
  keepPerson(name: string): Promise<{ readonly personId: PersonId; readonly isDisabled: boolean }>;
  personNamed(name: string): Promise<PersonId | undefined>;
  /** Grants what the person does not hold yet. */
  grantRoles(personId: PersonId, roles: readonly Role[]): Promise<void>;
  /** Returns when the token expires. */
  keepToken(personId: PersonId, proof: TokenProof, days: number): Promise<Timestamp>;
  tokenOf(tokenId: string): Promise<HeldToken | undefined>;
  people(): Promise<readonly ListedPerson[]>;
  /** Ends these roles, or all when none is named; returns those that ended. */
  endRoles(personId: PersonId, roles?: readonly Role[]): Promise<readonly Role[]>;
  /** Ends this token, or all when none is named; returns the ids of those that ended. */
  endTokens(personId: PersonId, tokenId?: string): Promise<readonly string[]>;
}

export function openIdentityStore(tx: Tx): IdentityStore {
  return {
    async keepPerson(name) {
      const personId = personIdOf(name);
      await sql`
        insert into identity.person (person_id, name) values (${personId}, ${name})
        on conflict do nothing`.execute(tx);
      const { rows } = await sql<{ isDisabled: boolean }>`
        select disabled_at is not null as "isDisabled" from identity.person
        where person_id = ${personId}`.execute(tx);
      return { personId, isDisabled: rows[0]!.isDisabled };
    },

    async personNamed(name) {
      const { rows } = await sql<{ personId: PersonId }>`
        select person_id as "personId" from identity.person where name = ${name}`.execute(tx);
      return rows[0]?.personId;
    },

    async grantRoles(personId, roles) {
      await sql`
        insert into identity.role_grant (person_id, role)
        select ${personId}::uuid, role from unnest(${roles}::text[]) as role order by role
        on conflict do nothing`.execute(tx);
    },

    async keepToken(personId, { tokenId, tokenSha256 }, days) {
      const { rows } = await sql<{ expiresAt: Timestamp }>`
        insert into identity.api_token (token_id, token_sha256, person_id, created_at, expires_at)
        values (${tokenId}, ${tokenSha256}, ${personId}, now(), now() + make_interval(days => ${days}))
        returning expires_at as "expiresAt"`.execute(tx);
      return rows[0]!.expiresAt;
    },

    async tokenOf(tokenId) {
      const { rows } = await sql<TokenRow>`
        select t.token_id as "tokenId", t.token_sha256 as "tokenSha256", p.person_id as "personId", p.name,
          t.revoked_at is null and t.expires_at > now() and p.disabled_at is null as "isValid",
          array(select r.role::text from identity.person_role r where r.person_id = p.person_id) as roles
        from identity.api_token t join identity.person p on p.person_id = t.person_id
        where t.token_id = ${tokenId}`.execute(tx);
      const [row] = rows;
      if (row === undefined) return undefined;
      const { personId, name, roles, ...token } = row;
      return { ...token, holder: { personId, name, roles } };
    },

    async people() {
      const { rows } = await sql<ListedPerson>`
        select p.person_id as "personId", p.name, p.disabled_at is not null as "isDisabled",
          array(select r.role::text from identity.person_role r where r.person_id = p.person_id) as roles,
          (select coalesce(jsonb_agg(jsonb_build_object('tokenId', t.token_id, 'expiresAt',
              to_char(t.expires_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')) order by t.expires_at desc, t.token_id), '[]')
            from identity.api_token t
            where t.person_id = p.person_id and t.revoked_at is null and t.expires_at > now()) as tokens
        from identity.person p order by p.name`.execute(tx);
      return rows;
    },

    async endRoles(personId, roles) {
      const { rows } = await sql<{ role: Role }>`
        update identity.role_grant set revoked_at = now()
        where person_id = ${personId} and revoked_at is null
          and (${roles === undefined} or role = any(${roles ?? []}::text[]))
        returning role`.execute(tx);
      return rows.map(({ role }) => role);
    },

    async endTokens(personId, tokenId) {
      const { rows } = await sql<{ tokenId: string }>`
        update identity.api_token set revoked_at = now()
        where person_id = ${personId} and revoked_at is null
          and (${tokenId === undefined} or token_id = ${tokenId ?? null})
        returning token_id as "tokenId"`.execute(tx);
      return rows.map((row) => row.tokenId);
    },
  };
}

interface TokenRow {
  readonly tokenId: string;
  readonly tokenSha256: Digest;
  readonly personId: PersonId;
  readonly name: string;
  readonly roles: readonly Role[];
  readonly isValid: boolean;
}
