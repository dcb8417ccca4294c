/** `evidence export|verify`: all that is recorded about one event as one file, and its verification by anybody. */
import { createReadStream } from 'node:fs';
import { readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import type { Command } from 'commander';
import { ARCHIVE_BYTES_MAX, type Files } from '../domain/evidence/archive.ts';
import type { EvidenceTrust } from '../domain/evidence/checkpoints.ts';
import { verifyEvidence } from '../domain/evidence/verification.ts';
import { isUuid } from '../domain/ids.ts';
import { statusCodes } from '../domain/ledger/verdict.ts';
import { refuse } from '../domain/problem.ts';
import { exportEvidence } from '../stores/evidence.ts';
import { deny, withSessions } from './run.ts';
import { policyFrom } from './signing.ts';
import { CommandError, data, exitCodes, talk } from './terminal.ts';

interface VerifyOptions {
  readonly policy?: string;
  readonly checkpoint?: string;
  readonly consistency?: string;
}

const EXIT_CODES = `
Exit codes: 0 OK (status ERASED_OK: with something that was erased, as recorded), 1 failed, 2 usage, 3 cannot read,
10 malformed, 11 other ledger, 15 edited, 16 data not canonical, 18 cut off, 20 entries and rows do not fit each other,
30 under another checkpoint, 31 not signed by these keys, 32 the log has signed two histories, 33 too few witnesses,
34 not in the signed tree, 36 sealed at another time than witnesses saw, 39 something is missing.
The verdict is one line of JSON on standard output.`;

export function addEvidenceCommands(program: Command): void {
  const evidence = program
    .command('evidence')
    .description('all that is recorded about one event, for somebody who does not trust us');
  evidence
    .command('export')
    .argument('<event id>')
    .description('write the bundle of one event: a tar with a report, proofs and keys')
    .option('--out <file>', 'instead of standard output')
    .action(exportBundle);
  evidence
    .command('verify')
    .argument('<file>', 'a bundle, or the directory in which one was unpacked')
    .description('check a bundle; needs no database, network or configuration')
    .option('--policy <file>', 'whose signatures you trust (C2SP tlog-policy); else its own keys')
    .option('--checkpoint <file>', 'a checkpoint that you kept: the bundle has to continue it')
    .option('--consistency <file>', 'what "ledger consistency" says between the two, by size')
    .addHelpText('after', EXIT_CODES)
    .action(verify);
}

async function exportBundle(eventId: string, { out }: { out?: string }): Promise<void> {
  if (out === undefined && process.stdout.isTTY) {
    throw new CommandError('A bundle is no text: name a file with --out.', exitCodes.usage);
  }
  const bundle = await withSessions('evidence export', async (sessions) =>
    deny(
      isUuid(eventId)
        ? await exportEvidence(sessions.of('audit'), eventId)
        : refuse('not_found', 'no event has this id'),
    ),
  );
  if (out === undefined) process.stdout.write(bundle);
  else await writeFile(out, bundle);
  talk(`${bundle.length} bytes. Whoever gets them runs "sentinelops evidence verify", or README.`);
}

async function verify(path: string, options: VerifyOptions): Promise<void> {
  if (options.consistency !== undefined && options.checkpoint === undefined) {
    throw new CommandError('--consistency needs --checkpoint.', exitCodes.usage);
  }
  const trust: EvidenceTrust = {
    policy: options.policy === undefined ? undefined : await policyFrom(options.policy),
    kept: options.checkpoint === undefined ? undefined : await read(options.checkpoint),
    keptConsistency:
      options.consistency === undefined ? undefined : await read(options.consistency),
  };
  const verdict = verifyEvidence(await bundleAt(path), trust);
  data(JSON.stringify(verdict));
  if (verdict.detail !== null) talk(`${verdict.file ?? path}: ${verdict.detail}`);
  else if (verdict.keysFrom === 'bundle') {
    talk('Its own keys fit. Whose they are only --policy tells: get keys in another way.');
  }
  process.exitCode = verdict.code;
}

/** An archive as it is, a directory as its files. */
async function bundleAt(path: string): Promise<Buffer | Files> {
  const found = await readable(() => stat(path));
  if (!found.isDirectory()) return read(path);
  const names = await readable(() => readdir(path, { recursive: true, withFileTypes: true }));
  const files = names.filter((entry) => entry.isFile());
  return new Map(
    await Promise.all(
      files.map(async ({ parentPath, name }) => {
        const file = join(parentPath, name);
        return [file.slice(join(path, '/').length), await read(file)] as const;
      }),
    ),
  );
}

function read(path: string): Promise<Buffer> {
  // One byte more than any bundle has: it is then refused, and never read whole.
  return readable(() => buffer(createReadStream(path, { end: ARCHIVE_BYTES_MAX })));
}

async function readable<T>(reading: () => Promise<T>): Promise<T> {
  try {
    return await reading();
  } catch (error) {
    throw new CommandError((error as Error).message, statusCodes.UNREADABLE);
  }
}
