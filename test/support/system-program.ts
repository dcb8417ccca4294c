/** Programs that tests need and that npm does not bring: found on the PATH, or installed through the system's packages. */
import { execFileSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

export interface SystemProgram {
  /** Any of these will do. */
  readonly names: readonly string[];
  /** What Debian calls it. */
  readonly package: string;
  /** What somebody does whose system cannot install it by itself. */
  readonly remedy: string;
}

/** The path of the program. @throws Error with the remedy when there is none and none can be installed. */
export function findProgram(program: SystemProgram): string {
  const found = onPath(program.names);
  if (found !== undefined) return found;
  install(program);
  const installed = onPath(program.names);
  if (installed !== undefined) return installed;
  throw new Error(
    `apt-get installed ${program.package}, but none of ${program.names.join(', ')} is on the PATH.`,
  );
}

function onPath(names: readonly string[]): string | undefined {
  const directories = (process.env['PATH'] ?? '').split(delimiter);
  return names
    .flatMap((name) => directories.map((directory) => join(directory, name)))
    .find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Where this user may do that without being asked. */
function install({ names, package: name, remedy }: SystemProgram): void {
  const asRoot = process.getuid?.() === 0 ? [] : ['sudo', '-n'];
  const apt = (...args: string[]) => {
    const [program = 'apt-get', ...rest] = [...asRoot, 'apt-get', '-qq', ...args];
    execFileSync(program, rest, {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    });
  };
  try {
    apt('update');
    apt('install', '-y', '--no-install-recommends', name);
  } catch (cause) {
    throw new Error(
      `None of ${names.join(', ')} is on the PATH, and installing one failed. ${remedy}`,
      { cause },
    );
  }
}
