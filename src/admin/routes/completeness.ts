/**
 * The completeness statement, for people with a bearer token who decide or audit.
 *
 *     GET /v1/completeness?source=S&day=YYYY-MM-DD     whether all that S sent on that day has gone the whole way
 *
 * A day that is not complete is answered with 200 and says so: the statement is what was asked for.
 */
import type { FastifyReply } from 'fastify';
import Type from 'typebox';
import { isDay, stateCompleteness } from '../../domain/completeness.ts';
import { refuse } from '../../domain/problem.ts';
import { dayOf } from '../../stores/completeness.ts';
import type { Database } from '../../stores/database.ts';
import { personOf, requirePerson } from '../authentication.ts';
import { describe } from '../openapi.ts';
import { sendProblem } from '../problem.ts';
import { barredFromReview } from '../review-desk.ts';
import type { AdminRoutes } from '../server.ts';

export interface CompletenessRoutesOptions {
  /** Sessions of the identity domain. */
  readonly identity: Database;
  /** Sessions of the audit role. */
  readonly audit: Database;
}

interface Query {
  readonly source?: unknown;
  readonly day?: unknown;
}

const SourceAndDay = Type.Object({
  source: Type.Optional(Type.Unknown({ description: 'The name of a registered source.' })),
  day: Type.Optional(Type.Unknown({ description: 'YYYY-MM-DD, UTC.' })),
});
const operation = {
  operationId: 'stateCompleteness',
  tag: 'Ledger',
  summary: 'Whether all that a source sent on a day has gone the whole way, and what has not.',
  caller: 'person',
} as const;

export function completenessRoutes({ identity, audit }: CompletenessRoutesOptions): AdminRoutes {
  return (server) => {
    requirePerson(server, identity);
    server.get<{ Querystring: Query }>(
      '/v1/completeness',
      { schema: describe(operation, { querystring: SourceAndDay }) },
      async (request, reply) => {
        const barred = barredFromReview(personOf(request));
        return barred === undefined ? answer(request.query, reply) : sendProblem(reply, barred);
      },
    );
  };

  async function answer({ source, day }: Query, reply: FastifyReply): Promise<FastifyReply> {
    if (typeof source !== 'string' || typeof day !== 'string' || !isDay(day)) {
      return sendProblem(reply, refuse('bad_request', 'give source=NAME and day=YYYY-MM-DD'));
    }
    const record = await audit.transact((tx) => dayOf(tx, source, day));
    return record === undefined
      ? sendProblem(reply, refuse('not_found', 'no source has this name'))
      : reply.send(stateCompleteness(record));
  }
}
