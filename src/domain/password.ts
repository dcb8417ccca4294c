/**
 * Passwords of local accounts, kept as Argon2id hashes (RFC 9106) in the usual text form,
 * `$argon2id$v=19$m=19456,t=2,p=1$<salt>$<hash>`, so that stored hashes say themselves how they were made.
 */
import { argon2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { type Refusal, refuse } from './problem.ts';

declare const passwordHash: unique symbol;
export type PasswordHash = string & { readonly [passwordHash]: true };

/** NIST SP 800-63B: the least for a password that nothing else backs up. Length is what counts, so any characters do. */
export const PASSWORD_CHARACTERS_MIN = 15;
export const PASSWORD_CHARACTERS_MAX = 200;

/** The least that OWASP's password storage guide recommends; about 40 ms and 19 MiB for each try. */
const COST = { memoryKiB: 19_456, passes: 2, lanes: 1 };
const VERSION = 19;
const SALT_BYTES = 16;
const HASH_BYTES = 32;

const FORM =
  /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,2})\$([A-Za-z0-9+/]{22})\$([A-Za-z0-9+/]{43})$/;

/** Refuses a password that is too short, too long or the person's own name: `bad_password`. */
export function checkPassword(password: string, name: string): Refusal | undefined {
  const { length } = Array.from(password);
  if (length < PASSWORD_CHARACTERS_MIN || length > PASSWORD_CHARACTERS_MAX) {
    return refuse(
      'bad_password',
      `it has ${length} characters, not ${PASSWORD_CHARACTERS_MIN} to ${PASSWORD_CHARACTERS_MAX}`,
    );
  }
  if (!password.isWellFormed()) return refuse('bad_password', 'it has broken characters');
  if (password.toLowerCase().includes(name)) return refuse('bad_password', 'it has the name in it');
  return undefined;
}

export async function hashPassword(password: string): Promise<PasswordHash> {
  const salt = randomBytes(SALT_BYTES);
  const { memoryKiB, passes, lanes } = COST;
  const hash = await derive(password, salt, COST);
  const cost = `m=${memoryKiB},t=${passes},p=${lanes}`;
  return `$argon2id$v=${VERSION}$${cost}$${unpadded(salt)}$${unpadded(hash)}` as PasswordHash;
}

/**
 * Whether the password is the one of the hash. Without a hash it takes as long and says no, so that the time of an answer
 * does not tell which names exist.
 */
export async function isPassword(password: string, kept: string | null): Promise<boolean> {
  const [, memory, passes, lanes, salt = '', hash = ''] = FORM.exec(kept ?? NOBODYS) ?? [];
  const wanted = Buffer.from(hash, 'base64');
  const cost = { memoryKiB: Number(memory), passes: Number(passes), lanes: Number(lanes) };
  const derived = await derive(password, Buffer.from(salt, 'base64'), cost);
  return timingSafeEqual(derived, wanted) && kept !== null;
}

/** Of no password: all zeros come out of no derivation that anybody will find. */
const NOBODYS = `$argon2id$v=${VERSION}$m=${COST.memoryKiB},t=${COST.passes},p=${COST.lanes}$${'A'.repeat(22)}$${'A'.repeat(43)}`;

const argon2Async = promisify(argon2);

/** The same characters in another composition are the same password (NFKC), on whichever keyboard it was typed. */
async function derive(
  password: string,
  salt: Buffer,
  { memoryKiB, passes, lanes }: typeof COST,
): Promise<Buffer> {
  return argon2Async('argon2id', {
    message: password.normalize('NFKC'),
    nonce: salt,
    memory: memoryKiB,
    passes,
    parallelism: lanes,
    tagLength: HASH_BYTES,
  });
}

function unpadded(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '');
}
