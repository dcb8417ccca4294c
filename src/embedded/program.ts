/** Runs PostgreSQL's programs as child processes. */
import { spawn } from 'node:child_process';
import type { SystemUser } from './system-user.ts';

export interface Run {
  readonly program: string;
  readonly args: readonly string[];
  /** Also the working directory: the daemon's own may be closed to the system user. */
  readonly directory: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly user?: SystemUser | undefined;
  readonly stdin?: string;
}

export interface Finished {
  /** The exit code; null when a signal ended the program. */
  readonly code: number | null;
  /** Everything that it printed, both streams in the order of arrival. */
  readonly output: string;
}

/** Resolves whatever the exit code is; rejects when the program cannot be started. */
export function runProgram(run: Run): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const child = spawn(run.program, run.args, {
      cwd: run.directory,
      env: run.environment,
      // A process group of its own: Ctrl-C in the terminal must not stop initdb or pg_ctl half-way.
      detached: true,
      ...run.user,
    });
    let output = '';
    const collect = (chunk: Buffer) => {
      output += chunk.toString('utf8');
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    // A program that ends without reading leaves a broken pipe; its exit code says more.
    child.stdin.on('error', () => {});
    child.stdin.end(run.stdin ?? '');
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, output }));
  });
}

/** The same for programs that must succeed: rejects with `purpose` and what was printed. */
export async function runOrFail(purpose: string, run: Run): Promise<string> {
  const { code, output } = await runProgram(run);
  if (code === 0) return output;
  throw new Error(
    `${purpose} failed (exit code ${code ?? 'none: ended by a signal'}): ${output.trim()}`,
  );
}
