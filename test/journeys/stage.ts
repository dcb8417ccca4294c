/** One or some stages at work alone, and everything that they hand on. */
import { startWork } from '../../src/compose.ts';
import { type FactType, factTypes } from '../../src/domain/fact.ts';
import { isUuid } from '../../src/domain/ids.ts';
import { isMessageOf, type Message } from '../../src/queues/messages.ts';
import { pipeline, type QueueName } from '../../src/queues/pipeline.ts';
import type { Target } from '../../src/targets/target.ts';
import type { JourneyGround } from './foundation.ts';

export interface Stage {
  /** Resolves once so many different messages have arrived on a successor queue: all of them, in order of their ids. */
  handedOn<Q extends QueueName>(queue: Q, messages: number): Promise<readonly Message<Q>[]>;
  /** What has arrived until now. */
  arrived<Q extends QueueName>(queue: Q): readonly Message<Q>[];
  isRunning(): boolean;
  /** Drains the stages; then nothing more arrives. */
  stop(): Promise<void>;
}

/** Starts the workers of `queues` as a daemon would, and takes what they send to any other queue. */
export async function startStage(
  ground: JourneyGround,
  queues: readonly QueueName[],
  targets: readonly Target[] = [],
): Promise<Stage> {
  const next = new Set<QueueName>(queues.flatMap((queue) => [...pipeline[queue].next]));
  const successors = [...next].filter((queue) => !queues.includes(queue));
  const arrivals = new Map(successors.map((queue) => [queue, new Map<string, object>()]));
  const watchers = new Set<() => void>();

  const consumers = await Promise.all(
    successors.map((queue) =>
      ground.broker.consume(queue, async ({ content }) => {
        const { v, messages } = content as { v: unknown; messages: readonly unknown[] };
        if (v !== 1) throw new Error(`a job of version ${String(v)} on ${queue}`);
        for (const message of messages) {
          if (!statesNothing(queue, message))
            throw new Error(`handed on: ${JSON.stringify(message)}`);
          arrivals.get(queue)!.set(nameOf(message), message);
        }
        for (const look of watchers) look();
      }),
    ),
  );
  const halted = Promise.withResolvers<never>();
  halted.promise.catch(() => undefined);
  const work = await startWork(ground, {
    queues,
    targets: async () => targets,
    onHalt: halted.reject,
  });

  const arrived = <Q extends QueueName>(queue: Q): readonly Message<Q>[] =>
    inOrder([...arrivals.get(queue)!.values()] as Message<Q>[]);
  return {
    arrived,
    async handedOn(queue, messages) {
      const enough = Promise.withResolvers<void>();
      const look = () => {
        if (arrivals.get(queue)!.size >= messages) enough.resolve();
      };
      watchers.add(look);
      look();
      await Promise.race([enough.promise, halted.promise]);
      return arrived(queue);
    },
    isRunning: work.isRunning,
    async stop() {
      await work.drain();
      await Promise.all(consumers.map(({ stop }) => stop()));
    },
  };
}

/** The order of `handedOn`, for what is expected of it. */
export function inOrder<M extends object>(messages: readonly M[]): readonly M[] {
  return messages.toSorted((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
}

/** A queue store may turn the members of an object round. */
function nameOf(message: object): string {
  return Object.values(message).map(String).toSorted().join(' ');
}

/** Behind `ingest` a message names rows and says nothing about them. */
function statesNothing(queue: QueueName, message: unknown): message is object {
  return (
    isMessageOf(queue, message) &&
    Object.values(message as Readonly<Record<string, string>>).every(
      (value) => isUuid(value) || factTypes.includes(value as FactType),
    )
  );
}
