/**
 * Dead letters, for people with a bearer token.
 *
 *     GET  /v1/dead-letters               newest first; with filters and a cursor
 *     GET  /v1/dead-letters/:id           one, with its history; with its bytes for those who may read reviews
 *     POST /v1/dead-letters/:id/retry     sends it again as it is; Operators only
 *     POST /v1/dead-letters/:id/discard   closes it for good, with a reason; Operators only
 *
 * Both acts may be repeated. A letter that is refused once more opens again by itself.
 */
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyInstance, FastifyReply } from 'fastify';
import Type, { type Static } from 'typebox';
import { DISCARD_REASON_CHARACTERS_MAX } from '../../domain/dead-letter.ts';
import { type DeadLetterId, isUuid, type PersonId } from '../../domain/ids.ts';
import { isProblemCode, isRefusal, problems, type Refusal, refuse } from '../../domain/problem.ts';
import { type DeadLetterFull, type DeadLetterSummary, openAuditStore } from '../../stores/audit.ts';
import type { Database } from '../../stores/database.ts';
import type { Person } from '../../stores/identity.ts';
import { createKeepAccess } from '../access.ts';
import { personOf, requirePerson } from '../authentication.ts';
import {
  Discarded,
  LetterDocument,
  LetterPage,
  type LetterSummary,
  Redriven,
} from '../dead-letter-schemas.ts';
import { letterCursorOf, letterPlaceFrom } from '../letter-cursor.ts';
import { describe } from '../openapi.ts';
import { Refused, sendProblem } from '../problem.ts';
import { barredFromList, barredFromReview } from '../review-desk.ts';
import type { AdminRoutes } from '../server.ts';

/** See actors/dead-letters.ts, whose `createDeadLetterCommands` makes them. */
export interface DeadLetterActs {
  retry(
    deadLetterId: DeadLetterId,
    by: PersonId,
  ): Promise<{ readonly queue: string; readonly redrivenAt: string } | Refusal>;
  discard(
    deadLetterId: DeadLetterId,
    reason: string,
    by: PersonId,
  ): Promise<{ readonly discardedAt: string } | Refusal>;
}

export interface DeadLetterRoutesOptions {
  /** Sessions of the identity domain. */
  readonly identity: Database;
  /** Sessions of the audit role. */
  readonly audit: Database;
  readonly commands: DeadLetterActs;
}

const LETTERS_DEFAULT = 50;
const strict = { additionalProperties: false };

const ListQuery = Type.Object(
  {
    state: Type.Optional(Type.Enum(['open', 'all'])),
    queue: Type.Optional(Type.String({ maxLength: 40 })),
    source: Type.Optional(Type.String({ maxLength: 100 })),
    reason: Type.Optional(Type.String({ maxLength: 60 })),
    limit: Type.Optional(Type.String({ pattern: '^([1-9][0-9]?|1[0-9][0-9]|200)$' })),
    cursor: Type.Optional(Type.String({ maxLength: 300 })),
  },
  strict,
);
const DiscardBody = Type.Object(
  { reason: Type.String({ maxLength: DISCARD_REASON_CHARACTERS_MAX }) },
  strict,
);
const Id = Type.Object({ id: Type.String() });

const ofLetters = { tag: 'Dead letters', caller: 'person' } as const;
const operations = {
  list: {
    ...ofLetters,
    operationId: 'listDeadLetters',
    summary: 'What no stage could take, the newest first.',
  },
  show: {
    ...ofLetters,
    operationId: 'showDeadLetter',
    summary: 'One dead letter, with its history and, for those who may read reviews, its bytes.',
  },
  retry: {
    ...ofLetters,
    operationId: 'retryDeadLetter',
    summary: 'Send it again as it is. Operators only; may be repeated.',
  },
  discard: {
    ...ofLetters,
    operationId: 'discardDeadLetter',
    summary: 'Close it for good, with a reason. Operators only; may be repeated.',
  },
} as const;

