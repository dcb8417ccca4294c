/**
 * A clock of its own for each process, by libfaketime: the wall clock can be moved while the process runs, the monotonic
 * one cannot. Where the library is missing there is no such fault, and the run says so.
 */
import { existsSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Where Debian's package `faketime` puts it, by processor. */
const LIBRARIES = ['x86_64', 'aarch64'].map(
  (processor) => `/usr/lib/${processor}-linux-gnu/faketime/libfaketimeMT.so.1`,
);
const library = LIBRARIES.find((path) => existsSync(path));

export const clocksCanJump = library !== undefined;

export interface FakeClock {
  /** What the process needs in its environment. */
  readonly environment: Readonly<Record<string, string>>;
  /** Moves the clock by so many seconds away from the true time. */
  move(seconds: number): Promise<void>;
}

/** The library leaves these behind when its process is killed. */
export async function clearClockOf(pid: number): Promise<void> {
  if (library === undefined) return;
  for (const name of ['faketime_shm_', 'sem.faketime_sem_']) {
    await rm(`/dev/shm/${name}${pid}`, { force: true });
  }
}

/** `path` is where the process looks for its time. */
export async function openClock(path: string): Promise<FakeClock> {
  await mkdir(dirname(path), { recursive: true });
  const move = (seconds: number) => writeFile(path, `${seconds < 0 ? '' : '+'}${seconds}s\n`);
  await move(0);
  if (library === undefined) return { environment: {}, move };
  return {
    environment: {
      LD_PRELOAD: library,
      FAKETIME_TIMESTAMP_FILE: path,
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      DONT_FAKE_MONOTONIC: '1',
      FAKETIME_CACHE_DURATION: '1',
    },
    move,
  };
}
