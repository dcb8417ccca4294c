/**
 * Events over HTTP.
 *
 *     POST /v1/events                          CloudEvents 1.0: structured, batched or binary mode
 *     POST /v1/sources/<kind>/:source/events   any kind of source, addressed to one of that kind
 *     GET  /v1/events/:id                      where an event is in its life
 *
 * 202 means that the event is on record: `{event_id, digest, status_url}`, for a repeat with the header
 * `Idempotent-Replayed: true`. A batch is answered with 202 and one result for each of its events, in order, as soon as
 * one of them stands; results that are problem documents were refused. Everything refused is also kept as a dead letter,
 * but for what comes while too much is on its way already: that is answered with 503 before it is read.
 */
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import Type from 'typebox';
import { type KeptEvent, originOf, type Verdict } from '../../domain/event.ts';
import { isUuid } from '../../domain/ids.ts';
import { JSON_BYTES_MAX, readUtf8 } from '../../domain/json-text.ts';
import { isRefusal, problemOf, type Refusal, refuse } from '../../domain/problem.ts';
import {
  type Batch,
  DEFAULT_SOURCE_KIND,
  type Inbound,
  type SourceKind,
} from '../../domain/source.ts';
import { openAuditStore } from '../../stores/audit.ts';
import type { Database } from '../../stores/database.ts';
import { describe, Problem } from '../openapi.ts';
import { sendProblem } from '../problem.ts';
import type { AdminRoutes } from '../server.ts';

/** Takes in messages; see actors/intake.ts, whose `createIntake` makes one. */
export interface Intake {
  take(inbound: Inbound): Promise<Verdict | Batch<Verdict>>;
  keepRefused(
    refusal: Refusal,
    content: { readonly bytes: Buffer | null; readonly length: number },
  ): Promise<Refusal>;
}

export interface EventRoutesOptions {
  readonly intake: Intake;
  readonly kinds: readonly SourceKind[];
  /** Sessions of the audit role. */
  readonly audit: Database;
  /** Why nothing is taken in at the moment; undefined when it is. */
  readonly overload?: () => string | undefined;
  /** Waited for when an answer has left; a test may end the process there. */
  readonly onReplied?: (() => Promise<void>) | undefined;
}

const Id = Type.Object({ id: Type.String() });
const Source = Type.Object({ source: Type.String() });
const EventState = Type.Object({
  event_id: Type.String(),
  state: Type.String(),
  received_at: Type.String(),
});
const Receipt = Type.Object({
  event_id: Type.String(),
  digest: Type.String({ description: 'SHA-256 of the canonical content.' }),
  status_url: Type.String(),
});
const Receipts = Type.Union([
  Receipt,
  Type.Array(
    Type.Union([Type.Object({ ...Receipt.properties, replayed: Type.Boolean() }), Problem]),
    { description: 'For a batch: one result for each of its events, in order.' },
  ),
]);

const ofEvents = { tag: 'Events', caller: 'source' } as const;
const operations = {
  send: {
    ...ofEvents,
    operationId: 'sendEvents',
    summary: 'CloudEvents 1.0: structured, batched or binary mode. 202 once they are on record.',
    consumes: ['application/cloudevents+json', 'application/cloudevents-batch+json', '*/*'],
  },
  show: {
    tag: 'Events',
    caller: 'anybody',
    operationId: 'showEvent',
    summary: 'Where an event is in its life.',
  },
} as const;
const sendTo = ({ name }: SourceKind) => ({
  ...ofEvents,
  operationId: `sendEventsTo${name.charAt(0).toUpperCase()}${name.slice(1)}`,
  summary: `A message for one source of the kind ${name}.`,
  consumes: ['application/json', '*/*'],
});

export function eventRoutes(options: EventRoutesOptions): AdminRoutes {
  const { intake, kinds, audit, overload = () => undefined, onReplied } = options;
  return async (server) => {
    await server.register(async (intakes) => {
      // Before the body is read, and not kept as a dead letter: refused is absent, and the source has it still.
      intakes.addHook('onRequest', async (_request, reply) => {
        const reason = overload();
        if (reason !== undefined) await sendProblem(reply, refuse('overloaded', reason));
      });
      if (onReplied !== undefined) intakes.addHook('onResponse', onReplied);
      for (const kind of kinds) {
        await intakes.register(async (scope) => {
          addIntake(scope, intake, kind);
        });
      }
    });
    server.get<{ Params: { id: string } }>(
      '/v1/events/:id',
      { schema: describe(operations.show, { params: Id, response: { 200: EventState } }) },
      async (request, reply) => {
        const { id } = request.params;
        const state = isUuid(id)
          ? await audit.transact((tx) => openAuditStore(tx).eventState(id))
          : undefined;
        if (state === undefined)
          return sendProblem(reply, refuse('not_found', 'no event has this id'));
        return { event_id: id, state: state.state, received_at: state.receivedAt };
      },
    );
  };
}

