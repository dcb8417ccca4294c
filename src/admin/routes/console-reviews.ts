/**
 * Reviews in the console.
 *
 *     GET  /console/reviews/:id              one review, with the place to decide
 *     POST /console/reviews/:id/decisions    303 back to the review, or the review again with why not
 */
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import Type, { type Static } from 'typebox';
import {
  type Decide,
  type DecisionRequest,
  JUSTIFICATION_CHARACTERS_MAX,
} from '../../domain/approval.ts';
import { roles } from '../../domain/authority.ts';
import { acts } from '../../domain/judgement.ts';
import { isUuid, type PersonId, type ReviewId } from '../../domain/ids.ts';
import { isRefusal, problems, type Refusal, refuse } from '../../domain/problem.ts';
import { refuseStaleProof } from '../../domain/step-up.ts';
import type { Database } from '../../stores/database.ts';
import { openReviewStore } from '../../stores/review.ts';
import type { KeepAccess } from '../access.ts';
import type { RefusedAct } from '../console/pages/review-decision.ts';
import { reviewPage } from '../console/pages/review.ts';
import type { Show } from '../console/show.ts';
import {
  barredFromReview,
  justificationIn,
  readReview,
  SHOWN_REVIEW,
  shownReviews,
  unknownReview,
} from '../review-desk.ts';
import { currentSession, renewSession } from '../session.ts';
import type { Door } from '../sign-in.ts';
import { signedIn } from './console-sign-in.ts';

export interface ReviewRoutesOptions {
  /** Sessions of the decision domain. */
  readonly decision: Database;
  readonly decide: Decide;
  readonly show: Show;
  readonly door: Door;
  readonly keepAccess: KeepAccess;
  readonly isOnLoopback: boolean;
  /** Whether people may sign in through an OpenID provider. */
  readonly hasProvider: boolean;
}

const CAPACITY = /^(?<role>[A-Za-z ]+?)(?: (?<delegator>[0-9a-f-]{36}))?$/;

const Params = Type.Object({ id: Type.String() });
const DecisionForm = Type.Object({
  form_token: Type.String(),
  view_digest: Type.String({ pattern: '^[0-9a-f]{64}$' }),
  shown_at: Type.String({ maxLength: 40 }),
  /** Empty when no button was pressed. */
  act: Type.Enum(['', ...acts]),
  option: Type.Optional(Type.String({ maxLength: 100 })),
  /** Behind a space the id of the person whose role it is, under a delegation. */
  role: Type.Optional(Type.String({ maxLength: 100 })),
  justification: Type.String({ maxLength: 2 * JUSTIFICATION_CHARACTERS_MAX }),
  /** Each an id and the digest of what was shown. One alone is sent as a text. */
  together: Type.Optional(
    Type.Union([
      Type.String({ pattern: SHOWN_REVIEW }),
      Type.Array(Type.String({ pattern: SHOWN_REVIEW }), { maxItems: 100 }),
    ]),
  ),
  /** Password or token, where the sign-in is too old for the level. */
  proof: Type.Optional(Type.String({ maxLength: 800 })),
});

export function addReviewRoutes(
  scope: FastifyInstance,
  { decision, decide, show, door, keepAccess, isOnLoopback, hasProvider }: ReviewRoutesOptions,
): void {
  const server = scope.withTypeProvider<TypeBoxTypeProvider>();

  server.get('/reviews/:id', { schema: { params: Params } }, (request, reply) =>
    showReview(request, reply, request.params.id),
  );

  server.post(
    '/reviews/:id/decisions',
    { schema: { params: Params, body: DecisionForm } },
    async (request, reply) => {
      const { id } = request.params;
      if (!isUuid(id)) return show.problem(request, reply, unknownReview());
      const asked = requestOf(signedIn(request).personId, id as ReviewId, request.body);
      const barred = isRefusal(asked) ? asked : await stepUp(request, reply, asked.reviewId);
      const answer = barred ?? (await decide(asked as DecisionRequest));
      if (!isRefusal(answer)) return reply.redirect(`/console/reviews/${id}#decision`, 303);
      const { option, role, justification, shown_at: shownAt } = request.body;
      return showReview(request, reply, id, {
        refusal: answer,
        option,
        role,
        justification,
        shownAt,
      });
    },
  );

  /** On a level that asks for it, has whoever signed in too long ago prove once more who they are. */
  async function stepUp(
    request: FastifyRequest<{ Body: Static<typeof DecisionForm> }>,
    reply: FastifyReply,
    reviewId: ReviewId,
  ): Promise<Refusal | undefined> {
    const person = signedIn(request);
    const parts = await decision.transact((tx) => readReview(tx, reviewId, person));
    if (parts === undefined) return unknownReview();
    const { id, authenticatedAt } = currentSession(request);
    const { standing, now } = parts.found;
    const stale = refuseStaleProof(standing.riskLevel, authenticatedAt!, now);
    const { proof = '' } = request.body;
    if (stale === undefined || proof === '') return stale;
    const renewed = await door.again(id, person, proof);
    if (typeof renewed !== 'string') return renewed;
    renewSession(request, reply, renewed, isOnLoopback);
    return undefined;
  }

  async function showReview(
    request: FastifyRequest,
    reply: FastifyReply,
    id: string,
    refused?: RefusedAct,
  ): Promise<FastifyReply> {
    const person = signedIn(request);
    const barred = barredFromReview(person);
    if (barred !== undefined) return show.problem(request, reply, barred);
    const read = await decision.transact(async (tx) => {
      const parts = await readReview(tx, id, person);
      return parts && { parts, acts: await openReviewStore(tx).actsOf(parts.file.reviewId) };
    });
    if (read === undefined) return show.problem(request, reply, unknownReview());
    await keepAccess(person, 'look', 'review', id);
    const { riskLevel } = read.parts.found.standing;
    const { authenticatedAt } = currentSession(request);
    const stale = refuseStaleProof(riskLevel, authenticatedAt!, read.parts.found.now);
    const page = reviewPage({
      ...read,
      refused,
      formToken: reply.generateCsrf(),
      proof: { isStale: stale !== undefined, hasProvider },
    });
    const status = refused === undefined ? 200 : problems[refused.refusal.reason].status;
    return show.page(request, reply, page, status);
  }
}

/** Refusals: `act_required`, `bad_string`. */
function requestOf(
  personId: PersonId,
  reviewId: ReviewId,
  fields: Static<typeof DecisionForm>,
): DecisionRequest | Refusal {
  const { act, option, view_digest: viewDigest } = fields;
  const { role, delegator } = CAPACITY.exec(fields.role ?? '')?.groups ?? {};
  if (act === '') return refuse('act_required', 'the form was sent by Enter');
  const justification = justificationIn(fields.justification);
  if (typeof justification !== 'string') return justification;
  return {
    personId,
    reviewId,
    act,
    option,
    role: roles.find((known) => known === role),
    onBehalfOf: delegator as PersonId | undefined,
    justification,
    viewDigest,
    together: shownReviews(fields.together),
  };
}
