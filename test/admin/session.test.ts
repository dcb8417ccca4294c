import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isLoopbackHost } from '../../src/admin/session.ts';
import { readSessionId, sessionDigest } from '../../src/domain/session.ts';
import {
  createVisitor,
  openConsole,
  readable,
  type TestConsole,
  type Visitor,
} from '../support/console.ts';

let desk: TestConsole;
beforeAll(async () => {
  desk = await openConsole();
});
afterAll(() => desk.close());

const idOf = (visitor: Visitor) => visitor.cookies().split('=').at(-1)!;
const digestOf = (visitor: Visitor) => sessionDigest(readSessionId(idOf(visitor))!);
/** Whether the visitor is let past the door. */
const isIn = async (visitor: Visitor) => (await visitor.get('/console')).statusCode === 200;

/** Moves a session into the past, which its guards forbid to everybody but this test. */
async function age(visitor: Visitor, column: 'opened_at' | 'seen_at', by: string): Promise<void> {
  await desk.client.query('alter table identity.session disable trigger user');
  await desk.client.query(
    `update identity.session set opened_at = opened_at - $1::interval,
       seen_at = case when $2 = 'seen_at' then seen_at - $1::interval else seen_at end
     where session_sha256 = $3`,
    [by, column, digestOf(visitor)],
  );
  await desk.client.query('alter table identity.session enable trigger user');
}

describe('the cookie', () => {
  it('is kept from scripts and other sites; on loopback it goes without TLS', async () => {
    const response = await createVisitor(desk.server).get('/console/sign-in');
    const [cookie] = response.cookies;
    expect(cookie).toEqual({
      name: 'sentinelops',
      value: expect.stringMatching(/^[A-Za-z0-9_-]{43}$/),
      path: '/',
      httpOnly: true,
      sameSite: 'Strict',
    });
  });

  it('is bound to this host and to TLS where that ends in front of the server', async () => {
    const response = await createVisitor(desk.server).get('/console/sign-in', {
      'x-forwarded-proto': 'https',
    });
    expect(response.cookies).toMatchObject([{ name: '__Host-sentinelops', secure: true }]);
  });

  it('is so on every address but loopback, whatever a proxy says', async () => {
    const open = await openConsole({ isOnLoopback: false });
    try {
      const token = await open.addPerson('ada', 'Administrator');
      const visitor = createVisitor(open.server);
      const { cookies } = await visitor.signIn({ token });
      expect(cookies).toMatchObject([{ name: '__Host-sentinelops', secure: true, path: '/' }]);
      expect(cookies[0]).not.toHaveProperty('domain');
      expect((await visitor.get('/console')).statusCode).toBe(200);
      const stripped = visitor.cookies().replace('__Host-', '');
      expect((await visitor.get('/console', { cookie: stripped })).statusCode).toBe(303);
    } finally {
      await open.close();
    }
  });

  it.each([
    ['127.0.0.1', true],
    ['127.8.8.8', true],
    ['::1', true],
    ['localhost', true],
    ['0.0.0.0', false],
    ['::', false],
    ['10.0.0.5', false],
    ['127.0.0.1.example.com', false],
  ])('takes %s for loopback: %s', (host, expected) => {
    expect(isLoopbackHost(host)).toBe(expected);
  });
});

