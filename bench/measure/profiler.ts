/** With `--profile DIR`: CPU profiles of our processes, and what the stores say of the work that they were given. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Site } from '../site/site.ts';

export interface Profiler {
  /** Settings under which a process of a contestant writes its CPU profile when it ends. */
  environmentFor(contestant: string): Readonly<Record<string, string>>;
  /** Forgets what the stores have counted so far. */
  reset(): Promise<void>;
  /** Writes what the stores have counted for this contestant. */
  keep(contestant: string): Promise<void>;
}

const none: Profiler = {
  environmentFor: () => ({}),
  reset: () => Promise.resolve(),
  keep: () => Promise.resolve(),
};

export function createProfiler(directory: string | undefined, site: Site): Profiler {
  if (directory === undefined) return none;
  const folderOf = (contestant: string) =>
    join(resolve(directory), contestant.replaceAll(/[^A-Za-z0-9]+/g, '-'));
  return {
    environmentFor: (contestant) => ({
      NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${folderOf(contestant)}`,
    }),
    reset: () => site.postgres.resetStatistics(),
    async keep(contestant) {
      const folder = folderOf(contestant);
      await mkdir(folder, { recursive: true });
      await writeFile(join(folder, 'statements.txt'), await site.postgres.statistics());
      await writeFile(join(folder, 'redis.txt'), await site.redis.statistics());
    },
  };
}
