/**
 * Reviews and decisions, for people with a bearer token.
 *
 *     GET  /v1/reviews                 what waits, by risk and then by age; with filters and a cursor
 *     GET  /v1/reviews/:id             one review, with what the person who asks may do
 *     POST /v1/reviews/:id/decisions   approve, reject, override or escalate
 *     POST /v1/reviews/decisions       approve or reject several of one policy, with one justification
 *
 * An act is answered with 201 and the state of its round, its repeat with 200 and the same. It carries the
 * `view_digest` of the review that the person read: when the review says something else by now, the act is refused and
 * nothing is recorded.
 */
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyInstance, FastifyReply, FastifySchemaValidationError } from 'fastify';
import Type, { type Static } from 'typebox';
import {
  type Decide,
  JUSTIFICATION_CHARACTERS_MAX,
  type ShownReview,
} from '../../domain/approval.ts';
import { roles } from '../../domain/authority.ts';
import { acts } from '../../domain/judgement.ts';
import { BULK_REVIEWS_MAX, type DecideInBulk } from '../../domain/bulk.ts';
import { isUuid, type PersonId, policyIdOf, type ReviewId } from '../../domain/ids.ts';
import { isRefusal, type Refusal } from '../../domain/problem.ts';
import { riskLevels } from '../../domain/risk-level.ts';
import type { Database } from '../../stores/database.ts';
import { openReviewStore, type ReviewFilter } from '../../stores/review.ts';
import { createKeepAccess } from '../access.ts';
import { personOf, requirePerson } from '../authentication.ts';
import { describe } from '../openapi.ts';
import { sendProblem } from '../problem.ts';
import { cursorOf, type ListOrder, placeFrom } from '../review-cursor.ts';
import { barredFromList, barredFromReview, readReview, unknownReview } from '../review-desk.ts';
import { answerDocument, bulkDocument, documentOf, summaryOf } from '../review-documents.ts';
import { BulkDocument, DecisionDocument, ReviewDocument, ReviewPage } from '../review-schemas.ts';
import type { AdminRoutes } from '../server.ts';

export interface ReviewRoutesOptions {
  /** Sessions of the identity domain. */
  readonly identity: Database;
  /** Sessions of the decision domain. */
  readonly decision: Database;
  /** The decision command; see actors/decision.ts, whose `createDecide` makes one. */
  readonly decide: Decide;
  /** See actors/bulk.ts. */
  readonly decideInBulk: DecideInBulk;
}

const REVIEWS_DEFAULT = 50;
const REVIEWS_MAX = 200;

const UUID = '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$';
const strict = { additionalProperties: false };

const ListQuery = Type.Object(
  {
    state: Type.Optional(Type.Enum(['open', 'resolved', 'all'])),
    level: Type.Optional(Type.Enum([...riskLevels])),
    policy: Type.Optional(Type.String({ minLength: 1, maxLength: 100 })),
    event: Type.Optional(Type.String({ pattern: UUID })),
    conflict: Type.Optional(Type.Enum(['true', 'false'])),
    limit: Type.Optional(Type.String({ pattern: '^([1-9][0-9]?|1[0-9][0-9]|200)$' })),
    cursor: Type.Optional(Type.String({ maxLength: 300 })),
  },
  strict,
);

const CONTRADICTIONS_MAX = 100;
const ShownReviewBody = Type.Object(
  {
    review_id: Type.String({ pattern: UUID }),
    view_digest: Type.String({ pattern: '^[0-9a-f]{64}$' }),
  },
  strict,
);

const DecisionBody = Type.Object(
  {
    act: Type.Enum([...acts]),
    option: Type.Optional(Type.String({ minLength: 1, maxLength: 100 })),
    role: Type.Optional(Type.Enum([...roles])),
    on_behalf_of: Type.Optional(
      Type.String({ pattern: UUID, description: 'Whose role it is, under a delegation.' }),
    ),
    justification: Type.Optional(Type.String({ maxLength: JUSTIFICATION_CHARACTERS_MAX })),
    view_digest: Type.String({ pattern: '^[0-9a-f]{64}$' }),
    together: Type.Optional(
      Type.Array(ShownReviewBody, {
        maxItems: CONTRADICTIONS_MAX,
        description: 'The open reviews that contradict this one, as they were shown.',
      }),
    ),
  },
  strict,
);

const BulkBody = Type.Object(
  {
    act: Type.Enum(['approve', 'reject']),
    option: Type.Optional(Type.String({ minLength: 1, maxLength: 100 })),
    role: Type.Optional(Type.Enum([...roles])),
    on_behalf_of: Type.Optional(Type.String({ pattern: UUID })),
    justification: Type.String({ minLength: 1, maxLength: JUSTIFICATION_CHARACTERS_MAX }),
    reviews: Type.Array(ShownReviewBody, { minItems: 1, maxItems: BULK_REVIEWS_MAX }),
  },
  strict,
);

const ReviewParams = Type.Object({ id: Type.String() });

const ofReviews = { tag: 'Reviews', caller: 'person' } as const;
const operations = {
  list: {
    ...ofReviews,
    operationId: 'listReviews',
    summary: 'What waits for people, by risk and then by age; decided ones the newest first.',
  },
  show: {
    ...ofReviews,
    operationId: 'showReview',
    summary: 'One review, with what the person who asks may do.',
  },
  decide: {
    ...ofReviews,
    operationId: 'decide',
    summary: 'Approve, reject, override or escalate. A repeat is answered with 200 and the same.',
  },
  decideInBulk: {
    ...ofReviews,
    operationId: 'decideInBulk',
    summary: 'Approve or reject several reviews of one policy below HIGH, with one justification.',
  },
} as const;

