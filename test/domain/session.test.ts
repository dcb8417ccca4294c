import { expect, it } from 'vitest';
import {
  formSecret,
  mintSessionId,
  readSessionId,
  sessionDigest,
} from '../../src/domain/session.ts';

it('a session id is 256 random bits, and read in no other form', () => {
  const id = mintSessionId();
  expect(Buffer.from(id, 'base64url')).toHaveLength(32);
  expect(mintSessionId()).not.toBe(id);
  expect(readSessionId(id)).toBe(id);
  for (const text of [undefined, '', `${id}A`, id.slice(1), `${id.slice(1)}%`, `${id}\n`]) {
    expect(readSessionId(text)).toBeUndefined();
  }
});

it('neither what is kept of it nor what its forms carry gives it away', () => {
  const id = mintSessionId();
  expect(sessionDigest(id)).toMatch(/^[0-9a-f]{64}$/);
  expect(formSecret(id)).toMatch(/^[0-9a-f]{64}$/);
  expect(new Set([id, sessionDigest(id), formSecret(id)]).size).toBe(3);
});
