/**
 * Sessions of the console over HTTP. Every browser holds a random id in a cookie. Until somebody signs in it only ties
 * forms to the browser that was given them; a sign-in replaces it by a new one, whose hash is kept with the person.
 *
 * A form must come from a page of ours: the browser says so (Sec-Fetch-Site, or Origin where that is missing), and it
 * carries a token that only a page for this very browser could hold.
 */
import cookie from '@fastify/cookie';
import csrfProtection from '@fastify/csrf-protection';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { refuse } from '../domain/problem.ts';
import {
  formSecret,
  mintSessionId,
  readSessionId,
  type SessionId,
  sessionDigest,
} from '../domain/session.ts';
import type { Timestamp } from '../domain/time.ts';
import type { Database } from '../stores/database.ts';
import type { Person } from '../stores/identity.ts';
import { openSessionStore } from '../stores/session.ts';
import { Refused } from './problem.ts';

export interface SessionOptions {
  /** Works under the role of the identity domain. */
  readonly identity: Database;
  /** Whether the server listens on loopback only. Anywhere else, people reach it through TLS or not at all. */
  readonly isOnLoopback: boolean;
}

export interface Session {
  readonly id: SessionId;
  /** Read by the library that makes and checks the tokens of forms. */
  readonly formSecret: string;
  /** Undefined before the sign-in. */
  readonly person: Person | undefined;
  /** When the person last proved who they are; undefined before the sign-in. */
  readonly authenticatedAt: Timestamp | undefined;
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The page asks for it by itself: it does not count as something that the person did. */
    readonly isBackground?: boolean;
  }
}

const SESSION = 'session';

/** Whether nobody but this machine reaches a server that listens on `host`. */
export function isLoopbackHost(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}

/** Gives every request to the routes of `scope` its session, and lets no form in that another site has sent. */
export async function keepSessions(
  scope: FastifyInstance,
  { identity, isOnLoopback }: SessionOptions,
): Promise<void> {
  await scope.register(cookie);
  await scope.register(csrfProtection, {
    sessionPlugin: '@fastify/session',
    sessionKey: 'formSecret',
    getToken: (request) => (request.body as { form_token?: string } | null)?.form_token,
  });
  scope.decorateRequest(SESSION);
  scope.addHook('onRequest', async (request) => {
    if (request.method !== 'GET') refuseOtherSites(request);
    const id = readSessionId(request.cookies[cookieName(request, isOnLoopback)]);
    const session =
      id === undefined ? noSession(mintSessionId()) : await sessionOf(id, request, identity);
    request.setDecorator<Session>(SESSION, session);
  });
  scope.addHook('preValidation', (request, reply, done) => {
    if (request.method === 'GET') done();
    else scope.csrfProtection(request, reply, done);
  });
}

export function currentSession(request: FastifyRequest): Session {
  return request.getDecorator<Session>(SESSION);
}

/** Has the browser hold `id` from the answer to this request on. */
export function giveCookie(
  request: FastifyRequest,
  reply: FastifyReply,
  id: SessionId,
  isOnLoopback: boolean,
): void {
  const name = cookieName(request, isOnLoopback);
  const secure = isBehindTls(request, isOnLoopback);
  reply.setCookie(name, id, { path: '/', httpOnly: true, sameSite: 'strict', secure });
}

/** From here on the request, and the browser after it, go on in another session of the same person. */
export function renewSession(
  request: FastifyRequest,
  reply: FastifyReply,
  id: SessionId,
  isOnLoopback: boolean,
): void {
  request.setDecorator<Session>(SESSION, {
    ...currentSession(request),
    id,
    formSecret: formSecret(id),
  });
  giveCookie(request, reply, id, isOnLoopback);
}

/** What a browser holds while its person is at the provider. */
export interface ProviderVisit {
  /** Random; what goes to the provider and back derives from it. */
  readonly attempt: string;
  /** Where the person wanted to go. */
  readonly next: string;
}

const VISIT_S_MAX = 600;

export function keepVisit(
  request: FastifyRequest,
  reply: FastifyReply,
  next: string,
  isOnLoopback: boolean,
): ProviderVisit {
  const attempt = mintSessionId();
  const value = `${attempt}.${Buffer.from(next).toString('base64url')}`;
  reply.setCookie(visitName(request, isOnLoopback), value, {
    path: '/',
    httpOnly: true,
    sameSite: 'strict',
    secure: isBehindTls(request, isOnLoopback),
    maxAge: VISIT_S_MAX,
  });
  return { attempt, next };
}

/** Undefined in a browser that has not set out from here. It counts once. */
export function endVisit(
  request: FastifyRequest,
  reply: FastifyReply,
  isOnLoopback: boolean,
): ProviderVisit | undefined {
  const name = visitName(request, isOnLoopback);
  const [attempt = '', next = ''] = request.cookies[name]?.split('.') ?? [];
  if (readSessionId(attempt) === undefined) return undefined;
  reply.clearCookie(name, { path: '/', secure: isBehindTls(request, isOnLoopback) });
  return { attempt, next: Buffer.from(next, 'base64url').toString() };
}

const visitName = (request: FastifyRequest, isOnLoopback: boolean) =>
  `${cookieName(request, isOnLoopback)}-visit`;

function noSession(id: SessionId): Session {
  return { id, formSecret: formSecret(id), person: undefined, authenticatedAt: undefined };
}

async function sessionOf(
  id: SessionId,
  { routeOptions }: FastifyRequest,
  identity: Database,
): Promise<Session> {
  const isUse = routeOptions.config.isBackground !== true;
  const running = await identity.transact((tx) =>
    openSessionStore(tx).personIn(sessionDigest(id), isUse),
  );
  return { ...noSession(id), ...running };
}

/** The prefix makes browsers refuse the cookie where anything but this host, over TLS, has set it. */
function cookieName(request: FastifyRequest, isOnLoopback: boolean): string {
  return isBehindTls(request, isOnLoopback) ? '__Host-sentinelops' : 'sentinelops';
}

/** TLS ends in front of this server. Whoever makes the header up only makes the cookie stricter. */
function isBehindTls({ headers }: FastifyRequest, isOnLoopback: boolean): boolean {
  return !isOnLoopback || headers['x-forwarded-proto'] === 'https';
}

function refuseOtherSites({ headers }: FastifyRequest): void {
  const { 'sec-fetch-site': site, origin, host } = headers;
  const isOurs =
    site === undefined
      ? origin === `https://${host}` || origin === `http://${host}`
      : site === 'same-origin';
  if (!isOurs) throw new Refused(refuse('cross_site', 'the form is not one of the console'));
}
