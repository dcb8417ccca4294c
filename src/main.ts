/** The command line: runs one command and ends with its exit code. */
import { CommanderError } from 'commander';
import { createProgram } from './cli/program.ts';
import { CommandError, exitCodes, talk } from './cli/terminal.ts';

try {
  await createProgram().parseAsync();
} catch (error) {
  process.exitCode = explain(error);
}

function explain(error: unknown): number {
  if (error instanceof CommandError) {
    talk(error.message);
    return error.exitCode;
  }
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : exitCodes.usage;
  const message = error instanceof Error ? error.message : String(error);
  const { code, name } = error as { readonly code?: unknown; readonly name?: unknown };
  if (isUnreachable(String(code))) {
    talk(`PostgreSQL does not answer: ${message}. Check DATABASE_URL.`);
    return exitCodes.unavailable;
  }
  talk(code === 'EADDRINUSE' ? `${message}. Set ADMIN_PORT to another one.` : message);
  return isUnfit(String(name)) ? exitCodes.unavailable : exitCodes.failed;
}

/** The words of the system and of PostgreSQL for "not here", "not for you" and "not now". */
function isUnreachable(code: string): boolean {
  return (
    /^E(CONNREFUSED|CONNRESET|NOTFOUND|AI_AGAIN|TIMEDOUT|HOSTUNREACH|NETUNREACH)$/.test(code) ||
    /^(57P03|3D000|28P01|28000|53300)$/.test(code)
  );
}

function isUnfit(name: string): boolean {
  return name === 'UnfitDatabase' || name === 'UnfitQueueStore';
}
