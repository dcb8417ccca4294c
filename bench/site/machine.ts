/** What the figures were measured on. */
import { arch, cpus, loadavg, release, totalmem } from 'node:os';
import type { Site } from './site.ts';

/** One line for each fact, to stand above the table. */
export function describeMachine(site: Site): readonly string[] {
  const processors = cpus();
  const load = loadavg().map((value) => value.toFixed(2));
  return [
    `date        ${new Date().toISOString()}`,
    `processor   ${processors[0]?.model.trim()}, ${processors.length} cores, ${arch()}`,
    `memory      ${(totalmem() / 2 ** 30).toFixed(1)} GiB`,
    `disk        ${site.disk.filesystem}`,
    `kernel      ${process.platform} ${release()}`,
    `versions    Node ${process.versions.node}, PostgreSQL ${site.postgres.version}, Redis ${site.redis.version}`,
    `load before ${load.join(' ')} (1, 5 and 15 minutes)`,
  ];
}
