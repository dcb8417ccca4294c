import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { silentLog } from '../../src/domain/log.ts';
import { openNotifications, readNotifications } from '../../src/targets/notifications-file.ts';

const tools = {
  readSecret: async (reference: string) => {
    if (reference === 'env:SMTP_URL') return 'smtp://login:secret@mail.example.com:587';
    if (reference === 'env:CHAT_KEY') return `whsec_${Buffer.alloc(32, 1).toString('base64')}`;
    throw new Error(`${reference} is not set`);
  },
  publish: async () => undefined,
  log: silentLog,
};

/** The example of the documentation. */
const [, VALID = ''] =
  /```yaml\n(.*?)```/s.exec(readFileSync('docs/notifications.md', 'utf8')) ?? [];

function faultsOf(text: string): string[] {
  const reading = readNotifications('notifications.yaml', text);
  if (!('faults' in reading)) return [];
  return reading.faults.map(({ line, message }) => `${line} ${message}`);
}

async function openText(text: string) {
  const reading = readNotifications('notifications.yaml', text);
  if ('faults' in reading) throw new Error(faultsOf(text).join('\n'));
  return openNotifications(reading.definition, tools);
}

describe('the notifications file', () => {
  it('is as the documentation says', async () => {
    const { routes, channels } = await openText(VALID);
    expect(routes.map(({ name }) => name)).toEqual(['officers', 'chat']);
    expect(routes[0]).toMatchObject({ digestMinutes: 0, roles: ['Compliance Officer'] });
    expect(routes[1]).toMatchObject({
      digestMinutes: 15,
      kinds: ['new', 'due_soon', 'escalated', 'decided'],
    });
    expect(routes[1]!.templates.new.subject).toBe('{{level}}: {{title}}');
    expect([...channels.keys()]).toEqual(['officers', 'chat']);
  });

  it.each([
    ['console_url: here\nroutes: []', '1 write a whole URL'],
    ['console_url: https://a.b\nroutes:\n  - name: a', '3 "a" needs exactly one of webhook, mail'],
    [
      'console_url: https://a.b\nroutes:\n  - name: a\n    mail: { to: [a@b.c] }',
      'which server sends it',
    ],
    ['console_url: https://a.b\nroutes:\n  - name: a\n    kinds: [news]', 'one of new, due_soon'],
    [VALID.replace('{{level}}', '{{levl}}'), '{{levl}} is no placeholder'],
    [VALID.replace('https://chat', 'http://chat'), 'use https'],
    [VALID.replace('name: chat', 'name: officers'), '"officers" is taken'],
    [VALID.replace('officers@example.com', '"a@b.c\\r\\nBcc: x@y.z"'), 'must be one mail address'],
  ])('says what is wrong with %j', (text, fault) => {
    expect(faultsOf(text).join('\n')).toContain(fault);
  });

  it('names the route whose secrets cannot be used, and no secret', async () => {
    await expect(openText(VALID.replace('env:CHAT_KEY', 'env:OTHER'))).rejects.toThrow(
      'route chat: env:OTHER is not set',
    );
    await expect(openText(VALID.replace('env:SMTP_URL', 'env:CHAT_KEY'))).rejects.toThrow(
      /^route officers: the mail server is written as smtp:/,
    );
  });
});
