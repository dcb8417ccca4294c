/** A database with a policy and a model in force, and events enough that a process can be ended in the middle of them. */
import { randomUUID } from 'node:crypto';
import type { FactType } from '../../src/domain/fact.ts';
import { type QueueName, queueNames } from '../../src/queues/pipeline.ts';
import type { PipelineCounts } from '../../src/stores/audit.ts';
import { modelOf, policyOf } from '../support/documents.ts';
import type { QueueStore } from '../support/queue-stores.ts';
import { openWeighedDatabase } from '../support/weighed.ts';
import { type JourneyGround, openGround, until } from './foundation.ts';

const EVENTS_PER_JOB = 2;
/** One in so many is bad: the policy fires on it. */
const BAD_EACH = 50;

export interface LoadedGround extends JourneyGround {
  /** Puts so many different events on the ingest queue. */
  sendEvents(count: number): Promise<void>;
  /** Resolves once so many events are where they get to without people, and every fact is in the ledger. */
  settled(events: number): Promise<void>;
  /** Jobs that a worker holds, or held when it died. */
  jobsUnderWay(queues?: readonly QueueName[]): Promise<number>;
}

export async function openLoadedGround(store: QueueStore): Promise<LoadedGround> {
  const weighed = await openWeighedDatabase();
  await weighed.load([policyOf('watch')], [modelOf()]);
  const ground = await openGround(store, weighed.test);
  const { rows } = await weighed.client.query<{ type: FactType; id: string }>(
    'select entry_type as type, linked_entity_id as id from audit.fact',
  );
  await ground.broker.sender('ledger')(rows);

  return {
    ...ground,
    async sendEvents(count) {
      const send = ground.broker.sender('ingest');
      const bodies = Array.from({ length: count }, (_, index) => ({ body: event(index) }));
      for (let start = 0; start < count; start += EVENTS_PER_JOB) {
        await send(bodies.slice(start, start + EVENTS_PER_JOB));
      }
    },
    async settled(events) {
      await until(
        `${events} settled events`,
        async () => (isSettled(await ground.counts(), events) ? true : undefined),
        ground.counts,
      );
    },
    async jobsUnderWay(queues = queueNames) {
      const counts = await Promise.all(queues.map((queue) => ground.broker.counts(queue)));
      return counts.reduce((sum, { active = 0 }) => sum + active, 0);
    },
  };
}

function event(index: number): string {
  return JSON.stringify({
    specversion: '1.0',
    source: 'acme',
    id: randomUUID(),
    type: 'com.example.thing',
    data: { bad: index % BAD_EACH === 0 },
  });
}

function isSettled(counts: PipelineCounts, events: number): boolean {
  const advisories = Object.values(counts.advisories).reduce((sum, count) => sum + count, 0);
  return (
    counts.events === events &&
    counts.evaluated === events &&
    advisories === Math.ceil(events / BAD_EACH) &&
    counts.reviewsOpen === advisories &&
    counts.unledgered === 0
  );
}
