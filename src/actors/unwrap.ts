/**
 * From a job's content to messages. What a queue holds is untrusted, and `ingest` is open to any BullMQ client: a job
 * there may hold our envelope, one bare CloudEvent, or an array of them.
 */
import { isJsonObject } from '../domain/json.ts';
import { ENVELOPE_VERSION, isMessageOf, type Message } from '../queues/messages.ts';
import type { QueueName } from '../queues/pipeline.ts';

/** One message, or what stands in its place and why it is none. */
export type Unwrapped<Q extends QueueName> =
  | { readonly message: Message<Q> }
  | { readonly reason: UnwrapReason; readonly detail: string; readonly content: unknown };

export type UnwrapReason = 'unknown_job_version' | 'malformed_job' | 'malformed_message';

export function unwrap<Q extends QueueName>(queue: Q, content: unknown): Unwrapped<Q>[] {
  if (isJsonObject(content) && Object.hasOwn(content, 'v')) return fromEnvelope(queue, content);
  if (queue === 'ingest' && Array.isArray(content)) {
    return content.map((event) => fromBareEvent(event) as Unwrapped<Q>);
  }
  if (queue === 'ingest' && isJsonObject(content)) {
    return [fromBareEvent(content) as Unwrapped<Q>];
  }
  return [malformedJob(content, 'the job holds no envelope {"v": 1, "messages": [...]}')];
}

function fromEnvelope<Q extends QueueName>(
  queue: Q,
  { v, messages }: { v?: unknown; messages?: unknown },
): Unwrapped<Q>[] {
  if (v !== ENVELOPE_VERSION) {
    return [
      {
        reason: 'unknown_job_version',
        detail: `the job has version ${JSON.stringify(v)}; this release reads version ${ENVELOPE_VERSION}`,
        content: { v, messages },
      },
    ];
  }
  if (!Array.isArray(messages)) {
    return [malformedJob({ v, messages }, 'the envelope has no array "messages"')];
  }
  return messages.map((message: unknown) =>
    isMessageOf(queue, message)
      ? { message }
      : {
          reason: 'malformed_message',
          detail: `the message does not have the shape of a message on "${queue}"`,
          content: message,
        },
  );
}

/** Whether it is a CloudEvent is for the ingest actor to say; it reads the same text as from any other transport. */
function fromBareEvent(event: unknown): Unwrapped<'ingest'> {
  return { message: { body: JSON.stringify(event) } };
}

function malformedJob(
  content: unknown,
  detail: string,
): { reason: UnwrapReason; detail: string; content: unknown } {
  return { reason: 'malformed_job', detail, content };
}
