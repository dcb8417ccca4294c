/** The processes of a production installation, read from the Procfile, so that they are those that are shipped. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

const PROCFILE = join(import.meta.dirname, '..', '..', 'Procfile');
/** Runs once and ends; everything else stays. */
const RELEASE = 'release';

/** The arguments of bin/sentinelops.js for each process. @throws Error when the file lists none. */
export async function readProcfile(): Promise<readonly (readonly string[])[]> {
  const lines = (await readFile(PROCFILE, 'utf8')).split('\n');
  const commands = lines.flatMap((line) => {
    const [, name, command] = /^([\w-]+):.*\bbin\/sentinelops\.js (.+)$/.exec(line) ?? [];
    return command === undefined || name === RELEASE ? [] : [command.trim().split(' ')];
  });
  if (commands.length === 0) throw new Error(`${PROCFILE} lists no process of sentinelops`);
  return commands;
}
