/**
 * The inbox of the console.
 *
 *     GET /console               what waits for people; filters and the place in the list are in the address
 *     POST /console/views           keeps the filters of the page under a name
 *     POST /console/views/:id/end   forgets them
 *     GET /console/inbox/news    what has changed since a page of it was made: a fragment, or 204 for nothing new
 */
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyInstance } from 'fastify';
import Type from 'typebox';
import { isUuid, policyIdOf } from '../../domain/ids.ts';
import { isRefusal, refuse } from '../../domain/problem.ts';
import { riskLevels } from '../../domain/risk-level.ts';
import { parseTimestamp } from '../../domain/time.ts';
import { type InboxQuery, inboxPage, newsFragment, newsWords } from '../console/pages/inbox.ts';
import { type Show, sendHtml } from '../console/show.ts';
import { Refused } from '../problem.ts';
import { cursorOf, placeFrom } from '../review-cursor.ts';
import { barredFromList } from '../review-desk.ts';
import { openAccessStore } from '../../stores/access.ts';
import type { Database } from '../../stores/database.ts';
import { openInboxStore } from '../../stores/inbox.ts';
import { openReviewStore, type ReviewFilter } from '../../stores/review.ts';
import { signedIn } from './console-sign-in.ts';

export interface InboxRoutesOptions {
  /** Sessions of the decision domain. */
  readonly decision: Database;
  /** Sessions of the identity domain. */
  readonly identity: Database;
  readonly show: Show;
}

const REVIEWS_ON_A_PAGE = 50;

/** A form sends a field that says nothing as an empty one. */
const orNothing = (...values: readonly string[]) => Type.Optional(Type.Enum(['', ...values]));
const filters = {
  state: orNothing('open', 'resolved', 'all'),
  level: orNothing(...riskLevels),
  policy: Type.Optional(Type.String({ maxLength: 100 })),
  source: Type.Optional(Type.String({ maxLength: 100 })),
  conflict: orNothing('true', 'false'),
  cursor: Type.Optional(Type.String({ maxLength: 300 })),
};
const Query = Type.Object(filters);
const VIEWS_MAX = 20;
const NewView = Type.Object({
  form_token: Type.String(),
  name: Type.String({ maxLength: 60 }),
  query: Type.String({ maxLength: 1_000 }),
});
const ViewId = Type.Object({ id: Type.String() });
const NewsQuery = Type.Object({
  ...filters,
  count: Type.String({ pattern: '^[0-9]{1,9}$' }),
  shown_at: Type.String({ maxLength: 40 }),
  told: Type.Optional(Type.String({ maxLength: 100 })),
});

export function addInboxRoutes(
  scope: FastifyInstance,
  { decision, identity, show }: InboxRoutesOptions,
): void {
  const server = scope.withTypeProvider<TypeBoxTypeProvider>();

  server.get('/', { schema: { querystring: Query } }, async (request, reply) => {
    const person = signedIn(request);
    const barred = barredFromList(person);
    if (barred !== undefined) return show.problem(request, reply, barred);
    const query = said(request.query);
    const filter = filterOf(query);
    const order = filter.state === 'open' ? 'urgency' : 'newest';
    const after = query.cursor === undefined ? undefined : placeFrom(query.cursor, order);
    if (after !== undefined && isRefusal(after)) return show.problem(request, reply, after);
    const read = await decision.transact(async (tx) => {
      const inbox = openInboxStore(tx);
      const reviews = openReviewStore(tx);
      const standing = await inbox.standing();
      return {
        standing,
        facets: await inbox.facets(),
        // One more than is shown tells whether there is a next page.
        found: await reviews.list(filter, REVIEWS_ON_A_PAGE + 1, after),
        count: (await reviews.newsOf(filter, standing.now)).count,
      };
    });
    const views = await identity.transact((tx) => openAccessStore(tx).viewsOf(person.personId));
    const shown = read.found.slice(0, REVIEWS_ON_A_PAGE);
    const last = read.found.length > shown.length ? shown.at(-1) : undefined;
    const next = last === undefined ? null : cursorOf(last, order);
    return show.page(
      request,
      reply,
      inboxPage({
        ...read,
        query,
        reviews: shown,
        next,
        views,
        formToken: reply.generateCsrf(),
      }),
    );
  });

  server.post('/views', { schema: { body: NewView } }, async (request, reply) => {
    const { personId } = signedIn(request);
    const query = knownOf(request.body.query);
    const name = request.body.name.trim();
    if (name !== '') {
      await identity.transact((tx) =>
        openAccessStore(tx).keepView(personId, name, query, VIEWS_MAX),
      );
    }
    return reply.redirect(query === '' ? '/console' : `/console?${query}`, 303);
  });

  server.post('/views/:id/end', { schema: { params: ViewId } }, async (request, reply) => {
    const { id } = request.params;
    if (isUuid(id)) {
      const { personId } = signedIn(request);
      await identity.transact((tx) => openAccessStore(tx).removeView(personId, id));
    }
    return reply.redirect('/console', 303);
  });

  server.get(
    '/inbox/news',
    { schema: { querystring: NewsQuery }, config: { isBackground: true } },
    async (request, reply) => {
      const barred = barredFromList(signedIn(request));
      if (barred !== undefined) throw new Refused(barred);
      const { count, shown_at, told, ...fields } = request.query;
      const shownAt = parseTimestamp(shown_at);
      if (shownAt === undefined) throw new Refused(refuse('bad_request', 'shown_at is no time'));
      const query = said(fields);
      const { now, standing } = await decision.transact(async (tx) => ({
        now: await openReviewStore(tx).newsOf(filterOf(query), shownAt),
        standing: await openInboxStore(tx).standing(),
      }));
      const news = { opened: now.opened, gone: Number(count) + now.opened - now.count };
      if (newsWords(news) === (told ?? '')) return reply.status(204).send();
      const shown = { count: Number(count), shownAt };
      return sendHtml(reply, newsFragment(query, shown, news, standing));
    },
  );
}

/** Of a query that a page has sent, the filters that there are, without the place in the list. */
function knownOf(text: string): string {
  const { cursor: _place, ...names } = filters;
  const given = [...new URLSearchParams(text)].filter(([name]) => Object.hasOwn(names, name));
  return new URLSearchParams(given).toString();
}

/** Without the fields that say nothing. */
function said(fields: { readonly [Name in keyof InboxQuery]?: string | undefined }): InboxQuery {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined && value !== ''),
  );
}

function filterOf({ state = 'open', level, policy, source, conflict }: InboxQuery): ReviewFilter {
  return {
    state,
    level: riskLevels.find((known) => known === level),
    policyId: policy === undefined ? undefined : policyIdOf(policy),
    source,
    conflict: conflict === undefined ? undefined : conflict === 'true',
  };
}