describe('a session', () => {
  it('gets a new id at the sign-in, and only its hash is kept', async () => {
    const token = await desk.addPerson('ada', 'Administrator');
    const visitor = createVisitor(desk.server);
    await visitor.get('/console/sign-in');
    const before = idOf(visitor);
    await visitor.signIn({ token });
    expect(idOf(visitor)).not.toBe(before);
    const { rows } = await desk.client.query(
      'select * from identity.session where session_sha256 = $1',
      [digestOf(visitor)],
    );
    expect(rows).toMatchObject([{ ended_at: null }]);
    expect(JSON.stringify(rows)).not.toContain(idOf(visitor));
  });

  it('ends at the sign-out, at the server', async () => {
    const visitor = await desk.signedIn('ada');
    const cookie = visitor.cookies();
    const response = await visitor.submit('/console', '/console/sign-out', {});
    expect(response.headers.location).toBe('/console/sign-in');
    expect((await visitor.get('/console', { cookie })).statusCode).toBe(303);
  });

  it('of the browser ends when somebody else signs in there', async () => {
    const visitor = await desk.signedIn('ada');
    const before = visitor.cookies();
    const fields = { token: await desk.addPerson('bea', 'Auditor') };
    const { form_token } = /name="form_token" value="(?<form_token>[^"]+)"/.exec(
      (await visitor.get('/console')).body,
    )!.groups!;
    await visitor.post('/console/sign-in', { ...fields, form_token: form_token! });
    expect(readable((await visitor.get('/console')).body)).toContain('bea Auditor');
    expect((await visitor.get('/console', { cookie: before })).statusCode).toBe(303);
  });

  it('lapses after 15 minutes without use', async () => {
    const visitor = await desk.signedIn('ada');
    await age(visitor, 'seen_at', '14 minutes 50 seconds');
    expect(await isIn(visitor)).toBe(true);
    await age(visitor, 'seen_at', '14 minutes 50 seconds');
    expect(await isIn(visitor)).toBe(true);
    await age(visitor, 'seen_at', '15 minutes 1 second');
    expect(await isIn(visitor)).toBe(false);
  });

  it('is not kept alive by what a page asks for by itself', async () => {
    const visitor = await desk.signedIn('ada');
    await age(visitor, 'seen_at', '10 minutes');
    const news = '/console/inbox/news?count=0&shown_at=2026-01-01T00:00:00Z';
    expect([200, 204]).toContain((await visitor.get(news)).statusCode);
    await age(visitor, 'seen_at', '6 minutes');
    expect(await isIn(visitor)).toBe(false);
  });

  it('is kept alive by a person who writes', async () => {
    const visitor = await desk.signedIn('ada');
    const page = await visitor.get('/console');
    const form_token = /name="form_token" value="([^"]+)"/.exec(page.body)![1]!;
    await age(visitor, 'seen_at', '10 minutes');
    expect((await visitor.post('/console/still-here', { form_token })).statusCode).toBe(204);
    await age(visitor, 'seen_at', '10 minutes');
    expect(await isIn(visitor)).toBe(true);
  });

  it('lapses after 8 hours in any case', async () => {
    const visitor = await desk.signedIn('ada');
    await age(visitor, 'opened_at', '7 hours 59 minutes');
    expect(await isIn(visitor)).toBe(true);
    await age(visitor, 'opened_at', '2 minutes');
    expect(await isIn(visitor)).toBe(false);
  });

  it('does not outlive the token that opened it', async () => {
    const issued = await desk.commands.add({ name: 'tom', roles: ['Auditor'] });
    const { token, tokenId } = issued as { token: string; tokenId: string };
    const visitor = createVisitor(desk.server);
    await visitor.signIn({ token });
    expect(await isIn(visitor)).toBe(true);
    await desk.commands.revoke({ name: 'tom', tokenId });
    expect(await isIn(visitor)).toBe(false);
  });

  it('ends with everything of a person that is revoked or disabled, and with a new password', async () => {
    const endings: Readonly<Record<string, (name: string) => Promise<unknown>>> = {
      'rev.oked': (name) => desk.commands.revoke({ name }),
      'dis.abled': (name) =>
        desk.client.query('update identity.person set disabled_at = now() where name = $1', [name]),
      're.newed': (name) => desk.commands.setPassword(name, 'a new one that is long enough'),
    };
    for (const [name, end] of Object.entries(endings)) {
      const visitor = await desk.signedIn(name, 'Auditor');
      expect(await isIn(visitor)).toBe(true);
      await end(name);
      expect(await isIn(visitor), name).toBe(false);
    }
  });

  it('holds no role: what is taken away is gone in the next request', async () => {
    const visitor = await desk.signedIn('rae', 'Administrator', 'Auditor');
    expect(readable((await visitor.get('/console')).body)).toContain('rae Administrator, Auditor');
    await desk.commands.revoke({ name: 'rae', roles: ['Administrator'] });
    expect(readable((await visitor.get('/console')).body)).toContain('rae Auditor');
    await desk.commands.revoke({ name: 'rae', roles: ['Auditor'] });
    const barred = await visitor.get('/console');
    expect(barred.statusCode).toBe(403);
    expect(readable(barred.body)).toContain('you hold no role');
  });
});

