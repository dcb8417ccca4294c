/** `ledger export|verify`. */
import { createWriteStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { finished } from 'node:stream/promises';
import type { Command } from 'commander';
import type { SignedCheckpoint } from '../domain/ledger/checkpoint.ts';
import { jsonLines, tabbed } from '../domain/ledger/export-format.ts';
import { type Distrust, trustedCheckpoints } from '../domain/ledger/trust.ts';
import { type Pin, parsePin, type Verdict } from '../domain/ledger/verdict.ts';
import { verdictOnHeader } from '../domain/ledger/verification.ts';
import { exportLedger } from '../stores/ledger-export.ts';
import { cutBehindLastEntry } from '../stores/ledger-export-file.ts';
import {
  verifyLedgerDatabase,
  verifyLedgerFile,
  type VerifyOptions as HowToVerify,
} from '../stores/ledger-verify.ts';
import { addLedgerProofCommands } from './ledger-proofs.ts';
import { withSessions } from './run.ts';
import { policyFrom } from './signing.ts';
import { CommandError, data, exitCodes, progress, talk } from './terminal.ts';

interface ExportOptions {
  readonly stream: string;
  readonly out?: string;
  readonly resume?: true;
  readonly ndjson?: true;
}

interface VerifyOptions {
  readonly stream?: string;
  readonly origin?: string;
  readonly pin: readonly Pin[];
  readonly checkpoint: readonly string[];
  readonly policy?: string;
}

const EXIT_CODES = `
Exit codes: 0 OK, 1 failed, 2 usage, 3 cannot read, 10 malformed, 11 other origin, 12 gap in seq, 13 broken chain,
14 hash is not of its entry, 15 data is not of its hash, 16 data not canonical, 17 duplicate, 18 shorter than a pin,
19 other head than a pin, 20 facts and entries do not match (with a database only), 30 other root than a checkpoint,
31 checkpoint not signed, 32 the log has signed two histories, 33 too few witnesses.
The verdict is one line of JSON on standard output.`;

export function addLedgerCommands(program: Command): void {
  const ledger = program.command('ledger').description('the hash-chained record of every fact');
  addLedgerProofCommands(ledger);
  ledger
    .command('export')
    .description('write a stream as a file that anybody can verify offline')
    .option('--stream <n>', 'which chain', '0')
    .option('--out <file>', 'instead of standard output')
    .option('--resume', 'go on where --out ends, from an earlier run that was broken off')
    .option('--ndjson', 'a JSON object on each line, with the checkpoints between the entries')
    .action((options: ExportOptions) => exportStream(options));
  ledger
    .command('verify')
    .argument('[file]', 'an export; without one, the database')
    .description('recompute every hash; needs no database, network or key when given a file')
    .option('--stream <n>', 'which chain of the database (default 0)')
    .option('--origin <origin>', 'the name that the ledger must have')
    .option(
      '--pin <size:hash>',
      'what you kept of an earlier state; may be given again',
      collectPin,
      [],
    )
    .option(
      '--checkpoint <file>',
      'a signed checkpoint that you kept; may be given again',
      (file: string, files: readonly string[]) => [...files, file],
      [],
    )
    .option('--policy <file>', 'whose signatures on it you trust (C2SP tlog-policy)')
    .addHelpText('after', EXIT_CODES)
    .action((file: string | undefined, options: VerifyOptions) => verify(file, options));
}

async function exportStream({ stream, out, resume, ndjson }: ExportOptions): Promise<void> {
  if (resume && out === undefined) {
    throw new CommandError('--resume goes on with a file: name it with --out.', exitCodes.usage);
  }
  const line = progress();
  const after = resume ? await cutBehindLastEntry(out!) : undefined;
  const target =
    out === undefined
      ? process.stdout
      : createWriteStream(out, { flags: after === undefined ? 'w' : 'a' });
  const { origin, size, lastHash } = await withSessions('ledger', (sessions) =>
    exportLedger(sessions.of('audit'), {
      stream: streamNumber(stream),
      format: ndjson ? jsonLines : tabbed,
      after,
      out: target,
      onProgress: (written, of) => line.show(`${written} of ${of} entries`),
    }),
  );
  if (out !== undefined) {
    target.end();
    await finished(target);
  }
  line.end();
  talk(`${size} entries of ${origin}.`);
  if (lastHash !== null) talk(`Keep this pin outside: --pin ${size}:${lastHash}`);
}

async function verify(file: string | undefined, options: VerifyOptions): Promise<void> {
  if (file !== undefined && options.stream !== undefined) {
    throw new CommandError('Give a file or --stream, not both.', exitCodes.usage);
  }
  const checkpoints = await keptCheckpoints(options);
  const line = progress();
  const verdict: Verdict =
    'status' in checkpoints
      ? verdictOnHeader(checkpoints.status, checkpoints.detail, null)
      : await verdictOn(file, options, {
          checkpoints,
          onProgress: (passed) => line.show(`${passed} entries verified`),
        });
  line.end();
  data(JSON.stringify(verdict));
  if (verdict.detail !== null) talk(verdict.detail);
  process.exitCode = verdict.code;
}

function verdictOn(
  file: string | undefined,
  { origin, pin: pins, stream = '0' }: VerifyOptions,
  more: Pick<HowToVerify, 'checkpoints' | 'onProgress'>,
): Promise<Verdict> {
  const how = { origin, pins, ...more };
  return file === undefined
    ? withSessions('ledger', (sessions) =>
        verifyLedgerDatabase(sessions.of('audit'), { ...how, stream: streamNumber(stream) }),
      )
    : verifyLedgerFile(file, how);
}

/** The checkpoints of --checkpoint, as far as --policy trusts them. */
async function keptCheckpoints({
  checkpoint: files,
  policy,
}: VerifyOptions): Promise<readonly SignedCheckpoint[] | Distrust> {
  if (files.length === 0) return [];
  if (policy === undefined) {
    throw new CommandError('--checkpoint needs --policy: whose signature counts?', exitCodes.usage);
  }
  const notes = await Promise.all(files.map((each) => readFile(each)));
  return trustedCheckpoints(notes, await policyFrom(policy));
}

function streamNumber(text: string): number {
  if (/^\d{1,4}$/.test(text)) return Number(text);
  throw new CommandError('--stream takes a number from 0.', exitCodes.usage);
}

function collectPin(text: string, pins: readonly Pin[]): Pin[] {
  const pin = parsePin(text);
  if (pin === undefined) {
    throw new CommandError(
      '--pin takes SIZE:HASH, a number and 64 lower-case hex digits.',
      exitCodes.usage,
    );
  }
  return [...pins, pin];
}
