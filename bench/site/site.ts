/** The stores that all contestants use, on one disk. */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Ending } from '../ending.ts';
import { type Disk, findDisk } from './disk.ts';
import { type SitePostgres, startPostgres } from './postgres.ts';
import { type SiteRedis, startRedis } from './redis.ts';

export interface Site {
  /** Gone at the end. */
  readonly directory: string;
  readonly disk: Disk;
  readonly redis: SiteRedis;
  readonly postgres: SitePostgres;
}

export async function openSite(ending: Ending): Promise<Site> {
  const disk = await findDisk();
  const directory = await mkdtemp(join(disk.directory, 'sentinelops-bench-'));
  // PostgreSQL may run as another user, who has to pass through and to read what we have it load.
  await chmod(directory, 0o711);
  ending.add(() => rm(directory, { recursive: true, force: true }));
  const redis = await startRedis(join(directory, 'redis'));
  ending.add(() => redis.stop());
  const postgres = await startPostgres(join(directory, 'postgres'));
  ending.add(() => postgres.stop());
  return { directory, disk, redis, postgres };
}
