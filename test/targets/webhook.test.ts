import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sha256 } from '../../src/domain/digest.ts';
import { silentLog } from '../../src/domain/log.ts';
import type { DeliveryRequest, Target } from '../../src/targets/target.ts';
import { ANSWER_BYTES_MAX, webhookTarget } from '../../src/targets/webhook.ts';
import { localhostCertificate } from '../support/certificate.ts';
import {
  breakOff,
  drip,
  flood,
  hang,
  openReceiver,
  type Receiver,
  redirectTo,
  reset,
  respond,
} from '../support/receiver.ts';

const NEW_KEY = `whsec_${Buffer.alloc(32, 1).toString('base64')}`;
const OLD_KEY = `whsec_${Buffer.alloc(32, 2).toString('base64')}`;
const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const ED25519_KEY = `whsk_${Buffer.from(privateKey.export({ format: 'jwk' }).d!, 'base64url').toString('base64')}`;

const secrets: Readonly<Record<string, string>> = {
  'env:NEW_KEY': NEW_KEY,
  'env:OLD_KEY': OLD_KEY,
  'file:/keys/ed25519': ED25519_KEY,
  'file:/ca.pem': localhostCertificate.cert,
};
const tools = {
  async readSecret(reference: string) {
    const secret = secrets[reference];
    if (secret === undefined) throw new Error(`${reference} is not set`);
    return secret;
  },
  publish: () => Promise.reject(new Error('not a queue')),
  log: silentLog,
};
type Settings = Parameters<typeof webhookTarget.open>[1];

const EXECUTION_ID = 'e0000000-0000-8000-8000-000000000000' as DeliveryRequest['executionId'];
const request: DeliveryRequest = {
  executionId: EXECUTION_ID,
  body: '{"data":{"target":"hook"},"text":"zurück"}',
  attemptNo: 1,
  attemptedAtMs: Date.now(),
};

let receiver: Receiver;
beforeEach(async () => {
  receiver = await openReceiver();
});
afterEach(() => receiver.close());

const open = (changed: Partial<Settings> = {}): Promise<Target> =>
  webhookTarget.open(
    'hook',
    { url: receiver.url, idempotent: true, keys: ['env:NEW_KEY'], loopback: true, ...changed },
    tools,
  );
const deliver = async (changed: Partial<Settings> = {}, signal = new AbortController().signal) =>
  (await open(changed)).deliver(request, signal);

describe('a webhook call', () => {
  it('posts the exact bytes under the execution id, as webhook id and as idempotency key', async () => {
    await deliver();
    const { method, path, headers, body } = receiver.received[0]!;
    expect({ method, path, body }).toEqual({ method: 'POST', path: '/hook', body: request.body });
    expect(headers).toMatchObject({
      'content-type': 'application/json',
      'idempotency-key': EXECUTION_ID,
      'webhook-id': EXECUTION_ID,
      'webhook-timestamp': String(Math.floor(request.attemptedAtMs / 1_000)),
    });
  });

  it('is signed by every key, so the receiver may hold the old one or the new', async () => {
    await deliver({ keys: ['env:NEW_KEY', 'env:OLD_KEY'] });
    const { headers, body } = receiver.received[0]!;
    const verified = (key: string) =>
      new Webhook(key).verify(body, headers as Record<string, string>);
    expect(verified(NEW_KEY)).toEqual(JSON.parse(request.body));
    expect(verified(OLD_KEY)).toEqual(JSON.parse(request.body));
    expect(() => verified(`whsec_${Buffer.alloc(32, 3).toString('base64')}`)).toThrow();
  });

  it('is signed by Ed25519 beside HMAC where both keys are named', async () => {
    await deliver({ keys: ['env:NEW_KEY', 'file:/keys/ed25519'] });
    const { headers, body } = receiver.received[0]!;
    const signatures = String(headers['webhook-signature']).split(' ');
    expect(signatures.map((signature) => signature.split(',')[0])).toEqual(['v1', 'v1a']);
    const timestamp = String(headers['webhook-timestamp']);
    const signed = Buffer.from(`${EXECUTION_ID}.${timestamp}.${body}`);
    const signature = Buffer.from(signatures[1]!.split(',')[1]!, 'base64');
    expect(
      verify(
        null,
        signed,
        createPublicKey(publicKey.export({ format: 'pem', type: 'spki' })),
        signature,
      ),
    ).toBe(true);
  });

  it('takes no proxy from the environment', async () => {
    const before = process.env['HTTP_PROXY'];
    process.env['HTTP_PROXY'] = 'http://127.0.0.1:1';
    try {
      expect((await deliver()).kind).toBe('acknowledged');
    } finally {
      if (before === undefined) delete process.env['HTTP_PROXY'];
      else process.env['HTTP_PROXY'] = before;
    }
  });
});