export function reviewRoutes(options: ReviewRoutesOptions): AdminRoutes {
  const { identity, decision, decide, decideInBulk } = options;
  return (scope: FastifyInstance) => {
    requirePerson(scope, identity);
    const keepAccess = createKeepAccess(identity, 'api');
    scope.setSchemaErrorFormatter(explain);
    const server = scope.withTypeProvider<TypeBoxTypeProvider>();

    server.get(
      '/v1/reviews',
      {
        schema: describe(operations.list, {
          querystring: ListQuery,
          response: { 200: ReviewPage },
        }),
      },
      async (request, reply) => {
        const barred = barredFromList(personOf(request));
        if (barred !== undefined) return sendProblem(reply, barred);
        const { filter, order, limit } = readQuery(request.query);
        const { cursor } = request.query;
        const after = cursor === undefined ? undefined : placeFrom(cursor, order);
        if (after !== undefined && isRefusal(after)) return sendProblem(reply, after);
        // One more than asked for tells whether there is a next page.
        const found = await decision.transact((tx) =>
          openReviewStore(tx).list(filter, limit + 1, after),
        );
        const page = found.slice(0, limit);
        const last = found.length > limit ? page.at(-1) : undefined;
        return {
          reviews: page.map(summaryOf),
          next_cursor: last === undefined ? null : cursorOf(last, order),
        };
      },
    );

    server.get(
      '/v1/reviews/:id',
      {
        schema: describe(operations.show, {
          params: ReviewParams,
          response: { 200: ReviewDocument },
        }),
      },
      async (request, reply) => {
        const person = personOf(request);
        const barred = barredFromReview(person);
        if (barred !== undefined) return sendProblem(reply, barred);
        const { id } = request.params;
        const parts = await decision.transact((tx) => readReview(tx, id, person));
        if (parts === undefined) return sendProblem(reply, unknownReview());
        await keepAccess(person, 'look', 'review', id);
        return documentOf(parts);
      },
    );

    server.post(
      '/v1/reviews/:id/decisions',
      {
        schema: describe(operations.decide, {
          params: ReviewParams,
          body: DecisionBody,
          response: { 200: DecisionDocument, 201: DecisionDocument },
        }),
      },
      async (request, reply) => {
        const { id } = request.params;
        if (!isUuid(id)) return sendProblem(reply, unknownReview());
        const { act, option, role, justification = '', view_digest: viewDigest } = request.body;
        const { on_behalf_of: onBehalfOf, together = [] } = request.body;
        const answer = await decide({
          personId: personOf(request).personId,
          reviewId: id as ReviewId,
          act,
          option,
          role,
          onBehalfOf: onBehalfOf as PersonId | undefined,
          justification,
          viewDigest,
          together: together.map(shownReview),
        });
        if (isRefusal(answer)) return sendRefusal(reply, answer);
        return reply.status(answer.isRepeat ? 200 : 201).send(answerDocument(answer));
      },
    );

    server.post(
      '/v1/reviews/decisions',
      {
        schema: describe(operations.decideInBulk, {
          body: BulkBody,
          response: { 200: BulkDocument },
        }),
      },
      async (request, reply) => {
        const { act, option, role, on_behalf_of: onBehalfOf, justification } = request.body;
        const answer = await decideInBulk({
          personId: personOf(request).personId,
          act,
          option,
          role,
          onBehalfOf: onBehalfOf as PersonId | undefined,
          justification,
          reviews: request.body.reviews.map(shownReview),
        });
        if (isRefusal(answer)) return sendProblem(reply, answer);
        return bulkDocument(answer);
      },
    );
  };
}

function shownReview(body: Static<typeof ShownReviewBody>): ShownReview {
  return { reviewId: body.review_id as ReviewId, viewDigest: body.view_digest };
}

function readQuery(query: Static<typeof ListQuery>): {
  readonly filter: ReviewFilter;
  readonly order: ListOrder;
  readonly limit: number;
} {
  const { state = 'open', level, policy, event, conflict, limit } = query;
  return {
    filter: {
      state,
      level,
      policyId: policy === undefined ? undefined : policyIdOf(policy),
      eventId: event,
      conflict: conflict === undefined ? undefined : conflict === 'true',
    },
    order: state === 'open' ? 'urgency' : 'newest',
    limit: limit === undefined ? REVIEWS_DEFAULT : Number(limit),
  };
}

function sendRefusal(reply: FastifyReply, refusal: Refusal): FastifyReply {
  if (refusal.reason !== 'outcome_unknown') return sendProblem(reply, refusal);
  // Any answer could be wrong. A connection that breaks says just that: send it again.
  reply.hijack();
  reply.request.raw.socket.destroy();
  return reply;
}

/** What is wrong with a query or body, with what would be right. */
function explain(errors: FastifySchemaValidationError[], where: string): Error {
  const [{ instancePath, keyword, message, params } = NO_ERROR] = errors;
  const place = `${where}${instancePath.replaceAll('/', '.')}`;
  const { allowedValues, additionalProperty } = params as {
    readonly allowedValues?: readonly string[];
    readonly additionalProperty?: string;
  };
  if (keyword === 'enum') return new Error(`${place} is none of ${allowedValues?.join(', ')}`);
  if (keyword === 'additionalProperties') {
    return new Error(`${place} has no member ${additionalProperty}`);
  }
  if (place === 'querystring.limit')
    return new Error(`limit is not a number from 1 to ${REVIEWS_MAX}`);
  return new Error(`${place} ${message}`);
}

const NO_ERROR = { instancePath: '', keyword: '', message: 'is not valid', params: {} };