export function deadLetterRoutes({
  identity,
  audit,
  commands,
}: DeadLetterRoutesOptions): AdminRoutes {
  return (scope: FastifyInstance) => {
    requirePerson(scope, identity);
    const keepAccess = createKeepAccess(identity, 'api');
    const server = scope.withTypeProvider<TypeBoxTypeProvider>();

    server.get(
      '/v1/dead-letters',
      {
        schema: describe(operations.list, {
          querystring: ListQuery,
          response: { 200: LetterPage },
        }),
      },
      async (request, reply) => {
        const barred = barredFromList(personOf(request));
        if (barred !== undefined) return sendProblem(reply, barred);
        const { state = 'open', limit: asked, cursor, ...filter } = request.query;
        const after = cursor === undefined ? undefined : letterPlaceFrom(cursor);
        if (after !== undefined && isRefusal(after)) return sendProblem(reply, after);
        const limit = asked === undefined ? LETTERS_DEFAULT : Number(asked);
        // One more than asked for tells whether there is a next page.
        const found = await audit.transact((tx) =>
          openAuditStore(tx).deadLetters({ state, limit: limit + 1, after, ...filter }),
        );
        const page = found.slice(0, limit);
        const last = found.length > limit ? page.at(-1) : undefined;
        return {
          dead_letters: page.map(summaryOf),
          next_cursor: last === undefined ? null : letterCursorOf(last),
        };
      },
    );

    server.get(
      '/v1/dead-letters/:id',
      { schema: describe(operations.show, { params: Id, response: { 200: LetterDocument } }) },
      async (request, reply) => {
        const person = personOf(request);
        const barred = barredFromList(person);
        if (barred !== undefined) return sendProblem(reply, barred);
        const id = idIn(request.params);
        const letter = await audit.transact((tx) => openAuditStore(tx).deadLetter(id));
        if (letter === undefined) return sendProblem(reply, unknownLetter());
        const mayRead = barredFromReview(person) === undefined;
        if (mayRead) await keepAccess(person, 'look', 'dead letter', id);
        return documentOf(letter, mayRead);
      },
    );

    server.post(
      '/v1/dead-letters/:id/retry',
      { schema: describe(operations.retry, { params: Id, response: { 200: Redriven } }) },
      async (request, reply) => {
        const person = operatorOf(personOf(request));
        const id = idIn(request.params);
        const redriven = await commands.retry(id, person.personId);
        if (isRefusal(redriven)) return sendRefusal(reply, redriven);
        const { queue, redrivenAt } = redriven;
        return { dead_letter_id: id, state: 'redriven' as const, queue, redriven_at: redrivenAt };
      },
    );

    server.post(
      '/v1/dead-letters/:id/discard',
      {
        schema: describe(operations.discard, {
          params: Id,
          body: DiscardBody,
          response: { 200: Discarded },
        }),
      },
      async (request, reply) => {
        const person = operatorOf(personOf(request));
        const id = idIn(request.params);
        const discarded = await commands.discard(id, request.body.reason, person.personId);
        if (isRefusal(discarded)) return sendRefusal(reply, discarded);
        return {
          dead_letter_id: id,
          state: 'discarded' as const,
          discarded_at: discarded.discardedAt,
        };
      },
    );
  };
}

/** @throws Refused for anybody who runs nothing here. Asked again in the transaction that acts. */
function operatorOf(person: Person): Person {
  if (person.roles.includes('Operator')) return person;
  throw new Refused(
    refuse('not_authorised', 'dead letters are sent again and discarded by Operators'),
  );
}

/** @throws Refused for what can be the id of no letter. */
function idIn({ id }: { readonly id: string }): DeadLetterId {
  if (isUuid(id)) return id as DeadLetterId;
  throw new Refused(unknownLetter());
}

function unknownLetter(): Refusal {
  return refuse('unknown_letter', 'no dead letter has this id');
}

function sendRefusal(reply: FastifyReply, refusal: Refusal): FastifyReply {
  if (refusal.reason !== 'outcome_unknown') return sendProblem(reply, refusal);
  // Any answer could be wrong. A connection that breaks says just that: send it again.
  reply.hijack();
  reply.request.raw.socket.destroy();
  return reply;
}

function summaryOf(letter: DeadLetterSummary): Static<typeof LetterSummary> {
  return {
    dead_letter_id: letter.deadLetterId,
    state: letter.state,
    queue: letter.queue,
    message_id: letter.messageId,
    source: letter.source,
    external_id: letter.externalId,
    reason: letter.reason,
    remedy: isProblemCode(letter.reason) ? problems[letter.reason].remedy : null,
    detail: letter.detail,
    claims: letter.claims,
    content_bytes: letter.contentBytes,
    created_at: letter.createdAt,
  };
}

function documentOf(letter: DeadLetterFull, mayRead: boolean): Static<typeof LetterDocument> {
  return {
    ...summaryOf(letter),
    error_class: letter.errorClass,
    content_sha256: letter.contentSha256,
    kind: letter.kind,
    redrives: [...letter.redrives],
    discarded_at: letter.discardedAt,
    discarded_by: letter.discardedBy,
    discard_reason: letter.discardReason,
    // What a message says is for those who decide and for Auditors.
    ...(mayRead
      ? { headers: letter.headers, content_base64: letter.content?.toString('base64') ?? null }
      : {}),
  };
}