describe('an answer', () => {
  it.each([200, 201, 202, 204])('of %i acknowledges', async (status) => {
    receiver.script(respond(status));
    expect(await deliver()).toMatchObject({ kind: 'acknowledged', answer: { httpStatus: status } });
  });

  it('is kept by status and digest', async () => {
    receiver.script(respond(200, 'done'));
    expect((await deliver()).answer).toEqual({ httpStatus: 200, responseSha256: sha256('done') });
  });

  it('may name the execution', async () => {
    receiver.script(respond(200, JSON.stringify({ execution_id: EXECUTION_ID })));
    expect((await deliver()).kind).toBe('acknowledged');
  });

  it.each(['another', null, 7])('that names %j instead acknowledges nothing', async (named) => {
    receiver.script(respond(200, JSON.stringify({ execution_id: named })));
    expect(await deliver()).toMatchObject({
      kind: 'failed',
      failure: 'outcome_unknown',
      detail: expect.stringContaining('wrong_acknowledgement'),
    });
  });

  it.each(['', 'ok', '[]', '{"execution_id"', '{"status":"done"}', '\xff'])(
    'of 200 and %j acknowledges: it names no execution',
    async (body) => {
      receiver.script(respond(200, body));
      expect((await deliver()).kind).toBe('acknowledged');
    },
  );

  it.each([400, 401, 403, 404, 409, 410, 422])('of %i is a no', async (status) => {
    receiver.script(respond(status));
    expect(await deliver()).toMatchObject({ kind: 'failed', failure: 'rejected' });
  });

  it.each([408, 425, 429, 500, 502, 503, 504])('of %i may be tried again', async (status) => {
    receiver.script(respond(status));
    expect(await deliver()).toMatchObject({
      kind: 'retry',
      bytesLeft: true,
      answer: { httpStatus: status },
    });
  });

  it('may ask for patience, in seconds or by date', async () => {
    const inAMinute = new Date(request.attemptedAtMs + 60_000).toUTCString();
    receiver.script(
      respond(429, '', { 'retry-after': '7' }),
      respond(503, '', { 'retry-after': inAMinute }),
      respond(503, '', { 'retry-after': 'soon' }),
    );
    expect(await deliver()).toMatchObject({ retryAfterMs: 7_000 });
    const { retryAfterMs } = (await deliver()) as { retryAfterMs?: number };
    expect(retryAfterMs).toBeGreaterThan(58_000);
    expect(retryAfterMs).toBeLessThanOrEqual(60_000);
    expect(await deliver()).toMatchObject({ kind: 'retry', retryAfterMs: undefined });
  });

  it('that redirects is a no, and nobody follows it', async () => {
    const elsewhere = await openReceiver();
    try {
      receiver.script(redirectTo(elsewhere.url));
      expect(await deliver()).toMatchObject({ kind: 'failed', failure: 'rejected' });
      expect(elsewhere.received).toHaveLength(0);
    } finally {
      await elsewhere.close();
    }
  });

  it(`is not read past ${ANSWER_BYTES_MAX} bytes`, async () => {
    receiver.script(flood);
    expect(await deliver()).toMatchObject({
      kind: 'retry',
      bytesLeft: true,
      detail: expect.stringContaining('65536 bytes'),
    });
  });

  it('may be as long as the limit, and not a byte longer', async () => {
    receiver.script(
      respond(200, 'x'.repeat(ANSWER_BYTES_MAX)),
      respond(200, 'x'.repeat(ANSWER_BYTES_MAX + 1)),
    );
    expect((await deliver()).kind).toBe('acknowledged');
    expect((await deliver()).kind).toBe('retry');
  });
});

describe('a call without an answer', () => {
  it.each([
    ['the receiver closes the connection', reset],
    ['the answer breaks off', breakOff],
  ])('may have been acted upon: %s', async (_, answer) => {
    receiver.script(answer);
    expect(await deliver()).toMatchObject({ kind: 'retry', bytesLeft: true });
  });

  it.each([
    ['never answers', hang],
    ['never ends its answer', drip],
  ])('ends when its time is up: the receiver %s', async (_, answer) => {
    receiver.script(answer);
    const timeUp = new AbortController();
    const delivery = deliver({}, timeUp.signal);
    await receiver.hasReceived(1);
    timeUp.abort();
    expect(await delivery).toMatchObject({ kind: 'retry', bytesLeft: true });
  });

  it('never left when nobody listens', async () => {
    const url = receiver.url;
    await receiver.close();
    expect(await deliver({ url })).toMatchObject({
      kind: 'retry',
      bytesLeft: false,
      detail: expect.stringContaining('ECONNREFUSED'),
    });
    receiver = await openReceiver();
  });
});

