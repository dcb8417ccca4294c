/**
 * What the console shows beside reviews. Everything is read, nothing changed.
 *
 *     GET /console/dashboard             where everything stands
 *     GET /console/policies              the policies
 *     GET /console/policies/:name        one of them; ?version=, otherwise the one in force
 *     GET /console/events/:id            the life of an event, with its ledger entries
 *     GET /console/events/:id/trace      the same as JSON
 *     GET /console/events/:id/evidence   the bundle that strangers verify
 *     GET /console/events/:id/payload    the event as it was sent, as JSON
 *     GET /console/reference             the API
 *     GET /console/dead-letters          what no stage could take; ?state=all
 *     GET /console/dead-letters/:id      one of them
 */
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import Type from 'typebox';
import { isUuid } from '../../domain/ids.ts';
import { isRefusal, type Refusal, refuse } from '../../domain/problem.ts';
import { openAuditStore } from '../../stores/audit.ts';
import { overviewOf } from '../../stores/audit-overview.ts';
import { changesOf, listPolicies, versionsOf } from '../../stores/audit-policies.ts';
import { type AuditTrace, auditTrace } from '../../stores/audit-trace.ts';
import type { Database } from '../../stores/database.ts';
import type { Person } from '../../stores/identity.ts';
import { openInboxStore } from '../../stores/inbox.ts';
import type { KeepAccess } from '../access.ts';
import { dashboardPage, type QueueStates } from '../console/pages/dashboard.ts';
import { deadLetterPage } from '../console/pages/dead-letter.ts';
import { deadLettersPage } from '../console/pages/dead-letters.ts';
import { policiesPage } from '../console/pages/policies.ts';
import { policyPage } from '../console/pages/policy.ts';
import { type ApiDescription, referencePage } from '../console/pages/reference.ts';
import { tracePage } from '../console/pages/trace.ts';
import type { Show } from '../console/show.ts';
import { Refused } from '../problem.ts';
import { barredFromList, barredFromReview } from '../review-desk.ts';
import { signedIn } from './console-sign-in.ts';
import { bundleOf, sendBundle } from './evidence.ts';

export interface RecordRoutesOptions {
  /** Sessions of these domains. */
  readonly audit: Database;
  readonly decision: Database;
  readonly queueStates: () => Promise<QueueStates>;
  readonly keepAccess: KeepAccess;
  readonly show: Show;
}

const DEAD_LETTERS_SHOWN_MAX = 100;
/** A queue store that hangs must not hold the page. */
const QUEUE_STATES_MS_MAX = 1_000;

const Id = Type.Object({ id: Type.String() });
const PolicyName = Type.Object({ name: Type.String() });
const PolicyQuery = Type.Object({
  version: Type.Optional(Type.String({ pattern: '^[1-9][0-9]{0,8}$' })),
});
const LettersQuery = Type.Object({ state: Type.Optional(Type.Enum(['open', 'all'])) });

