/** The commands by which people let others act for them. Every command is one transaction of the identity domain. */
import type { DecidingRole } from '../domain/authority.ts';
import { checkDelegation, type DelegationCommands } from '../domain/delegation.ts';
import { delegationIdOf } from '../domain/ids.ts';
import { refuse } from '../domain/problem.ts';
import type { Database } from '../stores/database.ts';
import { openDelegationStore } from '../stores/delegation.ts';
import { openIdentityStore } from '../stores/identity.ts';

export function createDelegationCommands(database: Database): DelegationCommands {
  return {
    give: (delegator, wish) =>
      database.transact(async (tx) => {
        const store = openDelegationStore(tx);
        const delegate = await openIdentityStore(tx).personNamed(wish.to);
        if (delegate === undefined) {
          return refuse('unknown_person', `nobody is called ${wish.to}`);
        }
        const roles = await store.rolesOf(delegator);
        const createdAt = await store.now();
        const refusal = checkDelegation({ personId: delegator, roles }, delegate, wish, createdAt);
        if (refusal !== undefined) return refusal;
        const delegation = {
          delegationId: delegationIdOf(delegator, delegate, wish.role, createdAt),
          delegator,
          delegate,
          role: wish.role as DecidingRole,
          upToLevel: wish.upToLevel,
          reason: wish.reason.trim(),
          createdAt,
          endsAt: wish.endsAt,
        };
        await store.keep(delegation);
        return delegation;
      }),

    revoke: (delegator, delegationId) =>
      database.transact(async (tx) => {
        const isThere = await openDelegationStore(tx).revoke(delegationId, delegator);
        return isThere ? undefined : refuse('unknown_delegation', 'you gave none with this id');
      }),

    of: (personId) => database.transact((tx) => openDelegationStore(tx).of(personId)),
  };
}
