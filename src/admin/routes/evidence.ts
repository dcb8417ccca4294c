/**
 * Bundles of evidence, for people with a bearer token who decide or audit.
 *
 *     GET /v1/events/:id/evidence     all that is recorded about an event, as one archive
 *
 * Whoever is given one verifies it with `evidence verify`, or by its README with openssl alone.
 */
import type { FastifyReply } from 'fastify';
import Type from 'typebox';
import { isUuid } from '../../domain/ids.ts';
import { isRefusal, type Refusal, refuse } from '../../domain/problem.ts';
import type { Database } from '../../stores/database.ts';
import { exportEvidence } from '../../stores/evidence.ts';
import { createKeepAccess } from '../access.ts';
import { personOf, requirePerson } from '../authentication.ts';
import { describe } from '../openapi.ts';
import { sendProblem } from '../problem.ts';
import { barredFromReview } from '../review-desk.ts';
import type { AdminRoutes } from '../server.ts';

export interface EvidenceRoutesOptions {
  /** Sessions of the identity domain. */
  readonly identity: Database;
  /** Sessions of the audit role. */
  readonly audit: Database;
}

export function evidenceRoutes({ identity, audit }: EvidenceRoutesOptions): AdminRoutes {
  return (server) => {
    requirePerson(server, identity);
    const keepAccess = createKeepAccess(identity, 'api');
    server.get<{ Params: { id: string } }>(
      '/v1/events/:id/evidence',
      { schema: describe(operation, { params: EventId, response: { 200: Bundle } }) },
      async (request, reply) => {
        const person = personOf(request);
        const barred = barredFromReview(person);
        if (barred !== undefined) return sendProblem(reply, barred);
        const { id } = request.params;
        const bundle = await bundleOf(audit, id);
        if (isRefusal(bundle)) return sendProblem(reply, bundle);
        await keepAccess(person, 'export', 'evidence', id);
        return sendBundle(reply, id, bundle);
      },
    );
  };
}

const TAR = 'application/x-tar';
const EventId = Type.Object({ id: Type.String() });
const Bundle = Type.String({ format: 'binary', description: 'An archive that anybody verifies.' });
const operation = {
  operationId: 'exportEvidence',
  tag: 'Events',
  summary: 'All that is recorded about an event, with proofs and keys.',
  caller: 'person',
  produces: TAR,
} as const;

/** Refusals: as `exportEvidence`. */
export async function bundleOf(audit: Database, eventId: string): Promise<Buffer | Refusal> {
  return isUuid(eventId)
    ? exportEvidence(audit, eventId)
    : refuse('not_found', 'no event has this id');
}

export function sendBundle(reply: FastifyReply, eventId: string, bundle: Buffer): FastifyReply {
  return reply
    .type(TAR)
    .header('content-disposition', `attachment; filename="evidence-${eventId}.tar"`)
    .send(bundle);
}
