/**
 * One daemon for each data directory. A second one would adopt the running server and later stop it under the first.
 *
 * Each daemon first leaves a file with its own name and only then looks for others, so of two that start at the same
 * instant at least one sees the other. Both may refuse then, which harms nobody; both going on is impossible.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const PREFIX = 'owner-';

/**
 * Makes this process the owner of `directory` until `release`. Files of processes that are gone (killed, or lost with
 * the machine) are removed. Throws when another live process owns it, and leaves no file then. `setting` is what names the
 * directory, for people.
 */
export async function claimDirectory(
  directory: string,
  setting = 'SENTINELOPS_DATA_DIR',
): Promise<{ release(): Promise<void> }> {
  const own = join(directory, `${PREFIX}${process.pid}`);
  await writeFile(own, startOf(process.pid) ?? '', { mode: 0o600 });
  const release = () => rm(own, { force: true });
  for (const name of await readdir(directory)) {
    const pid = Number(name.slice(PREFIX.length));
    if (!name.startsWith(PREFIX) || pid === process.pid) continue;
    const file = join(directory, name);
    if (await wroteItself(pid, file)) {
      await release();
      throw new Error(
        `${directory} belongs to another running SentinelOps, process ${pid}. ` +
          `Stop that one first, or set ${setting} to another directory.`,
      );
    }
    await rm(file, { force: true });
  }
  return { release };
}

/** Whether the process that wrote `file` still runs. Its start time tells it from a later process of the same id. */
async function wroteItself(pid: number, file: string): Promise<boolean> {
  const start = startOf(pid);
  if (start === undefined) return false;
  try {
    return (await readFile(file, 'utf8')) === start;
  } catch {
    return false; // released since the directory was read
  }
}

/** When a process started, in the system's own form; undefined when none of that id runs. */
function startOf(pid: number): string | undefined {
  try {
    if (process.platform === 'linux') return startFromProc(pid);
    if (process.platform !== 'win32') {
      return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim();
    }
    process.kill(pid, 0);
    return 'running';
  } catch {
    return undefined;
  }
}

/** Field 22 of /proc/<pid>/stat, in clock ticks since boot; a zombie has ended, though its id is still taken. */
function startFromProc(pid: number): string | undefined {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The second field is the program's name, in parentheses, and may itself hold spaces and parentheses.
  const [state, ...rest] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return state === 'Z' || state === 'X' ? undefined : rest[18];
}
