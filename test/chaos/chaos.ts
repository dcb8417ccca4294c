/**
 * Chaos: the real processes on real stores under load, faults by a seeded schedule, rest, and the checker.
 *
 *     npm run chaos -- --minutes 10 --seed 7 [--faults redis,process] [--matrix] [--rate 20] [--directory <dir>] [--list]
 *
 * `--faults` takes beginnings of names, separated by commas. `--matrix` lets a process crash at every failpoint before. Exit code: how many invariants are violated; V4, a fault that
 * did not bite, makes the run void; 100 when the run itself failed.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { runCampaign } from './campaign.ts';
import { printReport } from './checker/checker.ts';
import { faultKinds } from './faults/all.ts';
import { printFigures } from './figures.ts';

const FAILED = 100;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string', default: `${Date.now() % 1_000_000}` },
    faults: { type: 'string', default: '' },
    matrix: { type: 'boolean', default: false },
    rate: { type: 'string', default: '20' },
    directory: { type: 'string' },
    list: { type: 'boolean', default: false },
  },
});

const say = (line: string) =>
  process.stdout.write(`${new Date().toISOString().slice(11, 19)} ${line}\n`);
const chosen = values.faults.split(',');
const kinds = faultKinds.filter(({ name }) => chosen.some((start) => name.startsWith(start)));

if (values.list) {
  for (const { name, lane } of faultKinds) process.stdout.write(`${name} (${lane})\n`);
} else {
  process.exitCode = await run().catch((error: unknown) => {
    process.stderr.write(`${(error as Error).stack}\n`);
    return FAILED;
  });
}

async function run(): Promise<number> {
  if (kinds.length === 0) throw new Error('No fault begins like that; see --list.');
  const aborted = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      say('stopping');
      aborted.abort();
    });
  }
  const directory = values.directory ?? (await mkdtemp(join(tmpdir(), 'sentinelops-chaos-')));
  const seed = Number(values.seed);
  say(`seed ${seed}, ${values.minutes} minutes, ${kinds.length} kinds of fault, in ${directory}`);
  const { report, figures } = await runCampaign({
    ...{ minutes: Number(values.minutes), seed, kinds, directory, say, abort: aborted.signal },
    hasMatrix: values.matrix,
    eventsPerSecond: Number(values.rate),
  });
  process.stdout.write(`${printReport(report)}${printFigures(figures)}`);
  if (report.violations.some(({ name }) => name === 'V4')) {
    say('VOID: a fault did not bite, so this run proves nothing about it');
  }
  // What a violation has left is evidence; of a clean run the figures are enough.
  if (report.violations.length === 0 && values.directory === undefined) {
    await rm(directory, { recursive: true, force: true });
  }
  return report.violations.length;
}
