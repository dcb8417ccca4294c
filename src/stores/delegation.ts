/** Who may act for whom (sql/identity/0182_delegation.sql), on one transaction of the identity role. */
import { sql } from 'kysely';
import type { Role } from '../domain/authority.ts';
import type { Delegation, ListedDelegation } from '../domain/delegation.ts';
import type { DelegationId, PersonId } from '../domain/ids.ts';
import type { Timestamp } from '../domain/time.ts';
import type { Tx } from './database.ts';

export interface DelegationStore {
  now(): Promise<Timestamp>;
  /** Held at this moment by the person's own right. */
  rolesOf(personId: PersonId): Promise<readonly Role[]>;
  keep(delegation: Delegation): Promise<void>;
  /** Those given by or to a person, the newest first. */
  of(personId: PersonId): Promise<readonly ListedDelegation[]>;
  /** Ends one that the person gave. False when there is none. One that is over stays as it was. */
  revoke(delegationId: DelegationId, delegator: PersonId): Promise<boolean>;
}

const LISTED_MAX = 100;

export function openDelegationStore(tx: Tx): DelegationStore {
  return {
    async now() {
      const { rows } = await sql<{ now: Timestamp }>`select transaction_timestamp() as now`.execute(
        tx,
      );
      return rows[0]!.now;
    },

    async rolesOf(personId) {
      const { rows } = await sql<{ role: Role }>`
        select role from identity.person_role where person_id = ${personId}`.execute(tx);
      return rows.map(({ role }) => role);
    },

    async keep(delegation) {
      await sql`
        insert into identity.delegation (delegation_id, delegator, delegate, role, up_to_level, reason, created_at, ends_at)
        values (${delegation.delegationId}, ${delegation.delegator}, ${delegation.delegate}, ${delegation.role},
          ${delegation.upToLevel}, ${delegation.reason}, ${delegation.createdAt}::timestamptz, ${delegation.endsAt}::timestamptz)`.execute(
        tx,
      );
    },

    async of(personId) {
      const { rows } = await sql<ListedDelegation>`
        select d.delegation_id as "delegationId", d.delegator, g.name as "delegatorName", d.delegate, t.name as "delegateName",
          d.role, d.up_to_level as "upToLevel", d.reason, d.created_at as "createdAt", d.ends_at as "endsAt",
          d.revoked_at as "revokedAt",
          exists (select from identity.running_delegation r where r.delegation_id = d.delegation_id) as "isRunning"
        from identity.delegation d
        join identity.person g on g.person_id = d.delegator
        join identity.person t on t.person_id = d.delegate
        where ${personId}::uuid in (d.delegator, d.delegate)
        order by d.created_at desc, d.delegation_id limit ${LISTED_MAX}`.execute(tx);
      return rows;
    },

    async revoke(delegationId, delegator) {
      const { rows } = await sql`
        with mine as (
          select delegation_id from identity.delegation
          where delegation_id = ${delegationId} and delegator = ${delegator}
        ), ended as (
          update identity.delegation d set revoked_at = now() from mine
          where d.delegation_id = mine.delegation_id and d.revoked_at is null
        )
        select from mine`.execute(tx);
      return rows.length > 0;
    },
  };
}
