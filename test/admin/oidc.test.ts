import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createReviewerCommands } from '../../src/actors/reviewers.ts';
import type { OidcProvider } from '../../src/admin/oidc.ts';
import { mintSessionId } from '../../src/domain/session.ts';
import {
  createVisitor,
  openConsole,
  readable,
  type TestConsole,
  type Visitor,
} from '../support/console.ts';
import { openProvider, type TestProvider } from '../support/oidc.ts';

const RETURN = 'http://127.0.0.1:8484/console/sign-in/return';

let provider: TestProvider;
let client: OidcProvider;
let desk: TestConsole;
beforeAll(async () => {
  provider = await openProvider([RETURN]);
  client = provider.client(RETURN);
  desk = await openConsole({ provider: client });
});
afterAll(async () => {
  await desk.close();
  await provider.close();
});

const claimsOf = (name: string, ...groups: string[]) => ({ preferred_username: name, groups });

/** Out to the provider and back, with the cookies of one browser. */
async function signIn(visitor: Visitor, account: string, next = '/console') {
  const out = await visitor.get(`/console/sign-in/provider?next=${encodeURIComponent(next)}`);
  const query = await provider.visit(new URL(out.headers.location!), account);
  return visitor.get(`/console/sign-in/return${query}`);
}

const rolesOf = async (name: string) => {
  const people = await createReviewerCommands(desk.identity).list();
  return people.find((person) => person.name === name)?.roles.toSorted();
};

describe('the provider', () => {
  it('is told the code challenge and never the verifier, and asked when somebody signed in', async () => {
    const url = (await client.start('attempt', false)) as URL;
    expect(Object.fromEntries(url.searchParams)).toMatchObject({
      response_type: 'code',
      code_challenge_method: 'S256',
      scope: 'openid profile',
      redirect_uri: RETURN,
      max_age: '28800',
    });
    expect(url.href).not.toContain('attempt');
    const again = (await client.start('attempt', true)) as URL;
    expect(again.searchParams.get('prompt')).toBe('login');
  });

  it('lets in by the mapped claims, with when it was', async () => {
    provider.setClaims('acc-1', claimsOf('Cora', 'compliance', 'unheard-of'));
    const attempt = mintSessionId();
    const query = await provider.visit((await client.start(attempt, false)) as URL, 'acc-1');
    const who = await client.finish(attempt, query);
    expect(who).toMatchObject({
      issuer: provider.issuer,
      subject: 'acc-1',
      name: 'cora',
      roles: ['Compliance Officer'],
    });
    // A code counts once.
    expect(await client.finish(attempt, query)).toMatchObject({ reason: 'sign_in_failed' });
  });

  it.each([
    ['another browser', (query: string) => [mintSessionId(), query]],
    [
      'another state',
      (query: string, attempt: string) => [attempt, query.replace(/state=[^&]+/, 'state=x')],
    ],
    ['no code', (query: string, attempt: string) => [attempt, query.replace(/code=[^&]+/, '')]],
    [
      'another issuer',
      (query: string, attempt: string) => [
        attempt,
        query.replace(/iss=[^&]+/, 'iss=https%3A%2F%2Fevil.example'),
      ],
    ],
    ['a refusal', (_: string, attempt: string) => [attempt, '?error=access_denied&state=x']],
  ] as const)('lets nobody in by %s', async (_what, alter) => {
    provider.setClaims('acc-2', claimsOf('dan', 'admins'));
    const attempt = mintSessionId();
    const query = await provider.visit((await client.start(attempt, false)) as URL, 'acc-2');
    const [with_, altered] = alter(query, attempt) as [string, string];
    expect(await client.finish(with_, altered)).toMatchObject({ reason: 'sign_in_failed' });
  });

  it('takes tokens by its one algorithm and its own issuer only', async () => {
    for (const more of [{ signature: 'ES256' }, { issuer: `${provider.issuer}/other` }]) {
      const other = provider.client(RETURN, more);
      const attempt = mintSessionId();
      const query = await provider.visit((await client.start(attempt, false)) as URL, 'acc-2');
      expect(await other.finish(attempt, query)).toMatchObject({ kind: 'refusal' });
    }
  });

  it('makes nobody of a claim that is no name', async () => {
    provider.setClaims('acc-3', { preferred_username: 'Rose Ann', groups: ['admins'] });
    const attempt = mintSessionId();
    const query = await provider.visit((await client.start(attempt, false)) as URL, 'acc-3');
    expect(await client.finish(attempt, query)).toMatchObject({ reason: 'sign_in_failed' });
  });

  it('that does not answer is said to be away, and asked again by the next', async () => {
    const away = provider.client(RETURN, { issuer: 'http://localhost:1' });
    expect(await away.start('a', false)).toMatchObject({ reason: 'unavailable' });
  });
});

