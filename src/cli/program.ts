/** The commands. Each is one file of this folder and one line in the list below. */
import { Command } from 'commander';
import { addAuditCommands } from './audit.ts';
import { addDaemonCommands } from './daemon.ts';
import { addDeadLetterCommands } from './deadletter.ts';
import { addDemoCommand } from './demo.ts';
import { addEvidenceCommands } from './evidence.ts';
import { addLedgerCommands } from './ledger.ts';
import { addMigrateCommand } from './migrate.ts';
import { addPolicyCommands } from './policy.ts';
import { addReconcileCommand } from './reconcile.ts';
import { addReplayCommand } from './replay.ts';
import { addReviewerCommands } from './reviewer.ts';
import { addReviewsCommands } from './reviews.ts';
import { addSchemaCommand } from './schema.ts';
import { addSendCommand } from './send.ts';
import { addSourceCommands } from './source.ts';
import { addStatusCommand } from './status.ts';
import { addTraceCommand } from './trace.ts';
import { addWitnessCommands } from './witness.ts';

const commands = [
  addDemoCommand,
  addDaemonCommands,
  addMigrateCommand,
  addSourceCommands,
  addPolicyCommands,
  addReviewerCommands,
  addReviewsCommands,
  addSendCommand,
  addStatusCommand,
  addReconcileCommand,
  addTraceCommand,
  addReplayCommand,
  addDeadLetterCommands,
  addLedgerCommands,
  addEvidenceCommands,
  addAuditCommands,
  addWitnessCommands,
  addSchemaCommand,
];

/** Reads a command line and runs it. Its parse rejects: with CommanderError for help and for what it does not understand. */
export function createProgram(): Command {
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
Exit codes: 0 done, 1 failed, 2 usage, 3 something differs, 4 not found, 69 a store does not answer or is unfit, 78 configuration;
"ledger verify" and "evidence verify" have their own for each kind of damage.
Settings come from the environment and from .env; README lists them.`,
    );
  for (const add of commands) add(program);
  passOnExitOverride(program);
  return program;
}

/** Subcommands do not inherit it. Without it a usage error would end the process with code 1, which means "failed". */
function passOnExitOverride(command: Command): void {
  for (const child of command.commands) {
    child.exitOverride().showHelpAfterError();
    passOnExitOverride(child);
  }
}
