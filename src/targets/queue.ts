/**
 * A target that is a BullMQ queue of somebody else's worker, in the queue store that we use.
 *
 * The job's id is the execution id, its data `{ executionId, body }`, `body` being the exact request text: a queue store
 * may rewrite JSON but keeps a string. A repeated id is ignored only while its job exists, so a worker that must act
 * once keeps the ids that it has done; only then is the target `idempotent`.
 */
import type { Delivery } from '../domain/delivery.ts';
import { oneLine, type TargetKind, unlessAborted } from './target.ts';

interface QueueSettings {
  readonly queue: string;
  readonly idempotent: boolean;
}

export const queueTarget: TargetKind<QueueSettings> = {
  name: 'queue',
  shape: {
    type: 'object',
    description: 'a mapping with queue and idempotent',
    additionalProperties: false,
    required: ['queue', 'idempotent'],
    properties: {
      // With a prefix of its own no target reaches a queue of the pipeline, where a job would be a message.
      queue: {
        type: 'string',
        pattern: '^target-[a-z0-9-]{1,90}$',
        description: 'the name of a queue that starts with "target-"',
      },
      idempotent: {
        type: 'boolean',
        description: 'true when its worker acts once per execution id, else false',
      },
    },
  },
  check: () => [],
  async open(name, { queue, idempotent }, { publish }) {
    return {
      name,
      kind: 'queue',
      idempotent,
      deliver: ({ executionId, body }, signal) =>
        outcomeOf(publish(queue, executionId, { executionId, body }), signal),
    };
  },
};

/** The queue store cannot be told to stop; a call whose time is up is left behind, its outcome unknown. */
async function outcomeOf(published: Promise<void>, signal: AbortSignal): Promise<Delivery> {
  try {
    await unlessAborted(published, signal);
    return { kind: 'acknowledged', detail: 'queued', answer: {} };
  } catch (error) {
    // Whatever the error says, the store may have taken the job and lost the reply.
    const detail = oneLine((error as Error).message);
    return { kind: 'retry', detail, bytesLeft: true, answer: {} };
  }
}
