/** Accounts of an OpenID provider: whose they are, and which roles their claims give. */
import { sql } from 'kysely';
import type { Role } from '../domain/authority.ts';
import type { PersonId } from '../domain/ids.ts';
import type { Tx } from './database.ts';

export interface OidcAccountStore {
  personOf(
    issuer: string,
    subject: string,
  ): Promise<{ readonly personId: PersonId; readonly isDisabled: boolean } | undefined>;
  /** False when the account, or the person at this issuer, is linked otherwise already. */
  link(issuer: string, subject: string, personId: PersonId): Promise<boolean>;
  /** Grants these roles and ends those that earlier claims gave; what an operator granted stays. */
  keepRolesFromClaims(personId: PersonId, roles: readonly Role[]): Promise<void>;
}

export function openOidcAccountStore(tx: Tx): OidcAccountStore {
  return {
    async personOf(issuer, subject) {
      const { rows } = await sql<{ personId: PersonId; isDisabled: boolean }>`
        select p.person_id as "personId", p.disabled_at is not null as "isDisabled"
        from identity.oidc_account a join identity.person p on p.person_id = a.person_id
        where a.issuer = ${issuer} and a.subject = ${subject}`.execute(tx);
      return rows[0];
    },

    async link(issuer, subject, personId) {
      await sql`
        insert into identity.oidc_account (issuer, subject, person_id)
        values (${issuer}, ${subject}, ${personId}) on conflict do nothing`.execute(tx);
      return (await this.personOf(issuer, subject))?.personId === personId;
    },

    async keepRolesFromClaims(personId, roles) {
      await sql`
        update identity.role_grant set revoked_at = now()
        where person_id = ${personId} and from_claims and revoked_at is null
          and role <> all (${roles}::text[])`.execute(tx);
      await sql`
        insert into identity.role_grant (person_id, role, from_claims)
        select ${personId}::uuid, role, true from unnest(${roles}::text[]) as role order by role
        on conflict do nothing`.execute(tx);
    },
  };
}