export function addRecordRoutes(scope: FastifyInstance, options: RecordRoutesOptions): void {
  const { audit, decision, queueStates, keepAccess, show } = options;
  const server = scope.withTypeProvider<TypeBoxTypeProvider>();

  server.get('/dashboard', async (request, reply) => {
    letPast(request, barredFromList);
    const { backlog, standing } = await decision.transact(async (tx) => ({
      backlog: await openInboxStore(tx).backlog(),
      standing: await openInboxStore(tx).standing(),
    }));
    const overview = await audit.transact(overviewOf);
    const queues = await withinReason(queueStates());
    return show.page(request, reply, dashboardPage({ ...standing, backlog, overview, queues }));
  });

  server.get('/reference', (request, reply) =>
    show.page(request, reply, referencePage(server.swagger() as ApiDescription)),
  );

  server.get('/policies', async (request, reply) => {
    letPast(request, barredFromList);
    return show.page(request, reply, policiesPage(await audit.transact(listPolicies)));
  });

  server.get(
    '/policies/:name',
    { schema: { params: PolicyName, querystring: PolicyQuery } },
    async (request, reply) => {
      letPast(request, barredFromList);
      const { name } = request.params;
      const { version } = request.query;
      const { versions, changes } = await audit.transact(async (tx) => ({
        versions: await versionsOf(tx, name),
        changes: await changesOf(tx, name),
      }));
      const shown =
        version === undefined
          ? (versions.find(({ status }) => status === 'active') ?? versions[0])
          : versions.find((one) => one.version === Number(version));
      if (shown === undefined) throw new Refused(unknown('no such version of a policy'));
      return show.page(request, reply, policyPage({ shown, versions, changes }));
    },
  );

  server.get('/events/:id', { schema: { params: Id } }, async (request, reply) => {
    const person = letPast(request, barredFromReview);
    const trace = await readTrace(request.params.id);
    await keepAccess(person, 'look', 'event', request.params.id);
    return show.page(request, reply, tracePage(trace));
  });

  server.get('/events/:id/trace', { schema: { params: Id } }, async (request, reply) => {
    const person = letPast(request, barredFromReview);
    const { id } = request.params;
    const trace = await readTrace(id);
    await keepAccess(person, 'export', 'event', id);
    return sendFile(reply, `event-${id}-trace.json`, trace);
  });

  server.get('/events/:id/payload', { schema: { params: Id } }, async (request, reply) => {
    const person = letPast(request, barredFromReview);
    const { id } = request.params;
    const { payload } = await readTrace(id);
    await keepAccess(person, 'export', 'payload', id);
    return sendFile(reply, `event-${id}.json`, payload);
  });

  server.get('/events/:id/evidence', { schema: { params: Id } }, async (request, reply) => {
    const person = letPast(request, barredFromReview);
    const { id } = request.params;
    const bundle = await bundleOf(audit, id);
    if (isRefusal(bundle)) throw new Refused(bundle);
    await keepAccess(person, 'export', 'evidence', id);
    return sendBundle(reply, id, bundle);
  });

  server.get('/dead-letters', { schema: { querystring: LettersQuery } }, async (request, reply) => {
    letPast(request, barredFromList);
    const { state = 'open' } = request.query;
    const found = await audit.transact((tx) =>
      openAuditStore(tx).deadLetters({ state, limit: DEAD_LETTERS_SHOWN_MAX + 1 }),
    );
    const letters = found.slice(0, DEAD_LETTERS_SHOWN_MAX);
    const isCut = found.length > letters.length;
    return show.page(request, reply, deadLettersPage({ letters, state, isCut }));
  });

  server.get('/dead-letters/:id', { schema: { params: Id } }, async (request, reply) => {
    const person = letPast(request, barredFromList);
    const { id } = request.params;
    const letter = isUuid(id)
      ? await audit.transact((tx) => openAuditStore(tx).deadLetter(id))
      : undefined;
    if (letter === undefined) throw new Refused(unknown('no dead letter has this id'));
    const mayRead = barredFromReview(person) === undefined;
    if (mayRead) await keepAccess(person, 'look', 'dead letter', id);
    return show.page(request, reply, deadLetterPage({ letter, mayRead }));
  });

  async function readTrace(id: string): Promise<AuditTrace> {
    const trace = isUuid(id) ? await audit.transact((tx) => auditTrace(tx, id)) : undefined;
    if (trace === undefined) throw new Refused(unknown('no event has this id'));
    return trace;
  }
}

/** The person behind a request to a page that is open to them. @throws Refused when it is not. */
export function letPast(
  request: FastifyRequest,
  barredFrom: (person: Person) => Refusal | undefined,
): Person {
  const person = signedIn(request);
  const barred = barredFrom(person);
  if (barred !== undefined) throw new Refused(barred);
  return person;
}

function unknown(detail: string): Refusal {
  return refuse('not_found', detail);
}

function sendFile(reply: FastifyReply, name: string, value: unknown): FastifyReply {
  return reply
    .type('application/json; charset=utf-8')
    .header('content-disposition', `attachment; filename="${name}"`)
    .send(JSON.stringify(value, undefined, 2));
}

/** Undefined when the queue store fails or is too slow: the rest of the page does not depend on it. */
async function withinReason(states: Promise<QueueStates>): Promise<QueueStates | undefined> {
  const late = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => late.resolve(undefined), QUEUE_STATES_MS_MAX);
  try {
    return await Promise.race([states.catch(() => undefined), late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
