/**
 * Resolving reviews of one policy together, in the console.
 *
 *     GET  /console/together?policy=NAME    the open reviews of a policy that may be resolved together
 *     POST /console/together                what became of each
 */
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import Type, { type Static } from 'typebox';
import { JUSTIFICATION_CHARACTERS_MAX } from '../../domain/approval.ts';
import { roles } from '../../domain/authority.ts';
import { BULK_REVIEWS_MAX, type BulkRequest, type DecideInBulk } from '../../domain/bulk.ts';
import { type PersonId, policyIdOf } from '../../domain/ids.ts';
import { isRefusal, problems, type Refusal, refuse } from '../../domain/problem.ts';
import type { Database } from '../../stores/database.ts';
import { openDecisionStore } from '../../stores/decision.ts';
import { openReviewStore } from '../../stores/review.ts';
import { bulkPage, bulkResultPage } from '../console/pages/bulk.ts';
import type { Show } from '../console/show.ts';
import { barredFromReview, justificationIn, SHOWN_REVIEW, shownReviews } from '../review-desk.ts';
import { signedIn } from './console-sign-in.ts';

export interface BulkRoutesOptions {
  /** Sessions of the decision domain. */
  readonly decision: Database;
  readonly decideInBulk: DecideInBulk;
  readonly show: Show;
}

const Query = Type.Object({ policy: Type.String({ maxLength: 100 }) });
const BulkForm = Type.Object({
  form_token: Type.String(),
  policy: Type.String({ maxLength: 100 }),
  /** Each an id and the digest of what was shown. One alone is sent as a text. */
  review: Type.Optional(
    Type.Union([
      Type.String({ pattern: SHOWN_REVIEW }),
      Type.Array(Type.String({ pattern: SHOWN_REVIEW }), { maxItems: BULK_REVIEWS_MAX }),
    ]),
  ),
  act: Type.Enum(['', 'approve', 'reject']),
  option: Type.Optional(Type.String({ maxLength: 100 })),
  role: Type.Optional(Type.Enum(['', ...roles])),
  justification: Type.String({ maxLength: 2 * JUSTIFICATION_CHARACTERS_MAX }),
});

export function addBulkRoutes(
  scope: FastifyInstance,
  { decision, decideInBulk, show }: BulkRoutesOptions,
): void {
  const server = scope.withTypeProvider<TypeBoxTypeProvider>();

  server.get('/together', { schema: { querystring: Query } }, (request, reply) =>
    showReviews(request, reply, request.query.policy),
  );

  server.post('/together', { schema: { body: BulkForm } }, async (request, reply) => {
    const asked = requestOf(signedIn(request).personId, request.body);
    const answer = isRefusal(asked) ? asked : await decideInBulk(asked);
    if (isRefusal(answer)) return showReviews(request, reply, request.body.policy, answer);
    return show.page(request, reply, bulkResultPage(answer, request.body.policy));
  });

  async function showReviews(
    request: FastifyRequest,
    reply: FastifyReply,
    policy: string,
    refusal?: Refusal,
  ): Promise<FastifyReply> {
    const person = signedIn(request);
    const barred = barredFromReview(person);
    if (barred !== undefined) return show.problem(request, reply, barred);
    const read = await decision.transact(async (tx) => {
      const filter = { state: 'open', policyId: policyIdOf(policy), conflict: false } as const;
      const store = openReviewStore(tx);
      const low = await store.list({ ...filter, level: 'LOW' }, BULK_REVIEWS_MAX);
      const medium = await store.list({ ...filter, level: 'MEDIUM' }, BULK_REVIEWS_MAX);
      const listed = [...medium, ...low].slice(0, BULK_REVIEWS_MAX);
      const ids = listed.map(({ reviewId }) => reviewId);
      return { listed, cases: await openDecisionStore(tx).openCases(ids) };
    });
    const page = bulkPage({ ...read, policy, person, refusal, formToken: reply.generateCsrf() });
    const status = refusal === undefined ? 200 : problems[refusal.reason].status;
    return show.page(request, reply, page, status);
  }
}

function requestOf(personId: PersonId, form: Static<typeof BulkForm>): BulkRequest | Refusal {
  const { act, option, role, review } = form;
  if (act === '') return refuse('act_required', 'the form was sent by Enter');
  const justification = justificationIn(form.justification);
  if (typeof justification !== 'string') return justification;
  return {
    personId,
    act,
    option: option === '' ? undefined : option,
    role: roles.find((known) => known === role),
    justification,
    reviews: shownReviews(review),
  };
}
