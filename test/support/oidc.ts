/** A real OpenID provider on this machine, with accounts whose claims a test sets. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import Provider, { type Configuration } from 'oidc-provider';
import { createOidcProvider, type OidcOptions, type OidcProvider } from '../../src/admin/oidc.ts';

export const CLIENT = { id: 'sentinelops', secret: 'a secret of the test' };

export interface TestProvider {
  readonly issuer: string;
  /** What the provider says of whoever signs in there under this name. */
  setClaims(account: string, claims: Readonly<Record<string, unknown>>): void;
  /** The sign-in of this provider at a console. */
  client(redirectUrl: string, more?: Partial<OidcOptions>): OidcProvider;
  /** Signs in there as a browser would, and returns the query of the address that it is sent back to. */
  visit(url: URL, account: string): Promise<string>;
  close(): Promise<void>;
}

/** `redirectUrls`: read when the provider is first asked, since a console knows its own address late. */
export async function openProvider(redirectUrls: readonly string[]): Promise<TestProvider> {
  const accounts = new Map<string, Readonly<Record<string, unknown>>>();
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
  const issuer = `http://localhost:${(server.address() as AddressInfo).port}`;
  const provider = new Provider(issuer, configuration(redirectUrls, accounts));
  const answer = provider.callback();
  server.on('request', (request, response) => void answer(request, response));
  return {
    issuer,
    setClaims: (account, claims) => accounts.set(account, claims),
    client: (redirectUrl, more = {}) =>
      createOidcProvider({
        issuer,
        clientId: CLIENT.id,
        clientSecret: CLIENT.secret,
        redirectUrl,
        signature: 'RS256',
        nameClaim: 'preferred_username',
        rolesClaim: 'groups',
        scopes: ['profile'],
        roles: [
          { claim: 'compliance', role: 'Compliance Officer' },
          { claim: 'admins', role: 'Administrator' },
          { claim: 'board', role: 'Governance Board' },
        ],
        loopback: true,
        ...more,
      }),
    visit: (url, account) => visit(url, account),
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

function configuration(
  redirectUrls: readonly string[],
  accounts: ReadonlyMap<string, Readonly<Record<string, unknown>>>,
): Configuration {
  return {
    clients: [
      {
        client_id: CLIENT.id,
        client_secret: CLIENT.secret,
        redirect_uris: [...redirectUrls],
        response_types: ['code'],
        grant_types: ['authorization_code'],
      },
    ],
    claims: { profile: ['preferred_username', 'groups'] },
    conformIdTokenClaims: false,
    pkce: { required: () => true },
    cookies: { keys: ['only for tests'] },
    findAccount: (_context, accountId) => ({
      accountId,
      claims: () => ({ sub: accountId, ...accounts.get(accountId) }),
    }),
    // Everybody has agreed that the console may know who they are.
    async loadExistingGrant({ oidc }) {
      const grant = new oidc.provider.Grant({
        clientId: oidc.client!.clientId,
        accountId: oidc.session!.accountId!,
      });
      grant.addOIDCScope('openid profile');
      await grant.save();
      return grant;
    },
  };
}

async function visit(start: URL, account: string): Promise<string> {
  const jar = new Map<string, string>();
  let request: Request = new Request(start, { redirect: 'manual' });
  for (let step = 0; step < 10; step += 1) {
    const headers = { cookie: [...jar].map(([name, value]) => `${name}=${value}`).join('; ') };
    const response = await fetch(
      new Request(request, { headers: { ...Object.fromEntries(request.headers), ...headers } }),
    );
    for (const cookie of response.headers.getSetCookie()) {
      const [pair = ''] = cookie.split(';');
      const at = pair.indexOf('=');
      jar.set(pair.slice(0, at), pair.slice(at + 1));
    }
    const location = response.headers.get('location');
    if (location === null) {
      const body = new URLSearchParams({ prompt: 'login', login: account, password: 'any' });
      request = new Request(response.url, { method: 'POST', body, redirect: 'manual' });
      continue;
    }
    const next = new URL(location, response.url);
    if (next.origin !== start.origin) return next.search;
    request = new Request(next, { redirect: 'manual' });
  }
  throw new Error('the provider did not send anybody back');
}
