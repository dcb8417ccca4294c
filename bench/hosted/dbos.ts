/**
 * A DBOS workflow of six steps for each event, started from a durable queue. DBOS keeps the input of each workflow, the
 * output of each step and the result, which is what makes its steps durable.
 */
import { DBOS, DBOSClient } from '@dbos-inc/dbos-sdk';
import type { Message } from '../../src/queues/messages.ts';
import { type EventLoad, messageOf } from '../load/events.ts';
import { countdown } from './countdown.ts';
import type { HostedChain } from './hosted.ts';

export interface DbosOptions {
  readonly postgres: string;
  readonly load: EventLoad;
}

const STEPS = 6;
const APPLICATION = 'bench';
const CONNECTIONS_MAX = 20;
/** Workflows under way in this process, and how often the queue is looked at for more. */
const WORKFLOWS_MAX = 100;
const POLLING_MS = 100;
const SENDS_AT_ONCE = 32;

export async function open({ postgres, load }: DbosOptions): Promise<HostedChain> {
  const arrived = countdown();
  DBOS.registerWorkflow(
    async (event: Message<'ingest'>) => {
      for (let step = 0; step < STEPS; step += 1) {
        await DBOS.runStep(async () => ({ step, bytes: event.body.length }), {
          name: `step-${step}`,
        });
      }
      arrived.count();
    },
    { name: 'chain' },
  );
  DBOS.setConfig({
    name: APPLICATION,
    applicationVersion: '1',
    systemDatabaseUrl: postgres,
    systemDatabasePoolSize: CONNECTIONS_MAX,
    logLevel: 'error',
  });
  await DBOS.launch();
  // Nobody looks at a queue before it is registered: each submission has its own, registered when it is let go.
  let submissions = 0;
  const queueName = () => `events-${submissions}`;
  const client = await DBOSClient.create({
    systemDatabaseUrl: postgres,
    applicationName: APPLICATION,
    systemDatabasePoolSize: SENDS_AT_ONCE,
  });
  return {
    async submit(first, count) {
      submissions += 1;
      arrived.expect(count);
      const seconds = Math.floor(Date.now() / 1_000);
      let next = first;
      const sender = async () => {
        for (let index = next++; index < first + count; index = next++) {
          await client.enqueue(
            { workflowName: 'chain', queueName: queueName() },
            messageOf(index, load, seconds),
          );
        }
      };
      await Promise.all(Array.from({ length: SENDS_AT_ONCE }, sender));
    },
    async finish() {
      const limits = { workerConcurrency: WORKFLOWS_MAX, minPollingIntervalMs: POLLING_MS };
      await DBOS.registerQueue(queueName(), { ...limits, onConflict: 'always_update' });
      await arrived.zero();
    },
    async close() {
      await client.destroy();
      await DBOS.shutdown();
    },
  };
}
