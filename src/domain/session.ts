/** Sessions of the console: the random id that a browser holds, and what is derived from it. */
import { randomBytes } from 'node:crypto';
import { type Digest, sha256 } from './digest.ts';

declare const sessionId: unique symbol;
/** 256 random bits in base64url. Whoever has it is taken for the person, so it is kept nowhere but in the browser. */
export type SessionId = string & { readonly [sessionId]: true };

const SESSION_ID_BYTES = 32;
const SESSION_ID = /^[A-Za-z0-9_-]{43}$/;

export function mintSessionId(): SessionId {
  return randomBytes(SESSION_ID_BYTES).toString('base64url') as SessionId;
}

/** Undefined for what has not the form of a session id. */
export function readSessionId(text: string | undefined): SessionId | undefined {
  return text !== undefined && SESSION_ID.test(text) ? (text as SessionId) : undefined;
}

/** What is kept of a session id. 256 random bits cannot be guessed from their hash, however fast the hash is. */
export function sessionDigest(id: SessionId): Digest {
  return sha256(id);
}

/** The secret of the forms that this browser is given: another site's page cannot know it (CSRF). */
export function formSecret(id: SessionId): string {
  return sha256(`sentinelops-form-secret/v1\n${id}`);
}
