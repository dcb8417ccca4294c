import { describe, expect, it } from 'vitest';
import {
  checkPassword,
  hashPassword,
  isPassword,
  PASSWORD_CHARACTERS_MAX,
} from '../../src/domain/password.ts';

const PASSWORD = 'five plain words are enough';

describe('a password hash', () => {
  it('is Argon2id in the usual text form, with a salt of its own each time', async () => {
    const [one, other] = await Promise.all([hashPassword(PASSWORD), hashPassword(PASSWORD)]);
    expect(one).toMatch(
      /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/,
    );
    expect(other).not.toBe(one);
    expect(await isPassword(PASSWORD, one)).toBe(true);
    expect(await isPassword(PASSWORD, other)).toBe(true);
    expect(await isPassword(`${PASSWORD} `, one)).toBe(false);
  });

  it('made elsewhere, at another cost, is understood', async () => {
    const foreign = await derivedElsewhere(PASSWORD);
    expect(foreign).toContain('m=1024,t=3,p=2');
    expect(await isPassword(PASSWORD, foreign)).toBe(true);
    expect(await isPassword('another one altogether', foreign)).toBe(false);
  });

  it('that nobody has is no password of anybody', async () => {
    expect(await isPassword('', null)).toBe(false);
    expect(await isPassword(PASSWORD, null)).toBe(false);
  });
});

describe('a password', () => {
  it.each([
    ['fourteen chars', 'too short'],
    ['x'.repeat(PASSWORD_CHARACTERS_MAX + 1), 'too long'],
    ['the name Is ADA, as ever', 'its own name'],
    [`${PASSWORD}\ud800`, 'half a character'],
  ])('is refused: %s (%s)', (password) => {
    expect(checkPassword(password, 'ada')).toMatchObject({ reason: 'bad_password' });
  });

  it.each(['fifteen of them', '🔑'.repeat(15), 'x'.repeat(PASSWORD_CHARACTERS_MAX)])(
    'is taken: %s',
    (password) => {
      expect(checkPassword(password, 'ada')).toBeUndefined();
    },
  );
});

async function derivedElsewhere(password: string): Promise<string> {
  const { argon2Sync } = await import('node:crypto');
  const salt = Buffer.from('0123456789abcdef');
  const cost = { memory: 1_024, passes: 3, parallelism: 2, tagLength: 32 };
  const hash = argon2Sync('argon2id', { message: password, nonce: salt, ...cost });
  const text = (bytes: Buffer) => bytes.toString('base64').replace(/=+$/, '');
  return `$argon2id$v=19$m=1024,t=3,p=2$${text(salt)}$${text(hash)}`;
}
