/**
 * The door of the console: a name with a password, or an API token, becomes a session. Both refuse with one answer,
 * `sign_in_failed`, in the same time whatever is wrong, so that nobody learns here which names exist.
 */
import type { PersonId } from '../domain/ids.ts';
import { isPassword, PASSWORD_CHARACTERS_MAX } from '../domain/password.ts';
import { type Refusal, refuse } from '../domain/problem.ts';
import { mintSessionId, type SessionId, sessionDigest } from '../domain/session.ts';
import type { Database, Tx } from '../stores/database.ts';
import { openIdentityStore, type Person } from '../stores/identity.ts';
import { openOidcAccountStore } from '../stores/oidc-account.ts';
import { openSessionStore } from '../stores/session.ts';
import { findToken } from './authentication.ts';
import type { OidcIdentity } from './oidc.ts';

export interface Door {
  withPassword(name: string, password: string): Promise<SessionId | Refusal>;
  withToken(token: string): Promise<SessionId | Refusal>;
  /**
   * Whom the provider has let in. Their account is linked to the person of that name when it makes them; a person who is
   * there already is linked by an operator. Refusals: `account_not_linked`, `person_disabled`, `not_authorised`.
   */
  withProvider(identity: OidcIdentity): Promise<SessionId | Refusal>;
  /** A new session in place of this one, for whoever proves once more by password or token that it is theirs. */
  again(id: SessionId, person: Person, proof: string): Promise<SessionId | Refusal>;
  /** From here on the session proves nothing any more. */
  leave(id: SessionId): Promise<void>;
}

/** `identity` works under the role of the identity domain. */
export function createDoor(identity: Database): Door {
  const open = async (personId: PersonId, tokenId: string | null): Promise<SessionId> => {
    const id = mintSessionId();
    await identity.transact((tx) =>
      openSessionStore(tx).keepSession({ sessionSha256: sessionDigest(id), personId, tokenId }),
    );
    return id;
  };

  const door: Door = {
    async withPassword(name, password) {
      const refusal = refuse('sign_in_failed', 'the name or the password is wrong');
      // Nothing that long can be right, and to normalise it would cost more than the hash.
      if (password.length > 4 * PASSWORD_CHARACTERS_MAX) return refusal;
      const account = await identity.transact((tx) => openSessionStore(tx).accountOf(name));
      const isRight = await isPassword(password, account?.passwordHash ?? null);
      return account !== undefined && isRight ? open(account.personId, null) : refusal;
    },

    async withToken(token) {
      const held = await findToken(token, identity);
      if (held === undefined) {
        return refuse('sign_in_failed', 'the token is unknown, revoked or expired');
      }
      return open(held.holder.personId, held.tokenId);
    },

    async withProvider(who) {
      return identity.transact(async (tx) => {
        const personId = await personOf(tx, who);
        if (typeof personId !== 'string') return personId;
        await openOidcAccountStore(tx).keepRolesFromClaims(personId, who.roles);
        const id = mintSessionId();
        const { authenticatedAtS } = who;
        const session = { sessionSha256: sessionDigest(id), personId, tokenId: null };
        await openSessionStore(tx).keepSession({ ...session, authenticatedAtS });
        return id;
      });
    },

    async again(id, { personId, name }, proof) {
      if (TOKEN.test(proof)) {
        const held = await findToken(proof.trim(), identity);
        if (held?.holder.personId !== personId) {
          return refuse('sign_in_failed', 'the token is not a valid one of yours');
        }
        await door.leave(id);
        return open(personId, held.tokenId);
      }
      const opened = await door.withPassword(name, proof);
      if (typeof opened !== 'string') return opened;
      await door.leave(id);
      return opened;
    },

    async leave(id) {
      await identity.transact((tx) => openSessionStore(tx).endSession(sessionDigest(id)));
    },
  };
  return door;
}

/** What begins like this is no password of ours. */
const TOKEN = /^\s*so_[0-9a-f]{16}_/;

/** The person behind an account, made and linked when the name is new. */
async function personOf(tx: Tx, { issuer, subject, name, roles }: OidcIdentity) {
  const accounts = openOidcAccountStore(tx);
  const linked = await accounts.personOf(issuer, subject);
  if (linked !== undefined) {
    return linked.isDisabled ? refuse('person_disabled', `${name} is disabled`) : linked.personId;
  }
  const people = openIdentityStore(tx);
  if ((await people.personNamed(name)) !== undefined) {
    return refuse('account_not_linked', `${name} is somebody whose account this may not be`);
  }
  if (roles.length === 0) return refuse('not_authorised', 'your account gives you no role here');
  const { personId } = await people.keepPerson(name);
  // Two browsers of one new person at once: whoever came second finds what the first has linked.
  return (await accounts.link(issuer, subject, personId))
    ? personId
    : refuse('account_not_linked', `${name} is somebody whose account this may not be`);
}
