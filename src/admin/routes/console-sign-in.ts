/**
 * The door of the console, and who is let past it.
 *
 *     GET  /console/sign-in    two forms: name and password, or an API token
 *     POST /console/sign-in    303 to where the person wanted to go, or the form again with 401
 *     GET  /console/sign-in/provider   to the OpenID provider, where one is configured; ?again=yes to prove it once more
 *     GET  /console/sign-in/return     back from there
 *     POST /console/sign-out   ends the session at the server
 *     POST /console/still-here a person is at work on a page: the session does not lapse
 */
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import Type from 'typebox';
import { isRefusal, problems, type Refusal, refuse } from '../../domain/problem.ts';
import type { Person } from '../../stores/identity.ts';
import { arrivalPage } from '../console/pages/problem.ts';
import { signInPage } from '../console/pages/sign-in.ts';
import type { Show } from '../console/show.ts';
import type { OidcProvider } from '../oidc.ts';
import { currentSession, endVisit, giveCookie, keepVisit } from '../session.ts';
import type { Door } from '../sign-in.ts';

export interface DoorRoutesOptions {
  readonly door: Door;
  readonly show: Show;
  readonly isOnLoopback: boolean;
  readonly provider: OidcProvider | undefined;
}

/** From one address, and for one name from all addresses together, in a minute. */
const TRIES_PER_ADDRESS_MAX = 10;
const TRIES_PER_NAME_MAX = 20;
const A_MINUTE_MS = 60_000;

const Text = (maxLength: number) => Type.Optional(Type.String({ maxLength }));
const SignIn = Type.Object({
  form_token: Text(200),
  next: Text(2_000),
  name: Text(100),
  password: Text(800),
  token: Text(200),
});
const Arrival = Type.Object({ next: Text(2_000) });
const Departure = Type.Object({ next: Text(2_000), again: Type.Optional(Type.Literal('yes')) });

export function addDoorRoutes(
  scope: FastifyInstance,
  { door, show, isOnLoopback, provider }: DoorRoutesOptions,
): void {
  const server = scope.withTypeProvider<TypeBoxTypeProvider>();

  const triesForName = scope.createRateLimit({
    max: TRIES_PER_NAME_MAX,
    timeWindow: A_MINUTE_MS,
    keyGenerator: ({ body }) => `name ${(body as { name?: string }).name ?? ''}`,
    // A token says itself who it is of, and none can be guessed.
    allowList: ({ body }) => (body as { token?: string }).token !== undefined,
  });

  const showDoor = (
    request: FastifyRequest,
    reply: FastifyReply,
    next: string | undefined,
    refusal?: Refusal,
  ) => {
    // The forms below are for the browser that holds this.
    giveCookie(request, reply, currentSession(request).id, isOnLoopback);
    const formToken = reply.generateCsrf();
    const page = signInPage({
      formToken,
      next: placeWithin(next),
      refusal,
      hasProvider: provider !== undefined,
    });
    const status = refusal === undefined ? 200 : problems[refusal.reason].status;
    return show.page(request, reply, page, status);
  };

  server.get('/sign-in', { schema: { querystring: Arrival } }, async (request, reply) => {
    const { next } = request.query;
    if (comesFromElsewhere(request)) return arrive(request, reply, show);
    if (currentSession(request).person !== undefined) return reply.redirect(placeWithin(next), 303);
    return showDoor(request, reply, next);
  });

  server.post(
    '/sign-in',
    {
      schema: { body: SignIn },
      config: { rateLimit: { max: TRIES_PER_ADDRESS_MAX, timeWindow: A_MINUTE_MS } },
    },
    async (request, reply) => {
      const { name = '', password = '', token, next } = request.body;
      const tries = await triesForName(request);
      if (!tries.isAllowed && tries.isExceeded) {
        return showDoor(
          request,
          reply,
          next,
          refuse('rate_limited', 'too many have tried this name'),
        );
      }
      const id = await (token === undefined
        ? door.withPassword(name, password)
        : door.withToken(token.trim()));
      if (typeof id !== 'string' && isRefusal(id)) return showDoor(request, reply, next, id);
      // Whoever was signed in here before is so no longer.
      await door.leave(currentSession(request).id);
      giveCookie(request, reply, id, isOnLoopback);
      return reply.redirect(placeWithin(next), 303);
    },
  );

  if (provider !== undefined) {
    const config = { rateLimit: { max: TRIES_PER_ADDRESS_MAX, timeWindow: A_MINUTE_MS } };
    server.get(
      '/sign-in/provider',
      { schema: { querystring: Departure }, config },
      async (request, reply) => {
        const { next, again } = request.query;
        const { attempt } = keepVisit(request, reply, placeWithin(next), isOnLoopback);
        const url = await provider.start(attempt, again === 'yes');
        return url instanceof URL
          ? reply.redirect(url.href, 303)
          : showDoor(request, reply, next, url);
      },
    );
    server.get('/sign-in/return', { config }, async (request, reply) => {
      // The provider's redirect brings no cookie along; the same address asked for by a page of ours does.
      if (comesFromElsewhere(request)) return arrive(request, reply, show);
      const visit = endVisit(request, reply, isOnLoopback);
      if (visit === undefined) {
        const refusal = refuse('sign_in_failed', 'this browser has not asked to sign in');
        return showDoor(request, reply, undefined, refusal);
      }
      const who = await provider.finish(visit.attempt, new URL(request.url, 'http://here').search);
      const id = isRefusal(who) ? who : await door.withProvider(who);
      if (typeof id !== 'string') return showDoor(request, reply, visit.next, id);
      await door.leave(currentSession(request).id);
      giveCookie(request, reply, id, isOnLoopback);
      return reply.redirect(placeWithin(visit.next), 303);
    });
  }

  // To ask is enough: what counts as use is said where sessions are read.
  server.post('/still-here', (_request, reply) => reply.status(204).send());

  server.post('/sign-out', async (request, reply) => {
    await door.leave(currentSession(request).id);
    return reply.redirect('/console/sign-in', 303);
  });
}

/** Lets only people who are signed in past; others come to the door first, and from there to where they wanted to go. */
export function requireSignIn(scope: FastifyInstance, show: Show): void {
  scope.addHook('onRequest', async (request, reply) => {
    if (currentSession(request).person !== undefined) return undefined;
    if (comesFromElsewhere(request)) return arrive(request, reply, show);
    const isPart = request.routeOptions.config.isBackground === true;
    const next = request.method === 'GET' && !isPart ? request.url : '/console';
    return reply.redirect(`/console/sign-in?next=${encodeURIComponent(next)}`, 303);
  });
}

/**
 * A link on another site brings no cookie along, even where there is one (SameSite=Strict). From a page of ours the same
 * address does, so the browser is shown one that asks again at once.
 */
function arrive(request: FastifyRequest, reply: FastifyReply, show: Show): Promise<FastifyReply> {
  return show.page(request, reply.header('refresh', '0'), arrivalPage);
}

function comesFromElsewhere({ method, headers }: FastifyRequest): boolean {
  return method === 'GET' && headers['sec-fetch-site'] === 'cross-site';
}

/** The person behind a request that `requireSignIn` has let past. */
export function signedIn(request: FastifyRequest): Person {
  return currentSession(request).person!;
}

const PLACE = /^\/console(?:[/?][A-Za-z0-9/_.~%?&=+-]*)?$/;

/** Only into the console, never to another site. */
function placeWithin(next: string | undefined): string {
  return next !== undefined && PLACE.test(next) && !next.startsWith('/console/sign-')
    ? next
    : '/console';
}