describe('a form', () => {
  const tokenOn = (page: string) => /name="form_token" value="([^"]+)"/.exec(page)![1]!;

  it('is taken only with a token of this very browser', async () => {
    const visitor = await desk.signedIn('ada');
    const another = await desk.signedIn('bea');
    const foreign = tokenOn((await another.get('/console')).body);
    for (const form_token of ['', 'x', foreign]) {
      const response = await visitor.post('/console/sign-out', { form_token });
      expect(response.statusCode).toBe(403);
      expect(readable(response.body)).toContain('This form is no longer valid');
    }
    expect((await visitor.post('/console/sign-out', {})).statusCode).toBe(403);
    expect(await isIn(visitor)).toBe(true);
    const form_token = tokenOn((await visitor.get('/console')).body);
    expect((await visitor.post('/console/sign-out', { form_token })).statusCode).toBe(303);
  });

  it('to sign in is bound to the browser too', async () => {
    const token = await desk.addPerson('ada');
    const foreign = tokenOn((await createVisitor(desk.server).get('/console/sign-in')).body);
    const visitor = createVisitor(desk.server);
    await visitor.get('/console/sign-in');
    const response = await visitor.post('/console/sign-in', { token, form_token: foreign });
    expect(response.statusCode).toBe(403);
  });

  it.each([
    ['another site', { 'sec-fetch-site': 'cross-site' }],
    ['another host of the same site', { 'sec-fetch-site': 'same-site' }],
    ['no page at all', { 'sec-fetch-site': 'none' }],
  ])('is not taken from %s, even with its token', async (_, headers) => {
    const visitor = await desk.signedIn('ada');
    const form_token = tokenOn((await visitor.get('/console')).body);
    const response = await visitor.post('/console/sign-out', { form_token }, headers);
    expect(response.statusCode).toBe(403);
    expect(readable(response.body)).toContain('Sent from another site');
  });

  it('of a browser that names no site is judged by its origin', async () => {
    const from = async (origin: string | undefined) => {
      const visitor = await desk.signedIn('ada');
      const form_token = tokenOn((await visitor.get('/console')).body);
      const { statusCode } = await desk.server.inject({
        method: 'POST',
        url: '/console/sign-out',
        headers: {
          host: 'desk.example',
          cookie: visitor.cookies(),
          'content-type': 'application/x-www-form-urlencoded',
          ...(origin === undefined ? {} : { origin }),
        },
        payload: new URLSearchParams({ form_token }).toString(),
      });
      return statusCode;
    };
    expect(await from('https://desk.example')).toBe(303);
    expect(await from('http://desk.example')).toBe(303);
    expect(await from('https://evil.example')).toBe(403);
    expect(await from('null')).toBe(403);
    expect(await from(undefined)).toBe(403);
  });

  it('is a form: JSON is not taken in its place', async () => {
    const visitor = await desk.signedIn('ada');
    const response = await visitor.post('/console/sign-out', {}, { 'content-type': 'text/plain' });
    expect(response.statusCode).toBe(415);
    expect(response.headers['content-type']).toBe('text/html; charset=utf-8');
  });
});
