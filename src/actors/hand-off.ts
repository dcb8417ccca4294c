/** Hands the outcomes of a batch on to the next queues: one job for each queue, after COMMIT and never before. */
import type { Broker, Send } from '../queues/broker.ts';
import type { Message } from '../queues/messages.ts';
import { type Next, pipeline, type QueueName } from '../queues/pipeline.ts';
import type { HandOff, Outcome } from './actor.ts';
import type { Failpoint } from './failpoint.ts';

/**
 * Sends in parallel and resolves when every queue has taken its job. When it rejects, some may have been taken: the
 * batch's own jobs then stay, and a redelivery sends everything again.
 */
export type HandOn<Q extends QueueName> = (outcomes: readonly Outcome<Q>[]) => Promise<void>;

export function createHandOn<Q extends QueueName>(
  queue: Q,
  broker: Broker,
  failpoint?: Failpoint<'mid_handoff'>,
): HandOn<Q> {
  const senders = new Map<QueueName, Send<QueueName>>(
    pipeline[queue].next.map((next) => [next, broker.sender<QueueName>(next)]),
  );
  return async (outcomes) => {
    let taken = 0;
    await Promise.all(
      [...messagesByQueue(outcomes)].map(async ([next, messages]) => {
        await senders.get(next)!(messages);
        taken += 1;
        if (taken === 1) await failpoint?.('mid_handoff');
      }),
    );
  };
}

/** The messages for each successor; the same message twice in one batch is sent once. */
function messagesByQueue<Q extends QueueName>(
  outcomes: readonly Outcome<Q>[],
): Map<Next<Q>, Message<QueueName>[]> {
  const distinct = new Map<string, HandOff<Next<Q>>>();
  for (const outcome of outcomes) {
    if (outcome.kind !== 'forward') continue;
    for (const handOff of outcome.to) distinct.set(JSON.stringify(handOff), handOff);
  }
  return new Map(
    [...Map.groupBy(distinct.values(), ({ queue }) => queue)].map(([queue, handOffs]) => [
      queue,
      handOffs.map(({ message }) => message),
    ]),
  );
}
