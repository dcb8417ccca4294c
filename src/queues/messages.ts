/**
 * What the queues carry. Queue content is untrusted: it is parsed here, once, before anything looks at it.
 * Behind `ingest` a message holds ids and nothing else, so a forged job can waste time but never state a fact.
 */
import { Type, type Static, type TSchema } from 'typebox';
import { Compile, type Validator } from 'typebox/compile';
import { type FactType, factTypes } from '../domain/fact.ts';
import type { QueueName } from './pipeline.ts';

/** The version of the envelope `{ v, messages }`. A job of another version is refused whole. */
export const ENVELOPE_VERSION = 1;
/** Messages in one job, and in one batch of an actor. */
export const BATCH_MESSAGES_MAX = 256;

const id = Type.String({
  pattern: '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$',
});
const strict = { additionalProperties: false };

/**
 * One event as its source sent it: the exact body as text, with what the transport knew beside it.
 * `source` names a registered source where the transport has authenticated or addressed it (required for
 * kinds whose body does not name its source); `headers` are the lower-case names that carry signatures and ids.
 */
const IngestMessage = Type.Object(
  {
    kind: Type.Optional(Type.String({ minLength: 1, maxLength: 40 })),
    source: Type.Optional(Type.String({ minLength: 1, maxLength: 100 })),
    headers: Type.Optional(Type.Record(Type.String(), Type.String({ maxLength: 8192 }))),
    body: Type.String(),
  },
  strict,
);

export const messageSchemas = {
  ingest: IngestMessage,
  /** An event to be assessed. */
  risk: Type.Object({ eventId: id }, strict),
  /** An assessment whose event is to be evaluated. */
  advisory: Type.Object({ assessmentId: id }, strict),
  /** An evaluation whose advisories need reviews, or a decision that people have finalised. */
  'awaiting-decision': Type.Union([
    Type.Object({ type: Type.Literal('EVALUATION'), id }, strict),
    Type.Object({ type: Type.Literal('DECISION'), id }, strict),
  ]),
  /** A finalised, approving decision whose ledger entry is committed. */
  execution: Type.Object({ decisionId: id }, strict),
  /** A recorded fact that needs its entry. */
  ledger: Type.Object(
    { type: Type.Unsafe<FactType>(Type.Union(factTypes.map((type) => Type.Literal(type)))), id },
    strict,
  ),
} as const satisfies Record<QueueName, TSchema>;

export type Message<Q extends QueueName> = Static<(typeof messageSchemas)[Q]>;

const validators = Object.fromEntries(
  Object.entries(messageSchemas).map(([queue, schema]) => [queue, Compile(schema)]),
) as unknown as { [Q in QueueName]: Validator };

export function isMessageOf<Q extends QueueName>(queue: Q, value: unknown): value is Message<Q> {
  return validators[queue].Check(value);
}
