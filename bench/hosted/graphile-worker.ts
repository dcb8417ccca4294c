/** Six tasks of graphile-worker, each adding the next, configured as its page on performance was measured. */
import { Logger, makeWorkerUtils, run, type Runner, type TaskList } from 'graphile-worker';
import { type EventLoad, messageOf } from '../load/events.ts';
import { countdown } from './countdown.ts';
import type { HostedChain } from './hosted.ts';

export interface GraphileWorkerOptions {
  readonly postgres: string;
  readonly load: EventLoad;
}

const HOPS = 6;
const ADDED_AT_ONCE = 500;
const CONCURRENT_JOBS = 24;
const PERFORMANCE = {
  concurrentJobs: CONCURRENT_JOBS,
  maxPoolSize: CONCURRENT_JOBS + 1,
  localQueue: { size: 500 },
  completeJobBatchDelay: 0,
  failJobBatchDelay: 0,
};

/** By default it prints a line for every job. */
const logger = new Logger(() => (level, message) => {
  if (level === 'error') console.error(message);
});

const nameOf = (hop: number) => `hop-${hop}`;

export async function open({ postgres, load }: GraphileWorkerOptions): Promise<HostedChain> {
  const utils = await makeWorkerUtils({ connectionString: postgres, logger });
  await utils.migrate();
  const arrived = countdown();
  const taskList: TaskList = Object.fromEntries(
    Array.from({ length: HOPS }, (_, hop) => [
      nameOf(hop),
      async (payload, { addJob }) => {
        if (hop === HOPS - 1) arrived.count();
        else await addJob(nameOf(hop + 1), payload);
      },
    ]),
  );
  let runner: Runner | undefined;
  return {
    async submit(first, count) {
      arrived.expect(count);
      const seconds = Math.floor(Date.now() / 1_000);
      for (let start = first; start < first + count; start += ADDED_AT_ONCE) {
        const size = Math.min(ADDED_AT_ONCE, first + count - start);
        await utils.addJobs(
          Array.from({ length: size }, (_, offset) => ({
            identifier: nameOf(0),
            payload: messageOf(start + offset, load, seconds),
          })),
        );
      }
    },
    async finish() {
      runner = await run({
        preset: { worker: { connectionString: postgres, ...PERFORMANCE } },
        noHandleSignals: true,
        logger,
        taskList,
      });
      await arrived.zero();
      await runner.stop();
    },
    close: async () => utils.release(),
  };
}
