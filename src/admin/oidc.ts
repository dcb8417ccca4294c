/**
 * Sign-in through an OpenID provider: authorization code with PKCE (RFC 7636), OpenID Connect Core 1.0. The provider's
 * addresses and keys come from its own description under the configured issuer and from nowhere else.
 *
 * Nothing is kept between the two legs but a random id in the browser's cookie: state, nonce and code verifier derive from
 * it, so an answer counts only in the browser that asked.
 */
import {
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  calculatePKCECodeChallenge,
  type Configuration,
  discovery,
  enableNonRepudiationChecks,
  type IDToken,
} from 'openid-client';
import type { Role } from '../domain/authority.ts';
import { sha256 } from '../domain/digest.ts';
import { isPersonName } from '../domain/identity.ts';
import { type Refusal, refuse } from '../domain/problem.ts';

export interface OidcOptions {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** Where the provider sends people back to. */
  readonly redirectUrl: string;
  /** The only algorithm by which ID tokens may be signed. */
  readonly signature: string;
  readonly nameClaim: string;
  readonly rolesClaim: string;
  readonly scopes: readonly string[];
  readonly roles: readonly { readonly claim: string; readonly role: Role }[];
  /** On this machine: plain http will do. */
  readonly loopback: boolean;
}

/** Whom the provider has let in. */
export interface OidcIdentity {
  readonly issuer: string;
  readonly subject: string;
  readonly name: string;
  readonly roles: readonly Role[];
  /** Seconds since 1970. */
  readonly authenticatedAtS: number;
}

export interface OidcProvider {
  /** Where to send the browser. `isAgain`: whoever is signed in there proves it once more. Refusals: `unavailable`. */
  start(attempt: string, isAgain: boolean): Promise<URL | Refusal>;
  /** Who came back, by the query of the address that they came to. Refusals: `sign_in_failed`, `unavailable`. */
  finish(attempt: string, query: string): Promise<OidcIdentity | Refusal>;
}

/** A sign-in there that is older than a session may live here is asked for again. */
const AGE_S_MAX = 28_800;
const AGAIN_AGE_S_MAX = 60;
const TIMEOUT_S = 10;

export function createOidcProvider(options: OidcOptions): OidcProvider {
  let known: Promise<Configuration> | undefined;

  /** Asked for once; after a failure by the next who signs in, so the console starts while the provider is away. */
  function configuration(): Promise<Configuration> {
    known ??= discover(options).catch((error: unknown) => {
      known = undefined;
      throw error;
    });
    return known;
  }

  return {
    async start(attempt, isAgain) {
      try {
        return buildAuthorizationUrl(await configuration(), {
          redirect_uri: options.redirectUrl,
          scope: ['openid', ...options.scopes].join(' '),
          code_challenge: await calculatePKCECodeChallenge(derive('verifier', attempt)),
          code_challenge_method: 'S256',
          state: derive('state', attempt),
          nonce: derive('nonce', attempt),
          max_age: String(isAgain ? AGAIN_AGE_S_MAX : AGE_S_MAX),
          ...(isAgain ? { prompt: 'login' } : {}),
        });
      } catch {
        return refuse('unavailable', 'the provider does not answer');
      }
    },

    async finish(attempt, query) {
      try {
        const url = new URL(options.redirectUrl);
        url.search = query;
        const tokens = await authorizationCodeGrant(await configuration(), url, {
          pkceCodeVerifier: derive('verifier', attempt),
          expectedState: derive('state', attempt),
          expectedNonce: derive('nonce', attempt),
          idTokenExpected: true,
          maxAge: AGE_S_MAX,
        });
        return identityOf(tokens.claims()!, options);
      } catch (error) {
        return isNetworkFailure(error)
          ? refuse('unavailable', 'the provider does not answer')
          : refuse('sign_in_failed', 'the provider did not let you in');
      }
    },
  };
}

async function discover({ issuer, clientId, clientSecret, signature, loopback }: OidcOptions) {
  const found = await discovery(
    new URL(issuer),
    clientId,
    { client_secret: clientSecret, id_token_signed_response_alg: signature },
    undefined,
    { execute: loopback ? [allowInsecureRequests] : [], timeout: TIMEOUT_S },
  );
  // The token also comes by TLS from the provider itself; its signature is checked all the same.
  enableNonRepudiationChecks(found);
  return found;
}

function derive(what: string, attempt: string): string {
  return sha256(`sentinelops-oidc-${what}/v1\n${attempt}`);
}

function identityOf(claims: IDToken, options: OidcOptions): OidcIdentity | Refusal {
  const { nameClaim, rolesClaim, roles } = options;
  const name = claims[nameClaim];
  if (typeof name !== 'string' || !isPersonName(name.toLowerCase())) {
    return refuse('sign_in_failed', `the claim ${nameClaim} is no name`);
  }
  if (nameClaim === 'email' && claims['email_verified'] === false) {
    return refuse('sign_in_failed', 'the address is not verified');
  }
  const held = claimsIn(claims[rolesClaim]);
  return {
    issuer: claims.iss,
    subject: claims.sub,
    name: name.toLowerCase(),
    roles: [...new Set(roles.filter(({ claim }) => held.includes(claim)).map(({ role }) => role))],
    authenticatedAtS: claims.auth_time ?? claims.iat,
  };
}

function claimsIn(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [value];
}

function isNetworkFailure(error: unknown): boolean {
  const { name, cause } = error as Error;
  return (
    name === 'TimeoutError' ||
    (cause instanceof Error && 'code' in cause && error instanceof TypeError)
  );
}
