/** Problem documents (RFC 9457) as answers: the form in which the API says no. The console makes pages of the same. */
import type { FastifyError, FastifyReply } from 'fastify';
import { JSON_BYTES_MAX } from '../domain/json-text.ts';
import { problemOf, type Refusal, refuse } from '../domain/problem.ts';

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

/** What an error means to a client. Framework errors by their codes; what is not the client's doing says nothing. */
export function refusalOf(error: FastifyError, isTransient: (error: unknown) => boolean): Refusal {
  if (error instanceof Refused) return error.refusal;
  if (error.code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    return refuse('too_large', `the body is longer than ${JSON_BYTES_MAX} bytes`);
  }
  if (error.code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') {
    return refuse('unsupported_media_type', 'the content type is missing or not supported here');
  }
  if (error.statusCode === 429) return refuse('rate_limited', error.message);
  if (isTransient(error)) return refuse('unavailable', 'a store does not answer');
  const isClients = error.statusCode !== undefined && error.statusCode < 500;
  return isClients
    ? refuse('bad_request', error.message)
    : refuse('internal', 'the request failed');
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