describe('a sign-in through the provider', () => {
  it('opens a session, and leads to where the person wanted to go', async () => {
    provider.setClaims('fay-1', claimsOf('fay', 'compliance', 'admins'));
    const visitor = createVisitor(desk.server);
    const answer = await signIn(visitor, 'fay-1', '/console/dashboard');
    expect(answer).toMatchObject({ statusCode: 303, headers: { location: '/console/dashboard' } });
    const page = readable((await visitor.get('/console')).body);
    expect(page).toContain('fay');
    expect(page).toContain('Compliance Officer');
  });

  it('takes roles away with the claims, and leaves what an operator granted', async () => {
    await createReviewerCommands(desk.identity).add({ name: 'gus', roles: ['Auditor'] });
    await createReviewerCommands(desk.identity).link({
      name: 'gus',
      issuer: provider.issuer,
      subject: 'gus-1',
    });
    provider.setClaims('gus-1', claimsOf('gus', 'compliance', 'admins'));
    await signIn(createVisitor(desk.server), 'gus-1');
    expect(await rolesOf('gus')).toEqual(['Administrator', 'Auditor', 'Compliance Officer']);
    provider.setClaims('gus-1', claimsOf('gus', 'board'));
    await signIn(createVisitor(desk.server), 'gus-1');
    expect(await rolesOf('gus')).toEqual(['Auditor', 'Governance Board']);
  });

  it('is no way to become somebody who is there already', async () => {
    await createReviewerCommands(desk.identity).add({ name: 'hal', roles: ['Administrator'] });
    provider.setClaims('mallory', claimsOf('hal', 'board'));
    const refused = await signIn(createVisitor(desk.server), 'mallory');
    expect(refused.statusCode).toBe(403);
    expect(readable(refused.body)).toContain('reviewer link');
    expect(await rolesOf('hal')).toEqual(['Administrator']);
  });

  it('follows the account and not the name: one person stays one person', async () => {
    provider.setClaims('ian-1', claimsOf('ian', 'admins'));
    await signIn(createVisitor(desk.server), 'ian-1');
    provider.setClaims('ian-1', claimsOf('ian.renamed', 'admins'));
    const visitor = createVisitor(desk.server);
    await signIn(visitor, 'ian-1');
    expect(readable((await visitor.get('/console')).body)).toContain('ian Administrator');
    expect(await rolesOf('ian.renamed')).toBeUndefined();
  });

  it('makes no person of whoever has no role here', async () => {
    provider.setClaims('jo-1', claimsOf('jo', 'guests'));
    expect((await signIn(createVisitor(desk.server), 'jo-1')).statusCode).toBe(403);
    expect(await rolesOf('jo')).toBeUndefined();
  });

  it('is for the browser that set out, and comes back by a page of ours', async () => {
    provider.setClaims('kim-1', claimsOf('kim', 'admins'));
    const visitor = createVisitor(desk.server);
    const out = await visitor.get('/console/sign-in/provider');
    const query = await provider.visit(new URL(out.headers.location!), 'kim-1');
    const elsewhere = createVisitor(desk.server);
    expect((await elsewhere.get(`/console/sign-in/return${query}`)).statusCode).toBe(401);
    // From the provider, before the browser sends its cookie.
    const first = await createVisitor(desk.server).get(`/console/sign-in/return${query}`, {
      'sec-fetch-site': 'cross-site',
    });
    expect(first).toMatchObject({ statusCode: 200, headers: { refresh: '0' } });
    expect((await visitor.get(`/console/sign-in/return${query}`)).statusCode).toBe(303);
    expect((await visitor.get(`/console/sign-in/return${query}`)).statusCode).toBe(401);
  });

  it('ends with the person’s sessions', async () => {
    provider.setClaims('liv-1', claimsOf('liv', 'admins'));
    const visitor = createVisitor(desk.server);
    await signIn(visitor, 'liv-1');
    expect((await visitor.get('/console')).statusCode).toBe(200);
    await createReviewerCommands(desk.identity).revoke({ name: 'liv' });
    expect((await visitor.get('/console')).statusCode).toBe(303);
  });
});
