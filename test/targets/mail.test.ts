import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OutgoingMessage } from '../../src/targets/channel.ts';
import { openMailChannel } from '../../src/targets/mail.ts';
import { localhostCertificate } from '../support/certificate.ts';
import { type MailServer, openMailServer } from '../support/mail.ts';

const message = {
  messageId: '00000000-0000-8000-8000-000000000001',
  subject: 'HIGH: a key\r\nBcc: eve@example.org',
  content: 'A review waits for you.\n.\nRésumé',
  body: '{}',
  composedAt: '2026-11-25T10:00:00.000000Z',
  attemptNo: 1,
} as OutgoingMessage;
const from = 'SentinelOps <sentinelops@example.org>';
const never = new AbortController().signal;

let plain: MailServer;
let guarded: MailServer;
beforeAll(async () => {
  plain = await openMailServer();
  guarded = await openMailServer({ login: { user: 'us', password: 'p@ss word' } });
});
afterAll(async () => {
  await plain.close();
  await guarded.close();
});

const onPlain = () =>
  openMailChannel({ url: `smtp://127.0.0.1:${plain.port}`, from, loopback: true }, [
    'a@example.org',
    'b@example.org',
  ]);
const onGuarded = (password = 'p%40ss%20word', more: object = {}) =>
  openMailChannel(
    {
      url: `smtp://us:${password}@localhost:${guarded.port}`,
      from,
      loopback: false,
      certificateAuthority: localhostCertificate.cert,
      ...more,
    },
    ['a@example.org'],
  );

describe('mail', () => {
  it('arrives with an id that is the same on every attempt, and no header of the text’s making', async () => {
    const channel = onPlain();
    for (const attemptNo of [1, 2]) {
      const delivery = await channel.deliver({ ...message, attemptNo }, 0, never);
      expect(delivery.kind).toBe('acknowledged');
    }
    const [first, second] = plain.received;
    expect(first!.to).toEqual(['a@example.org', 'b@example.org']);
    const idOf = (source: string) => /^Message-ID: (.*)$/im.exec(source)?.[1];
    expect(idOf(first!.source)).toContain(`<${message.messageId}@example.org>`);
    expect(idOf(second!.source)).toBe(idOf(first!.source));
    expect(first!.source).toMatch(/^Auto-Submitted: auto-generated/im);
    expect(first!.source).not.toMatch(/^Bcc:/im);
  });

  it('goes over TLS with a login to anything but this machine', async () => {
    expect((await onGuarded().deliver(message, 0, never)).kind).toBe('acknowledged');
    expect(guarded.received.at(-1)).toMatchObject({ isEncrypted: true, login: 'us' });
    const other = onGuarded(undefined, { certificateAuthority: undefined });
    expect(await other.deliver(message, 0, never)).toMatchObject({ kind: 'retry' });
    const unencrypted = openMailChannel(
      { url: `smtp://localhost:${plain.port}`, from, loopback: false },
      ['a@example.org'],
    );
    expect(await unencrypted.deliver(message, 0, never)).toMatchObject({ kind: 'retry' });
  });

  it.each([
    [451, 'retry'],
    [552, 'failed'],
  ])('an answer of %i is a %s', async (code, kind) => {
    plain.refuse(code);
    expect(await onPlain().deliver(message, 0, never)).toMatchObject({ kind });
  });

  it('a wrong password is mended some day, so the mail waits; nothing tells the password', async () => {
    const delivery = await onGuarded('nonsense').deliver(message, 0, never);
    expect(delivery).toMatchObject({ kind: 'retry' });
    expect(JSON.stringify(delivery)).not.toContain('nonsense');
  });

  it('nobody there is a retry, and so is a call whose time is up', async () => {
    const nowhere = openMailChannel({ url: 'smtp://127.0.0.1:1', from, loopback: true }, ['a@b.c']);
    expect(await nowhere.deliver(message, 0, never)).toMatchObject({ kind: 'retry' });
    const up = AbortSignal.abort(new Error('timed out'));
    expect(await onPlain().deliver(message, 0, up)).toMatchObject({ kind: 'retry' });
  });

  it('"loopback" is for this machine', () => {
    const open = () =>
      openMailChannel({ url: 'smtp://mail.example.org', from, loopback: true }, []);
    expect(open).toThrow('on this machine');
    expect(() => openMailChannel({ url: 'https://x', from, loopback: false }, [])).toThrow(
      'smtp://',
    );
  });
});
