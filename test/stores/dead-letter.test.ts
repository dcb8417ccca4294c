import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Domain } from '../../src/domain/domains.ts';
import { type DeadLetter, keepDeadLetters } from '../../src/stores/dead-letter.ts';
import { cloneDatabase, type TestDatabase } from '../support/database.ts';

const letter: DeadLetter = {
  queue: 'ingest',
  messageId: null,
  source: 'acme/ci',
  externalId: 'e-1',
  reason: 'not_json',
  detail: 'the text is not JSON',
  claims: 1,
  content: Buffer.from([0x00, 0xff, 0x7b, 0x5c, 0x22]),
  contentBytes: 5,
  contentSha256: 'a'.repeat(64),
};

describe('dead letters', () => {
  let clone: TestDatabase;

  beforeAll(async () => {
    clone = await cloneDatabase();
  });
  afterAll(async () => {
    await clone.close();
  });

  const keep = (domain: Domain, ...letters: readonly DeadLetter[]) =>
    clone.open(domain).transact((tx) => keepDeadLetters(tx, letters));

  async function stored(reason: string) {
    const superuser = await clone.superuser();
    const { rows } = await superuser.query<Record<string, unknown>>(
      `select queue, message_id, source_system, external_id, event_id, detail, error_class, claims, content,
        content_bytes, content_sha256 from event.dead_letter where reason = $1 order by queue, detail`,
      [reason],
    );
    return rows;
  }

  it('are kept with the bytes of what was sent', async () => {
    expect(await keep('event', { ...letter, errorClass: '22P05' })).toBe(1);
    expect(await stored('not_json')).toEqual([
      {
        queue: 'ingest',
        message_id: null,
        source_system: 'acme/ci',
        external_id: 'e-1',
        event_id: null,
        detail: 'the text is not JSON',
        error_class: '22P05',
        claims: 1,
        content: letter.content,
        content_bytes: 5,
        content_sha256: 'a'.repeat(64),
      },
    ]);
  });

  it('may be added by every actor, under its own role', async () => {
    const domains: readonly Domain[] = ['risk', 'advisory', 'decision', 'execution', 'ledger'];
    for (const domain of domains) {
      const own = { ...letter, queue: domain, reason: 'unknown_id', messageId: 'm', content: null };
      expect(await keep(domain, own), domain).toBe(1);
    }
    expect(await stored('unknown_id')).toHaveLength(domains.length);
  });

  it('are one letter for the same content refused for the same reason', async () => {
    const same = { ...letter, reason: 'too_deep' };
    expect(await keep('event', same, same)).toBe(1);
    expect(await keep('event', { ...same, detail: 'again' })).toBe(0);
    expect(await keep('event', { ...same, contentSha256: 'b'.repeat(64) })).toBe(1);
    expect(await keep('event', { ...same, source: null })).toBe(1);
    expect(await keep('event', { ...same, externalId: 'e-2' })).toBe(1);
    expect(await keep('event', { ...same, queue: 'risk' })).toBe(1);
  });

  it('are kept whatever their texts are made of', async () => {
    const hostile = '\u0000\ud800\n{",\\'.repeat(400);
    const kept = await keep('event', {
      ...letter,
      reason: 'conflict',
      messageId: hostile,
      source: hostile,
      externalId: hostile,
      detail: hostile,
      errorClass: hostile,
      claims: 0,
    });
    expect(kept).toBe(1);
    expect(await stored('conflict')).toMatchObject([{ claims: 1 }]);
  });

  it('are none for an empty batch', async () => {
    expect(await keep('event')).toBe(0);
  });
});
