import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isRefusal } from '../../src/domain/problem.ts';
import { createVisitor, openConsole, readable, type TestConsole } from '../support/console.ts';

const PASSWORD = 'five plain words are enough';

let desk: TestConsole;
let token: string;
beforeAll(async () => {
  desk = await openConsole();
  token = await desk.addPerson('ada', 'Administrator');
  const set = await desk.commands.setPassword('ada', PASSWORD);
  if (isRefusal(set)) throw new Error(set.detail);
});
afterAll(() => desk.close());

const newcomer = () => createVisitor(desk.server);

describe('signing in', () => {
  it('takes a name with its password, or a token', async () => {
    for (const fields of [
      { name: 'ada', password: PASSWORD },
      { token },
      { token: ` ${token} ` },
    ]) {
      const visitor = newcomer();
      const answer = await visitor.signIn(fields);
      expect(answer.statusCode).toBe(303);
      expect(answer.headers.location).toBe('/console');
      expect(readable((await visitor.get('/console')).body)).toContain('ada Administrator');
    }
  });

  it('takes the same password in another composition of its characters', async () => {
    await desk.addPerson('zoe', 'Auditor');
    await desk.commands.setPassword('zoe', 'caf\u00e9 au lait, s\u2019il vous pla\u00eet');
    const decomposed = 'cafe\u0301 au lait, s\u2019il vous plai\u0302t';
    expect((await newcomer().signIn({ name: 'zoe', password: decomposed })).statusCode).toBe(303);
  });

  it.each([
    ['a wrong password', () => ({ name: 'ada', password: 'four plain words are enough' })],
    ['a name that nobody has', () => ({ name: 'nobody', password: PASSWORD })],
    ['a person without a password', () => ({ name: 'policy.author', password: PASSWORD })],
    ['nothing', () => ({ name: '', password: '' })],
    ['a password of 799 characters', () => ({ name: 'ada', password: 'x'.repeat(799) })],
    ['a token that nobody was given', () => ({ token: `so_0123456789abcdef_${'a'.repeat(43)}` })],
    ['a token with a letter changed', () => ({ token: `${token.slice(0, -1)}-` })],
    ['something that is no token', () => ({ token: 'let me in' })],
  ])('says the same of %s', async (_, fields) => {
    const visitor = newcomer();
    const before = await visitor.get('/console/sign-in');
    expect(before.statusCode).toBe(200);
    const answer = await visitor.signIn(fields());
    expect(answer.statusCode).toBe(401);
    const said = readable(answer.body);
    expect(said).toContain('Not signed in');
    expect(said).toMatch(
      /the name or the password is wrong|the token is unknown, revoked or expired/i,
    );
    expect((await visitor.get('/console')).statusCode).toBe(303);
  });

  it('is not for who is disabled', async () => {
    const own = await desk.addPerson('dis.abled', 'Administrator');
    await desk.commands.setPassword('dis.abled', PASSWORD);
    await desk.client.query(
      `update identity.person set disabled_at = now() where name = 'dis.abled'`,
    );
    for (const fields of [{ token: own }, { name: 'dis.abled', password: PASSWORD }]) {
      expect((await newcomer().signIn(fields)).statusCode).toBe(401);
    }
  });

  it('costs as much time for a name that nobody has as for one that somebody has', async () => {
    const timeOf = async (name: string) => {
      const visitor = newcomer();
      const times: number[] = [];
      for (let round = 0; round < 5; round += 1) {
        const startedMs = performance.now();
        await visitor.signIn({ name, password: 'wrong in any case' });
        times.push(performance.now() - startedMs);
      }
      return Math.min(...times);
    };
    const [known, unknown] = [await timeOf('ada'), await timeOf('nobody')];
    // The hash takes ten times as long as everything else together; without it the quotient would show that.
    expect(unknown / known).toBeGreaterThan(0.4);
  });

  it('leads to where the person wanted to go, inside the console and nowhere else', async () => {
    const arrival = await newcomer().get('/console/reviews/x?a=b');
    expect(arrival.headers.location).toBe('/console/sign-in?next=%2Fconsole%2Freviews%2Fx%3Fa%3Db');
    const leadsTo = async (next: string) =>
      (
        await newcomer().submit(
          `/console/sign-in?next=${encodeURIComponent(next)}`,
          '/console/sign-in',
          { token },
        )
      ).headers.location;
    expect(await leadsTo('/console/reviews/x?a=b')).toBe('/console/reviews/x?a=b');
    for (const next of [
      'https://evil.example/',
      '//evil.example/console',
      '/console/../../evil',
      '/console@evil.example',
      '/consoleevil',
      '/v1/reviews',
      '/console/sign-out',
      'javascript:alert(1)',
      '/console\\evil',
      '/console/\nx',
    ]) {
      const place = await leadsTo(next);
      expect(new URL(place!, 'http://desk.example').origin, next).toBe('http://desk.example');
      expect(new URL(place!, 'http://desk.example').pathname, next).toMatch(/^\/console|^\/evil$/);
    }
  });

  it('is not asked of who is in already', async () => {
    const visitor = newcomer();
    await visitor.signIn({ token });
    const answer = await visitor.get('/console/sign-in?next=/console/policies');
    expect(answer.headers.location).toBe('/console/policies');
  });

  it('is tried ten times in a minute from one address, then no more', async () => {
    const visitor = newcomer();
    const statuses: number[] = [];
    for (let round = 0; round < 11; round += 1) {
      statuses.push((await visitor.signIn({ token: 'wrong' })).statusCode);
    }
    expect(statuses.slice(0, 10).every((status) => status === 401)).toBe(true);
    expect(statuses[10]).toBe(429);
    // Not even with the right token.
    const answer = await visitor.signIn({ token });
    expect(answer.statusCode).toBe(429);
    expect(readable(answer.body)).toContain('Too many requests');
  });

  it('is tried twenty times in a minute for one name from all addresses together', async () => {
    await desk.addPerson('eve', 'Auditor');
    const statuses: number[] = [];
    for (let round = 0; round < 21; round += 1) {
      statuses.push((await newcomer().signIn({ name: 'eve', password: 'a guess' })).statusCode);
    }
    expect(statuses.filter((status) => status === 401)).toHaveLength(20);
    expect(statuses.at(-1)).toBe(429);
    expect((await newcomer().signIn({ token })).statusCode).toBe(303);
  });
});

