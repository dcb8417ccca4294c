/** People and the tokens that prove who they are. Sources and workers are no people: they have no name here. */
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { type Role, roles } from './authority.ts';
import { type Digest, sha256 } from './digest.ts';

/** Lower-case ASCII: neither look-alike letters nor case nor spaces can make a second person of one. */
const PERSON_NAME = /^[a-z0-9][a-z0-9._@-]{0,99}$/;

export function isPersonName(text: string): boolean {
  return PERSON_NAME.test(text);
}

export function isRole(text: string): text is Role {
  return roles.some((role) => role === text);
}

export const TOKEN_DAYS_MAX = 90;

/** `so_<id>_<secret>`: 8 bytes in hex that name the token, 32 random bytes in base64url that prove it. */
const TOKEN = /^so_([0-9a-f]{16})_[A-Za-z0-9_-]{43}$/;
const TOKEN_ID_BYTES = 8;
const TOKEN_SECRET_BYTES = 32;

/** What is kept of a token. 256 random bits cannot be guessed from their hash, however fast the hash is. */
export interface TokenProof {
  readonly tokenId: string;
  readonly tokenSha256: Digest;
}

/** A new token with what is kept of it. The token itself is shown once and then is nowhere. */
export function mintToken(): TokenProof & { readonly token: string } {
  const tokenId = randomBytes(TOKEN_ID_BYTES).toString('hex');
  const token = `so_${tokenId}_${randomBytes(TOKEN_SECRET_BYTES).toString('base64url')}`;
  return { token, tokenId, tokenSha256: sha256(token) };
}

/** Undefined for what has not the form of a token. */
export function proofOf(token: string): TokenProof | undefined {
  const [, tokenId] = TOKEN.exec(token) ?? [];
  return tokenId === undefined ? undefined : { tokenId, tokenSha256: sha256(token) };
}

/** In the same time wherever the two differ, so that a hash cannot be felt out digit by digit. */
export function isSameProof(one: TokenProof, other: TokenProof): boolean {
  return timingSafeEqual(Buffer.from(one.tokenSha256), Buffer.from(other.tokenSha256));
}
