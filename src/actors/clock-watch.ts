/** Compares the clock of this machine with that of PostgreSQL. Nothing is decided by ours, but leases and signatures are. */
import type { Log } from '../domain/log.ts';
import type { Session } from '../stores/database.ts';
import { clockSkewMs } from '../stores/fitness.ts';
import { createWatch, type Watch } from './watch.ts';

const INTERVAL_MS = 60_000;
export const SKEW_MS_MAX = 1_000;

export function createClockWatch(
  session: Session,
  log: Log,
  options: { readonly intervalMs?: number; readonly now?: () => number } = {},
): Watch {
  return createWatch(options.intervalMs ?? INTERVAL_MS, async () => {
    // A database that does not answer is said by everybody who needs it.
    const skewMs = await clockSkewMs(session, options.now).catch(() => 0);
    if (Math.abs(skewMs) <= SKEW_MS_MAX) return;
    log.warn({ skewMs }, 'the clocks of PostgreSQL and of this machine differ: synchronise them');
  });
}