describe('a call over TLS', () => {
  let tlsReceiver: Receiver;
  beforeEach(async () => {
    tlsReceiver = await openReceiver('https');
  });
  afterEach(() => tlsReceiver.close());

  it('goes through to a target whose certificate is from the named authority', async () => {
    const url = tlsReceiver.url;
    const delivery = await deliver({ url, certificate_authority: 'file:/ca.pem' });
    expect(delivery.kind).toBe('acknowledged');
    expect(tlsReceiver.received[0]!.body).toBe(request.body);
  });

  it('never leaves for a target with any other certificate', async () => {
    expect(await deliver({ url: tlsReceiver.url })).toMatchObject({
      kind: 'retry',
      bytesLeft: false,
      detail: expect.stringContaining('self-signed'),
    });
    expect(tlsReceiver.received).toHaveLength(0);
  });

  it('never leaves for a target whose certificate is for another name', async () => {
    const url = tlsReceiver.url.replace('localhost', '127.0.0.1');
    expect(await deliver({ url, certificate_authority: 'file:/ca.pem' })).toMatchObject({
      kind: 'retry',
      bytesLeft: false,
    });
    expect(tlsReceiver.received).toHaveLength(0);
  });

  it('never leaves for an address that the target does not name', async () => {
    const { loopback: _, ...settings } = {
      url: tlsReceiver.url,
      idempotent: true,
      keys: ['env:NEW_KEY'],
      certificate_authority: 'file:/ca.pem',
      loopback: true,
    };
    const target = await webhookTarget.open('hook', settings, tools);
    expect(await target.deliver(request, new AbortController().signal)).toMatchObject({
      kind: 'retry',
      bytesLeft: false,
      detail: expect.stringContaining('not allowed'),
    });
    expect(tlsReceiver.received).toHaveLength(0);
  });
});

describe('an address that leads to this machine, without leave', () => {
  it.each([
    '127.0.0.1',
    '0x7f000001',
    '2130706433',
    '0177.0.0.1',
    '127.1',
    '１２７.0.0.1',
    '[::ffff:127.0.0.1]',
    '[::127.0.0.1]',
    '[::1]',
    '0.0.0.0',
    'localhost',
  ])('is not called when spelt %s', async (host) => {
    const tlsReceiver = await openReceiver('https', host === '[::1]' ? '::1' : '127.0.0.1');
    try {
      const settings = {
        url: `https://${host}:${tlsReceiver.port}/hook`,
        idempotent: true,
        keys: ['env:NEW_KEY'],
        certificate_authority: 'file:/ca.pem',
      };
      expect(webhookTarget.check(settings)).toEqual([]);
      const target = await webhookTarget.open('hook', settings, tools);
      expect(await target.deliver(request, new AbortController().signal)).toMatchObject({
        kind: 'retry',
        bytesLeft: false,
        detail: expect.stringContaining('not allowed'),
      });
      expect(tlsReceiver.received).toHaveLength(0);
    } finally {
      await tlsReceiver.close();
    }
  });
});

describe('webhook settings', () => {
  const settings: Settings = {
    url: 'https://example.org/hook',
    idempotent: true,
    keys: ['env:NEW_KEY'],
  };

  it.each([
    ['no URL', { url: 'example.org' }, 'url'],
    ['credentials in the URL', { url: 'https://me:secret@example.org/' }, 'url'],
    ['plain http', { url: 'http://example.org/' }, 'url'],
    ['another scheme', { url: 'ftp://example.org/', loopback: true }, 'url'],
    ['an address for a network', { networks: ['10.0.0.1'] }, 'networks'],
    ['networks beside loopback', { networks: ['10.0.0.0/8'], loopback: true }, 'networks'],
  ] as const)('with %s are refused', (_, changed, member) => {
    const findings = webhookTarget.check({ ...settings, ...changed } as Settings);
    expect(findings.map(({ at }) => at[0])).toEqual([member]);
  });

  it('may name plain http on this machine', () => {
    const url = 'http://127.0.0.1:8080/hook';
    expect(webhookTarget.check({ ...settings, url, loopback: true })).toEqual([]);
  });

  it('with a key that cannot be read say which', async () => {
    await expect(open({ keys: ['env:MISSING'] })).rejects.toThrow('env:MISSING is not set');
    await expect(open({ keys: ['file:/ca.pem'] })).rejects.toThrow('file:/ca.pem: a signing key');
  });
});
