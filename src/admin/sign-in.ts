/**
 * The door of the console: a name with a password, or an API token, becomes a session. Both refuse with one answer,
 * `sign_in_failed`, in the same time whatever is wrong, so that nobody learns here which names exist.
 */
import type { PersonId } from '../domain/ids.ts';
import { isPassword, PASSWORD_CHARACTERS_MAX } from '../domain/password.ts';
import { type Refusal, refuse } from '../domain/problem.ts';
import { mintSessionId, type SessionId, sessionDigest } from '../domain/session.ts';
import type { Database } from '../stores/database.ts';
import { openSessionStore } from '../stores/session.ts';
import { findToken } from './authentication.ts';

export interface Door {
  withPassword(name: string, password: string): Promise<SessionId | Refusal>;
  withToken(token: string): Promise<SessionId | Refusal>;
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

  return {
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

    async leave(id) {
      await identity.transact((tx) => openSessionStore(tx).endSession(sessionDigest(id)));
    },
  };
}
