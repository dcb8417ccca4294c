/** Looks into the queues behind `ingest` and notes what the jobs there carry. */
import type { Redis } from 'ioredis';
import { jobIds, queues, storedJob } from '../checker/queue-keys.ts';
import type { RunFolder } from '../journal.ts';

const JOBS_AT_A_LOOK = 20;

/** One look. Jobs that were seen before are not noted again. */
export async function noteJobs(redis: Redis, folder: RunFolder, seen: Set<string>): Promise<void> {
  const at = Date.now();
  for (const queue of queues) {
    if (queue === 'ingest') continue;
    const ids = [...(await jobIds(redis, queue, JOBS_AT_A_LOOK)).values()].flat();
    for (const id of ids) {
      if (seen.has(`${queue} ${id}`)) continue;
      const stored = await storedJob(redis, queue, id);
      if (stored === undefined) continue;
      seen.add(`${queue} ${id}`);
      await folder.note('jobs', {
        at,
        queue,
        job: id,
        content: stored.content,
        claims: stored.claims,
      });
    }
  }
}
