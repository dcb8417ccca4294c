/**
 * The console: pages for people, below /console, over the same stores and commands as the API. Every page works without
 * a script; a session takes the place of the token (session.ts).
 */
import formbody from '@fastify/formbody';
import type { FastifyError, FastifyInstance } from 'fastify';
import type { Decide } from '../../domain/approval.ts';
import type { DecideInBulk } from '../../domain/bulk.ts';
import type { DelegationCommands } from '../../domain/delegation.ts';
import type { GapSummary } from '../../domain/gap.ts';
import type { Log } from '../../domain/log.ts';
import { refuse } from '../../domain/problem.ts';
import type { Database } from '../../stores/database.ts';
import { readAssets } from '../console/assets.ts';
import type { QueueStates } from '../console/pages/dashboard.ts';
import { createShow } from '../console/show.ts';
import type { OidcProvider } from '../oidc.ts';
import { refusalOf } from '../problem.ts';
import type { AdminRoutes } from '../server.ts';
import { createKeepAccess } from '../access.ts';
import { keepSessions } from '../session.ts';
import { createDoor } from '../sign-in.ts';
import { addBulkRoutes } from './console-bulk.ts';
import { addDelegationRoutes } from './console-delegations.ts';
import { addInboxRoutes } from './console-inbox.ts';
import { addOversightRoutes } from './console-oversight.ts';
import { addRecordRoutes } from './console-records.ts';
import { addReviewRoutes } from './console-reviews.ts';
import { addDoorRoutes, requireSignIn } from './console-sign-in.ts';
import type { Readiness } from './health.ts';

export interface ConsoleOptions {
  /** Sessions of these domains. */
  readonly identity: Database;
  readonly decision: Database;
  readonly audit: Database;
  /** The decision command: the same value as the API's. */
  readonly decide: Decide;
  readonly decideInBulk: DecideInBulk;
  readonly delegations: DelegationCommands;
  readonly queueStates: () => Promise<QueueStates>;
  readonly readiness: () => Promise<Readiness>;
  /** Of the latest look for gaps. */
  readonly gaps: () => readonly GapSummary[];
  /** Whether the server listens on loopback only. */
  readonly isOnLoopback: boolean;
  /** Undefined: people sign in with a password or a token only. */
  readonly provider?: OidcProvider | undefined;
  readonly log: Log;
  /** As for the server. */
  readonly isTransient: (error: unknown) => boolean;
}

/** Forms carry a justification and little else. */
const FORM_BYTES_MAX = 65_536;

export function consoleRoutes(options: ConsoleOptions): AdminRoutes {
  const { identity, decision, audit, decide, decideInBulk, delegations } = options;
  const { queueStates, readiness, gaps, isOnLoopback, provider, log } = options;
  return async (server) => {
    const assets = await readAssets();
    assets.addRoutes(server);
    const show = createShow(assets.paths, decision);
    const keepAccess = createKeepAccess(identity, 'console');

    const addPages = async (scope: FastifyInstance): Promise<void> => {
      scope.removeAllContentTypeParsers();
      await scope.register(formbody, { bodyLimit: FORM_BYTES_MAX });
      await keepSessions(scope, { identity, isOnLoopback });
      scope.setErrorHandler((error: FastifyError, request, reply) => {
        const refusal = error.code?.startsWith('FST_CSRF_')
          ? refuse('form_expired', 'it was made for another sign-in')
          : refusalOf(error, options.isTransient);
        if (refusal.reason === 'internal') {
          log.error({ requestId: request.id, error }, 'a page failed');
        }
        return show.problem(request, reply, refusal);
      });
      scope.setNotFoundHandler((request, reply) =>
        show.problem(request, reply, refuse('not_found', 'no page has this address')),
      );
      const door = createDoor(identity);
      addDoorRoutes(scope, { door, show, isOnLoopback, provider });
      await scope.register((inside, _options, done) => {
        requireSignIn(inside, show);
        addInboxRoutes(inside, { decision, identity, show });
        addReviewRoutes(inside, {
          decision,
          decide,
          show,
          door,
          keepAccess,
          isOnLoopback,
          hasProvider: provider !== undefined,
        });
        addBulkRoutes(inside, { decision, decideInBulk, show });
        addDelegationRoutes(inside, { delegations, show });
        addRecordRoutes(inside, { audit, decision, queueStates, keepAccess, show });
        addOversightRoutes(inside, { audit, decision, readiness, gaps, keepAccess, show });
        done();
      });
    };
    await server.register(addPages, { prefix: '/console' });
  };
}
