/** The command line. Each command is one file of cli/ and one line in the list below. */
import { Command, CommanderError } from 'commander';
import { addDaemonCommands } from './cli/daemon.ts';
import { addDeadLetterCommands } from './cli/deadletter.ts';
import { addDemoCommand } from './cli/demo.ts';
import { addLedgerCommands } from './cli/ledger.ts';
import { addMigrateCommand } from './cli/migrate.ts';
import { addPolicyCommands } from './cli/policy.ts';
import { addReviewerCommands } from './cli/reviewer.ts';
import { addSchemaCommand } from './cli/schema.ts';
import { addSendCommand } from './cli/send.ts';
import { addSourceCommands } from './cli/source.ts';
import { addStatusCommand } from './cli/status.ts';
import { CommandError, exitCodes, talk } from './cli/terminal.ts';
import { addTraceCommand } from './cli/trace.ts';

const commands = [
  addDemoCommand,
  addDaemonCommands,
  addMigrateCommand,
  addSourceCommands,
  addPolicyCommands,
  addReviewerCommands,
  addSendCommand,
  addStatusCommand,
  addTraceCommand,
  addDeadLetterCommands,
  addLedgerCommands,
  addSchemaCommand,
];

const program = new Command('sentinelops')
  .description('The system evaluates, a human decides, the system records.')
  .option('--json', 'print data as JSON')
  .configureHelp({ showGlobalOptions: true })
  .showHelpAfterError()
  .exitOverride()
  .addHelpText(
    'after',
    `
Data goes to standard output, talk to standard error.
Exit codes: 0 done, 1 failed, 2 usage, 4 not found, 69 a store does not answer or is unfit, 78 configuration;
"ledger verify" has its own for each kind of damage.
Settings come from the environment and from .env; README lists them.`,
  );
for (const add of commands) add(program);
passOnExitOverride(program);

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = explain(error);
}

/** Subcommands do not inherit it. Without it a usage error would end the process with code 1, which means "failed". */
function passOnExitOverride(command: Command): void {
  for (const child of command.commands) {
    child.exitOverride().showHelpAfterError();
    passOnExitOverride(child);
  }
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