function addIntake(scope: FastifyInstance, intake: Intake, kind: SourceKind): void {
  // Signatures cover bytes, so nothing is parsed on the way in.
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => {
    done(null, body);
  });
  // What the framework refuses has no bytes to keep: the rest of the body was never read.
  scope.setErrorHandler(async (error: FastifyError, request: IntakeRequest, reply) => {
    const refusal = refusalOf(error, originIn(request, kind));
    if (refusal === undefined) throw error;
    const declared = Number(request.headers['content-length'] ?? JSON_BYTES_MAX + 1);
    const length = Math.min(declared, LENGTH_MAX);
    return answer(request, reply, await intake.keepRefused(refusal, { bytes: null, length }));
  });
  const receive = async (request: IntakeRequest, reply: FastifyReply) => {
    const body = (request.body as Buffer | undefined) ?? Buffer.alloc(0);
    const read = readRequest(request, kind, body);
    const verdict =
      'body' in read
        ? await intake.take(read)
        : await intake.keepRefused(read, { bytes: body, length: body.length });
    return answer(request, reply, verdict);
  };
  // Described, and not validated here: what a message must be, its kind of source says, on the bytes.
  const validatorCompiler = () => () => true;
  const body = Type.Unknown({ description: `A message of the kind ${kind.name}.` });
  const addressed = describe(sendTo(kind), { params: Source, body, response: { 202: Receipt } });
  scope.post(
    `/v1/sources/${kind.name}/:source/events`,
    { schema: addressed, validatorCompiler },
    receive,
  );
  if (kind.name !== DEFAULT_SOURCE_KIND) return;
  const schema = describe(operations.send, { body, response: { 202: Receipts } });
  scope.post('/v1/events', { schema, validatorCompiler }, receive);
}

/** The column that keeps a length is a signed 32-bit integer; a header may claim any. */
const LENGTH_MAX = 2_147_483_647;

type IntakeRequest = FastifyRequest<{ Params: { source?: string } }>;

function refusalOf(error: { code?: string }, origin: Origin): Refusal | undefined {
  switch (error.code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return refuse('too_large', `the body is longer than ${JSON_BYTES_MAX} bytes`, origin);
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return refuse('unsupported_media_type', 'the content type cannot be read', origin);
    default:
      return undefined;
  }
}

type Origin = ReturnType<typeof originOf>;

/** Who a request comes from, as far as its address and headers say. */
function originIn({ params, headers }: IntakeRequest, kind: SourceKind): Origin {
  const id = kind.idHeaders.map((name) => headers[name]).find((value) => value !== undefined);
  return originOf(params.source, id);
}

/** The message in a request, with the headers that its kind reads and no others. */
function readRequest(request: IntakeRequest, kind: SourceKind, body: Buffer): Inbound | Refusal {
  const origin = originIn(request, kind);
  const encoding = request.headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity') {
    return refuse('unsupported_media_type', 'the body has a content encoding', origin);
  }
  const headers: Record<string, string> = {};
  const raw = request.raw.rawHeaders;
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index]!.toLowerCase();
    if (!reads(kind, name)) continue;
    // Joined with a comma, two values would pass for one that nobody sent.
    if (Object.hasOwn(headers, name)) {
      return refuse('header_repeated', `${name} appears more than once`, origin);
    }
    headers[name] = raw[index + 1] ?? '';
  }
  const text = readUtf8(body);
  if (text === undefined) return refuse('not_utf8', 'the body is not UTF-8', origin);
  return { kind: kind.name, source: request.params.source, headers, body: text };
}

function reads(kind: SourceKind, header: string): boolean {
  return kind.headers.some((name) =>
    name.endsWith('-') ? header.startsWith(name) : header === name,
  );
}

// Answers

function answer(
  request: FastifyRequest,
  reply: FastifyReply,
  verdict: Verdict | Batch<Verdict>,
): FastifyReply {
  const verdicts = 'batch' in verdict ? verdict.batch : [verdict];
  if (verdicts.some((each) => isRefusal(each) && each.reason === 'outcome_unknown')) {
    // Any answer could be wrong. A connection that breaks says just that: send it again.
    reply.hijack();
    request.raw.socket.destroy();
    return reply;
  }
  if ('batch' in verdict) return answerBatch(reply, verdict.batch);
  if (isRefusal(verdict)) return sendProblem(reply, verdict);
  if (verdict.isRepeat) reply.header('idempotent-replayed', 'true');
  return reply.status(202).send(receiptOf(verdict));
}

function answerBatch(reply: FastifyReply, verdicts: readonly Verdict[]): FastifyReply {
  const refusals = verdicts.filter(isRefusal);
  const results = verdicts.map((verdict) =>
    isRefusal(verdict)
      ? problemOf(verdict.reason, verdict.detail, verdict.members)
      : { ...receiptOf(verdict), replayed: verdict.isRepeat },
  );
  if (refusals.length < verdicts.length || verdicts.length === 0) {
    return reply.status(202).send(results);
  }
  const ours = refusals.find(({ reason }) => reason === 'unavailable' || reason === 'internal');
  const refusal = ours ?? refuse('batch_refused', `all ${refusals.length} events were refused`);
  return sendProblem(reply, refusal, { results });
}

function receiptOf({ eventId, contentDigest }: KeptEvent): object {
  return { event_id: eventId, digest: contentDigest, status_url: `/v1/events/${eventId}` };
}
