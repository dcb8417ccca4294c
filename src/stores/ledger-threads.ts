/** Threads that check segments of an export beside each other. */
import { Worker } from 'node:worker_threads';
import { checkSegment, type SegmentReport, type SegmentTask } from '../domain/ledger/segment.ts';

export interface SegmentThreads {
  /** How many segments are worth having under way at once. */
  readonly width: number;
  check(task: SegmentTask): Promise<SegmentReport>;
  close(): Promise<void>;
}

/** With `count` 0 the caller's own thread checks. */
export function openSegmentThreads(count: number): SegmentThreads {
  if (count === 0) {
    return { width: 1, check: async (task) => checkSegment(task), close: async () => undefined };
  }
  const threads = Array.from({ length: count }, openThread);
  let next = 0;
  return {
    width: 2 * count,
    check(task) {
      const thread = threads[next]!;
      // In turn: segments are of one size, and a thread answers in the order in which it was asked.
      next = (next + 1) % count;
      return thread.check(task);
    },
    async close() {
      await Promise.all(threads.map((thread) => thread.close()));
    },
  };
}

function openThread() {
  // This file's own extension: the sources run as they are, the built package has no .ts.
  const file = import.meta.url.replace('ledger-threads.', 'ledger-verify-thread.');
  const worker = new Worker(new URL(file), { execArgv: [] });
  const waiting: PromiseWithResolvers<SegmentReport>[] = [];
  worker.on('message', (report: SegmentReport) => waiting.shift()?.resolve(report));
  worker.on('error', (error) => {
    for (const { reject } of waiting.splice(0)) reject(error);
  });
  return {
    check(task: SegmentTask): Promise<SegmentReport> {
      const answer = Promise.withResolvers<SegmentReport>();
      waiting.push(answer);
      worker.postMessage(task);
      return answer.promise;
    },
    async close(): Promise<void> {
      await worker.terminate();
    },
  };
}
