/** The commands that say who may sign in and decide. Operators run them; no person decides about their own roles here. */
import type { Role } from '../domain/authority.ts';
import { isPersonName, isRole, mintToken, TOKEN_DAYS_MAX } from '../domain/identity.ts';
import type { PersonId } from '../domain/ids.ts';
import { checkPassword, hashPassword } from '../domain/password.ts';
import { type Refusal, refuse } from '../domain/problem.ts';
import type { Timestamp } from '../domain/time.ts';
import type { Database } from '../stores/database.ts';
import { type ListedPerson, openIdentityStore } from '../stores/identity.ts';
import { openOidcAccountStore } from '../stores/oidc-account.ts';
import { openSessionStore } from '../stores/session.ts';

export interface NewReviewer {
  readonly name: string;
  readonly roles: readonly string[];
  /** How long the token lives, in days: 1 to 90; 90 when not given. */
  readonly days?: number | undefined;
}

/** The only time that the token is seen. */
export interface IssuedToken {
  readonly personId: PersonId;
  readonly name: string;
  readonly token: string;
  readonly tokenId: string;
  readonly expiresAt: Timestamp;
}

/** What to take from a person; nothing named means every role, every token, the password and whatever is signed in. */
export interface Revocation {
  readonly name: string;
  readonly roles?: readonly string[] | undefined;
  readonly tokenId?: string | undefined;
}

export interface Revoked {
  readonly roles: readonly Role[];
  readonly tokenIds: readonly string[];
  /** Whether there was a password to take away. */
  readonly password: boolean;
  /** How many sessions of the console it ended. */
  readonly sessions: number;
}

/** A password that now holds. */
export interface PasswordSet {
  readonly personId: PersonId;
  readonly name: string;
  /** How many sessions of the console it ended: whoever signed in with the old one signs in again. */
  readonly sessions: number;
}

/** An account of an OpenID provider, by its issuer and the `sub` that it never gives to anybody else. */
export interface Account {
  readonly name: string;
  readonly issuer: string;
  readonly subject: string;
}

export interface LinkedAccount extends Account {
  readonly personId: PersonId;
}

export interface ReviewerCommands {
  /**
   * Makes the person when there is none, grants the roles that are not held yet and issues a further token. Refusals:
   * `bad_name`, `unknown_role`, `bad_validity`, `person_disabled`.
   */
  add(reviewer: NewReviewer): Promise<IssuedToken | Refusal>;
  list(): Promise<readonly ListedPerson[]>;
  /**
   * Says that an account of an OpenID provider is this person, who then signs in with it. For good: an account is one
   * person for ever. Refusals: `unknown_person`, `account_linked`.
   */
  link(account: Account): Promise<LinkedAccount | Refusal>;
  /**
   * Lets a person sign in to the console with this password, and ends every session of theirs. Refusals:
   * `unknown_person`, `bad_password`.
   */
  setPassword(name: string, password: string): Promise<PasswordSet | Refusal>;
  /** Ends it from this moment on. Refusals: `unknown_person`, `unknown_role`. */
  revoke(revocation: Revocation): Promise<Revoked | Refusal>;
}

/** `database` works under the role of the identity domain. Every command is one transaction. */
export function createReviewerCommands(database: Database): ReviewerCommands {
  return {
    async add({ name, roles, days = TOKEN_DAYS_MAX }) {
      if (!isPersonName(name)) return refuse('bad_name', `"${name}" is no name`);
      if (!roles.every(isRole)) return refuseUnknown(roles);
      if (!Number.isInteger(days) || days < 1 || days > TOKEN_DAYS_MAX) {
        return refuse('bad_validity', `a token cannot live for ${days} days`);
      }
      const { token, ...proof } = mintToken();
      return database.transact(async (tx) => {
        const store = openIdentityStore(tx);
        const { personId, isDisabled } = await store.keepPerson(name);
        if (isDisabled) return refuse('person_disabled', `${name} is disabled`);
        await store.grantRoles(personId, roles);
        const expiresAt = await store.keepToken(personId, proof, days);
        return { personId, name, token, tokenId: proof.tokenId, expiresAt };
      });
    },

    list: () => database.transact((tx) => openIdentityStore(tx).people()),

    link({ name, issuer, subject }) {
      return database.transact(async (tx) => {
        const personId = await openIdentityStore(tx).personNamed(name);
        if (personId === undefined) return refuse('unknown_person', `nobody is called ${name}`);
        const isLinked = await openOidcAccountStore(tx).link(issuer, subject, personId);
        return isLinked
          ? { personId, name, issuer, subject }
          : refuse('account_linked', 'the account or the person is linked to another');
      });
    },

    async setPassword(name, password) {
      const refusal = checkPassword(password, name);
      if (refusal !== undefined) return refusal;
      // Before the transaction: it takes longer than all statements together.
      const hash = await hashPassword(password);
      return database.transact(async (tx) => {
        const personId = await openIdentityStore(tx).personNamed(name);
        if (personId === undefined) return refuse('unknown_person', `nobody is called ${name}`);
        const store = openSessionStore(tx);
        await store.keepPassword(personId, hash);
        return { personId, name, sessions: await store.endSessions(personId) };
      });
    },

    async revoke({ name, roles, tokenId }) {
      if (roles !== undefined && !roles.every(isRole)) return refuseUnknown(roles);
      const isAll = roles === undefined && tokenId === undefined;
      return database.transact(async (tx) => {
        const store = openIdentityStore(tx);
        const personId = await store.personNamed(name);
        if (personId === undefined) return refuse('unknown_person', `nobody is called ${name}`);
        const sessions = openSessionStore(tx);
        return {
          roles: isAll || roles !== undefined ? await store.endRoles(personId, roles) : [],
          tokenIds: isAll || tokenId !== undefined ? await store.endTokens(personId, tokenId) : [],
          password: isAll && (await sessions.endPassword(personId)),
          sessions: isAll ? await sessions.endSessions(personId) : 0,
        };
      });
    },
  };
}

function refuseUnknown(roles: readonly string[]): Refusal {
  const unknown = roles.filter((role) => !isRole(role));
  return refuse('unknown_role', `${unknown.join(', ')}: no such role`);
}