describe('a link on another site', () => {
  const fromElsewhere = { 'sec-fetch-site': 'cross-site' };

  it('brings no cookie, so the browser is asked to come once more from here', async () => {
    for (const path of ['/console/reviews/x', '/console/sign-in']) {
      const answer = await newcomer().get(path, fromElsewhere);
      expect(answer.statusCode).toBe(200);
      expect(answer.headers['refresh']).toBe('0');
      // The cookie that the browser holds must not be replaced.
      expect(answer.cookies).toEqual([]);
    }
  });

  it('is none where the cookie came along', async () => {
    const visitor = newcomer();
    await visitor.signIn({ token });
    const answer = await visitor.get('/console', fromElsewhere);
    expect(answer.headers['refresh']).toBeUndefined();
    expect(readable(answer.body)).toContain('ada');
  });
});

describe('every answer', () => {
  it('forbids what no page needs, and is kept by nobody', async () => {
    const visitor = newcomer();
    await visitor.signIn({ token });
    for (const path of [
      '/console',
      '/console/dashboard',
      '/console/nowhere',
      '/console/reviews/x',
    ]) {
      const { headers } = await visitor.get(path);
      expect(headers['content-security-policy']).toBe(
        "default-src 'none';script-src 'self';style-src 'self';connect-src 'self';img-src 'self';form-action 'self';base-uri 'none';frame-ancestors 'none'",
      );
      expect(headers['cache-control']).toBe('no-store');
      expect(headers['referrer-policy']).toBe('no-referrer');
      expect(headers['content-type']).toBe('text/html; charset=utf-8');
    }
  });

  it('has no style and no script of its own, and names no other site', async () => {
    const visitor = newcomer();
    await visitor.signIn({ token });
    for (const path of [
      '/console',
      '/console/dashboard',
      '/console/policies',
      '/console/dead-letters',
    ]) {
      const { body } = await visitor.get(path);
      expect(body).not.toMatch(/<style|\sstyle=|\son[a-z]+=|javascript:/i);
      expect(body.match(/<script[^>]*>[^<]/)).toBeNull();
      expect([...body.matchAll(/(?:src|href|action)="([^"]*)"/g)].map(([, to]) => to!)).toSatisfy(
        (places: string[]) =>
          places.every((to) => to === '' || to === '#main' || to.startsWith('/console')),
      );
    }
  });

  it('of an asset may be kept for ever, since its address changes with it', async () => {
    const { body } = await newcomer().get('/console/sign-in');
    const paths = [...body.matchAll(/(?:src|href)="(\/console\/assets\/[^"]+)"/g)].map(
      ([, path]) => path!,
    );
    expect(paths.length).toBeGreaterThanOrEqual(4);
    for (const path of paths) {
      const plain = await desk.server.inject({ url: path });
      expect(plain.statusCode).toBe(200);
      expect(plain.headers['cache-control']).toBe('public, max-age=31536000, immutable');
      const zipped = await desk.server.inject({
        url: path,
        headers: { 'accept-encoding': 'gzip, br' },
      });
      expect(zipped.headers['content-encoding']).toBe('gzip');
      expect(zipped.rawPayload.length).toBeLessThan(plain.rawPayload.length);
    }
  });
});
