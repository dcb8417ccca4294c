/**
 * Delegations: a person lets another act in a role of theirs, up to a level of risk and until an instant named at the
 * start. Nobody lends more than was granted to them, and nobody lends what was lent to them; the database holds the same
 * (sql/identity/0182_delegation.sql). What is excluded stays excluded: whoever acts for the author of a policy acts as if
 * they had written it (authority.ts).
 */
import { type DecidingRole, isDecidingRole, type Role } from './authority.ts';
import type { DelegationId, PersonId } from './ids.ts';
import { type Refusal, refuse } from './problem.ts';
import type { KnownRiskLevel } from './risk-level.ts';
import { epochMsOf, type Timestamp } from './time.ts';

export const DELEGATION_DAYS_MAX = 30;
export const DELEGATION_REASON_CHARACTERS_MAX = 500;
const A_DAY_MS = 86_400_000;

export interface Delegation {
  readonly delegationId: DelegationId;
  readonly delegator: PersonId;
  readonly delegate: PersonId;
  readonly role: DecidingRole;
  /** The highest level of risk that it covers. */
  readonly upToLevel: KnownRiskLevel;
  readonly reason: string;
  readonly createdAt: Timestamp;
  readonly endsAt: Timestamp;
}

export interface ListedDelegation extends Delegation {
  readonly delegatorName: string;
  readonly delegateName: string;
  readonly revokedAt: Timestamp | null;
  /** Whether it counts at this moment. */
  readonly isRunning: boolean;
}

/** What a person asks for. */
export interface DelegationWish {
  /** The name of the person who shall act. */
  readonly to: string;
  readonly role: Role;
  readonly upToLevel: KnownRiskLevel;
  readonly endsAt: Timestamp;
  readonly reason: string;
}

/** The only way in to delegate. Each command is durable when it resolves. */
export interface DelegationCommands {
  /** In force from then on. Refusals: `unknown_person` and those of `checkDelegation`. */
  give(delegator: PersonId, wish: DelegationWish): Promise<Delegation | Refusal>;
  /** Ends one at once, also for acts in rounds that are open; a repeat changes nothing. Refusals: `unknown_delegation`. */
  revoke(delegator: PersonId, delegationId: DelegationId): Promise<Refusal | undefined>;
  /** Those given by or to a person, the newest first. */
  of(personId: PersonId): Promise<readonly ListedDelegation[]>;
}

/** Whether a person may delegate as they ask. Refusals: `role_not_held`, `bad_delegation`. */
export function checkDelegation(
  { personId, roles }: { readonly personId: PersonId; readonly roles: readonly Role[] },
  delegate: PersonId,
  { role, endsAt, reason }: DelegationWish,
  now: Timestamp,
): Refusal | undefined {
  if (!isDecidingRole(role)) return refuse('bad_delegation', `a ${role} decides nothing`);
  if (!roles.includes(role)) return refuse('role_not_held', `you are no ${role} yourself`);
  if (delegate === personId) return refuse('bad_delegation', 'you act for yourself anyway');
  const forMs = epochMsOf(endsAt) - epochMsOf(now);
  if (forMs <= 0) return refuse('bad_delegation', 'it would be over already');
  if (forMs > DELEGATION_DAYS_MAX * A_DAY_MS) {
    return refuse('bad_delegation', `it would last for more than ${DELEGATION_DAYS_MAX} days`);
  }
  if (reason.trim() === '' || !reason.isWellFormed() || reason.includes('\u0000')) {
    return refuse('bad_delegation', 'it takes a reason in plain text');
  }
  return undefined;
}
