/** Problem documents (RFC 9457) as answers: the one form in which this server says no. */
import type { FastifyReply } from 'fastify';
import { problemOf, type Refusal } from '../domain/problem.ts';

const RETRY_AFTER_S = 5;

/** Thrown where a value cannot be returned: in parsers and hooks. The server's error handler sends its refusal. */
export class Refused extends Error {
  override readonly name = 'Refused';
  readonly refusal: Refusal;
  constructor(refusal: Refusal) {
    super(refusal.detail);
    this.refusal = refusal;
  }
}

export function sendProblem(
  reply: FastifyReply,
  refusal: Refusal,
  members: Readonly<Record<string, unknown>> = {},
): FastifyReply {
  const problem = problemOf(refusal.reason, refusal.detail, {
    ...refusal.members,
    ...members,
    request_id: reply.request.id,
  });
  if (problem.status === 401) reply.header('www-authenticate', challengeOf(refusal));
  if (problem.status === 503) reply.header('retry-after', RETRY_AFTER_S);
  return reply.status(problem.status).type('application/problem+json').send(problem);
}

/** RFC 9110 wants a challenge with every 401; sources prove themselves by signatures, people by tokens. */
function challengeOf({ reason }: Refusal): string {
  return reason.startsWith('signature_') ? 'Signature' : 'Bearer';
}
