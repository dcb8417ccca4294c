/**
 * The console's pages on how things go. Everything is read, nothing changed.
 *
 *     GET /console/executions               what became of decisions; ?state=
 *     GET /console/health                   what it depends on, what lags behind, whether people are told
 *     GET /console/policies/:name/changes   two versions beside each other; ?from=&to=
 *     GET /console/accesses                 who looked at what; for Auditors
 */
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyInstance } from 'fastify';
import Type from 'typebox';
import type { GapSummary } from '../../domain/gap.ts';
import { isUuid } from '../../domain/ids.ts';
import { type Refusal, refuse } from '../../domain/problem.ts';
import { parseTimestamp } from '../../domain/time.ts';
import { accessesOf, type RecordedAccess } from '../../stores/access.ts';
import { listExecutions } from '../../stores/audit-executions.ts';
import { notificationStanding } from '../../stores/audit-notifications.ts';
import { versionsOf } from '../../stores/audit-policies.ts';
import type { Database } from '../../stores/database.ts';
import type { Person } from '../../stores/identity.ts';
import { openInboxStore } from '../../stores/inbox.ts';
import type { KeepAccess } from '../access.ts';
import { accessesPage } from '../console/pages/accesses.ts';
import { executionsPage } from '../console/pages/executions.ts';
import { healthPage } from '../console/pages/health.ts';
import { policyChangesPage } from '../console/pages/policy-changes.ts';
import type { Show } from '../console/show.ts';
import { Refused } from '../problem.ts';
import { barredFromList, barredFromReview } from '../review-desk.ts';
import { letPast } from './console-records.ts';
import type { Readiness } from './health.ts';

export interface OversightRoutesOptions {
  /** Sessions of these domains. */
  readonly audit: Database;
  readonly decision: Database;
  readonly readiness: () => Promise<Readiness>;
  /** Of the latest look; none when nobody has looked yet. */
  readonly gaps: () => readonly GapSummary[];
  readonly keepAccess: KeepAccess;
  readonly show: Show;
}

const EXECUTIONS_SHOWN_MAX = 100;
const ACCESSES_ON_A_PAGE = 100;

const VERSION = Type.Optional(Type.String({ pattern: '^[1-9][0-9]{0,8}$' }));
const PolicyName = Type.Object({ name: Type.String() });
const Versions = Type.Object({ from: VERSION, to: VERSION });
const ExecutionsQuery = Type.Object({ state: Type.Optional(Type.Enum(['open', 'failed', 'all'])) });
const AccessesQuery = Type.Object({
  person: Type.Optional(Type.String({ maxLength: 100 })),
  act: Type.Optional(Type.Enum(['', 'look', 'export'])),
  /** Where the page before ended: an instant and an id. */
  before: Type.Optional(Type.String({ maxLength: 100 })),
});

export function addOversightRoutes(scope: FastifyInstance, options: OversightRoutesOptions): void {
  const { audit, decision, readiness, gaps, keepAccess, show } = options;
  const server = scope.withTypeProvider<TypeBoxTypeProvider>();

  server.get(
    '/executions',
    { schema: { querystring: ExecutionsQuery } },
    async (request, reply) => {
      const person = letPast(request, barredFromList);
      const { state = 'all' } = request.query;
      const found = await audit.transact((tx) =>
        listExecutions(tx, state, EXECUTIONS_SHOWN_MAX + 1),
      );
      const mayRead = barredFromReview(person) === undefined;
      const executions = found
        .slice(0, EXECUTIONS_SHOWN_MAX)
        .map((one) => (mayRead ? one : { ...one, eventSubject: null }));
      const isCut = found.length > executions.length;
      return show.page(request, reply, executionsPage({ executions, state, isCut }));
    },
  );

  server.get('/health', async (request, reply) => {
    letPast(request, barredFromList);
    const checks = await readiness();
    const { now } = await decision.transact((tx) => openInboxStore(tx).standing());
    const routes = await audit.transact(notificationStanding);
    return show.page(request, reply, healthPage({ checks, gaps: gaps(), routes, now }));
  });

  server.get(
    '/policies/:name/changes',
    { schema: { params: PolicyName, querystring: Versions } },
    async (request, reply) => {
      letPast(request, barredFromList);
      const versions = await audit.transact((tx) => versionsOf(tx, request.params.name));
      const { from, to } = request.query;
      const newer = versions.find(({ version }) => to === undefined || version === Number(to));
      const older =
        from === undefined
          ? (versions.find(({ version }) => version < (newer?.version ?? 0)) ?? newer)
          : versions.find(({ version }) => version === Number(from));
      if (newer === undefined || older === undefined) {
        throw new Refused(refuse('not_found', 'no such version of a policy'));
      }
      return show.page(request, reply, policyChangesPage({ from: older, to: newer, versions }));
    },
  );

  server.get('/accesses', { schema: { querystring: AccessesQuery } }, async (request, reply) => {
    const reader = letPast(request, barredFromAccesses);
    const person = said(request.query.person);
    const act = request.query.act === '' ? undefined : request.query.act;
    const before = placeIn(request.query.before);
    await keepAccess(reader, 'look', 'access record', person ?? 'all');
    const found = await audit.transact((tx) =>
      accessesOf(tx, { person, act, before }, ACCESSES_ON_A_PAGE + 1),
    );
    const accesses = found.slice(0, ACCESSES_ON_A_PAGE);
    const last = found.length > accesses.length ? accesses.at(-1) : undefined;
    const next = last === undefined ? undefined : addressOf(person, act, last);
    return show.page(request, reply, accessesPage({ accesses, person, act, next }));
  });
}

function barredFromAccesses({ roles }: Person): Refusal | undefined {
  if (roles.includes('Auditor')) return undefined;
  return refuse('not_authorised', 'who looked at what is for Auditors');
}

/** A form sends a field that says nothing as an empty one. */
function said(value: string | undefined): string | undefined {
  return value === '' ? undefined : value;
}

function placeIn(text: string | undefined) {
  const [accessedAt = '', accessId = ''] = text?.split('~') ?? [];
  return parseTimestamp(accessedAt) !== undefined && isUuid(accessId)
    ? { accessedAt, accessId }
    : undefined;
}

function addressOf(
  person: string | undefined,
  act: string | undefined,
  { accessedAt, accessId }: RecordedAccess,
): string {
  const search = new URLSearchParams({
    ...(person === undefined ? {} : { person }),
    ...(act === undefined ? {} : { act }),
    before: `${accessedAt}~${accessId}`,
  });
  return `/console/accesses?${search.toString()}`;
}
