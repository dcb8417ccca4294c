/** What processes use, as Linux counts it in /proc (proc(5)). Elsewhere there is nothing to read, and nothing is said. */
import { readdirSync, readFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';

const TICKS_PER_S = ticksPerSecond();

/** Seconds of processor time, user and system, since the process began. Zero for a process that is gone. */
export function cpuSeconds(pid: number): number {
  const stat = statOf(pid);
  return stat === undefined ? 0 : (stat.user + stat.system) / TICKS_PER_S;
}

/**
 * The same of a process with all its children, those that have ended and were waited for among them: a PostgreSQL
 * server, whose sessions are processes that come and go.
 */
export function treeCpuSeconds(pid: number): number {
  const stats = allStats();
  const ticksOf = (of: number): number => {
    const own = stats.get(of);
    if (own === undefined) return 0;
    const children = [...stats].filter(([, { parent }]) => parent === of);
    const ended = own.endedUser + own.endedSystem;
    return children.reduce((sum, [child]) => sum + ticksOf(child), own.user + own.system + ended);
  };
  return ticksOf(pid) / TICKS_PER_S;
}

/** Bytes of memory that the process holds now, and held at most. Undefined when it is gone. */
export function memoryOf(pid: number): { readonly now: number; readonly peak: number } | undefined {
  const status = readProc(`${pid}/status`);
  if (status === undefined) return undefined;
  const field = (name: string) =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0) * 1024;
  return { now: field('VmRSS'), peak: field('VmHWM') };
}

interface Stat {
  readonly parent: number;
  readonly user: number;
  readonly system: number;
  readonly endedUser: number;
  readonly endedSystem: number;
}

function statOf(pid: number): Stat | undefined {
  const text = readProc(`${pid}/stat`);
  if (text === undefined) return undefined;
  // The name of the program stands in parentheses and may hold anything; fields are counted behind it.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [parent = 0, user = 0, system = 0, endedUser = 0, endedSystem = 0] = [
    1, 11, 12, 13, 14,
  ].map((index) => Number(fields[index]));
  return { parent, user, system, endedUser, endedSystem };
}

function allStats(): Map<number, Stat> {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return new Map(
    pids.flatMap((name): [number, Stat][] => {
      const stat = statOf(Number(name));
      return stat === undefined ? [] : [[Number(name), stat]];
    }),
  );
}

function readProc(path: string): string | undefined {
  try {
    return readFileSync(`/proc/${path}`, 'utf8');
  } catch {
    return undefined;
  }
}

function ticksPerSecond(): number {
  return Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
}
