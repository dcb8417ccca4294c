/** What is kept of a message that no transaction could take: why, how often it was tried, and at ingest its bytes. */
import { sha256 } from '../domain/digest.ts';
import type { Message } from '../queues/messages.ts';
import type { QueueName } from '../queues/pipeline.ts';
import type { DeadLetter } from '../stores/dead-letter.ts';
import type { Rejection } from './actor.ts';
import type { Unwrapped } from './unwrap.ts';

/** How much of the content a dead letter keeps; its length and digest are those of the whole. */
export const CONTENT_KEPT_BYTES = 65_536;

export function letterOf<Q extends QueueName>(
  queue: Q,
  unwrapped: Unwrapped<Q>,
  why: Rejection,
  claims: number,
): DeadLetter {
  const content = Buffer.from(contentOf(unwrapped));
  const message = 'message' in unwrapped ? unwrapped.message : undefined;
  const messageId = message === undefined ? null : idOf(message);
  return {
    queue,
    messageId,
    source: why.source ?? sourceOf(message) ?? null,
    externalId: why.externalId ?? null,
    reason: why.reason,
    detail: why.detail,
    claims,
    content: messageId === null ? content.subarray(0, CONTENT_KEPT_BYTES) : null,
    contentBytes: content.length,
    contentSha256: sha256(content),
    ...originOf(message),
  };
}

/** What it takes beside its id or its body to send a message again. */
function originOf(message: Message<QueueName> | undefined): Pick<DeadLetter, 'kind' | 'headers'> {
  if (message === undefined) return {};
  if ('body' in message) return { kind: message.kind, headers: message.headers };
  return 'type' in message ? { kind: message.type } : {};
}

function sourceOf(message: Message<QueueName> | undefined): string | undefined {
  return message !== undefined && 'body' in message ? message.source : undefined;
}

/** Names a message for as long as it may come back: the id that it carries, or the digest of its content. */
export function keyOf<Q extends QueueName>(unwrapped: Unwrapped<Q>): string {
  const id = 'message' in unwrapped ? idOf(unwrapped.message) : null;
  return id ?? sha256(contentOf(unwrapped));
}

/** At ingest the event's own bytes, since there is no other copy; elsewhere what stands in the message's place. */
function contentOf<Q extends QueueName>(unwrapped: Unwrapped<Q>): string {
  if (!('message' in unwrapped)) return JSON.stringify(unwrapped.content) ?? '';
  const { message } = unwrapped;
  return 'body' in message ? message.body : JSON.stringify(message);
}

/** The id that a message behind `ingest` carries. */
function idOf(message: Message<QueueName>): string | null {
  if ('body' in message) return null;
  if ('id' in message) return message.id;
  const [id] = Object.values(message);
  return id ?? null;
}
