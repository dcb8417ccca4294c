/** A key for the signer, made as an operator makes one. */
import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const COMMAND = join(import.meta.dirname, '../../../bin/sentinelops.js');

/** Where the signer of `directory` keeps what it has signed. */
export const signerStateIn = (directory: string): string => join(directory, 'state');

/** What the signer of a ledger needs in its environment. Its state and its key are kept in `directory`. */
export async function signingEnvironment(
  directory: string,
  origin: string,
): Promise<Readonly<Record<string, string>>> {
  await mkdir(directory, { recursive: true });
  const key = join(directory, 'ledger.key');
  await run(process.execPath, [COMMAND, 'ledger', 'key', 'new', '--name', origin, '--out', key], {
    cwd: directory,
    env: { PATH: '/usr/bin:/bin' },
  });
  return { LEDGER_SIGNING_KEY: `file:${key}`, LEDGER_STATE_DIR: signerStateIn(directory) };
}
