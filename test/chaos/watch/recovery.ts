/** How fast work goes on after a worker was killed while all else was left alone. */
import { setTimeout as sleep } from 'node:timers/promises';
import { queues } from '../checker/queue-keys.ts';
import { type System, untilAtWork } from '../system/system.ts';
import type { SignalWatch } from './signals.ts';

const WAIT_MS_MAX = 60_000;
const POLL_MS = 100;
/** Between two of them, for the backlog of the last one. */
const PAUSE_MS = 1_000;

/**
 * Kills the one worker of each queue in turn, so many times over. Returns the milliseconds from each kill to the next job
 * that its queue completed; `WAIT_MS_MAX` stands for longer. There must be load.
 */
export async function measureRecovery(
  system: System,
  signals: SignalWatch,
  rounds: number,
): Promise<readonly number[]> {
  const recoveriesMs: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    for (const queue of queues) {
      const worker = system.formation().find(({ kind }) => kind === queue)!;
      await untilAtWork([worker]);
      await untilCompletes(signals, queue, Date.now());
      worker.process.signal('SIGKILL');
      const killedAt = Date.now();
      recoveriesMs.push((await untilCompletes(signals, queue, killedAt)) - killedAt);
      await sleep(PAUSE_MS);
    }
  }
  return recoveriesMs;
}

/** When the queue completed its first job after `from`. */
async function untilCompletes(signals: SignalWatch, queue: string, from: number): Promise<number> {
  while (Date.now() < from + WAIT_MS_MAX) {
    const at = signals.completions(queue).find((completedAt) => completedAt > from);
    if (at !== undefined) return at;
    await sleep(POLL_MS);
  }
  return from + WAIT_MS_MAX;
}
