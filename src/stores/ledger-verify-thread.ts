/** A thread of a verification: checks the segments that it is sent, in order. Holds no state and no connection. */
import { parentPort } from 'node:worker_threads';
import { checkSegment, type SegmentTask } from '../domain/ledger/segment.ts';

parentPort?.on('message', (task: SegmentTask) => {
  parentPort?.postMessage(checkSegment(task));
});
