/**
 * The checker by itself, on what a run has left behind:
 *
 *     node test/chaos/check.ts --run <folder> --database <superuser's URL> --redis <URL>
 *
 * Exit code: how many invariants are violated; 100 when it could not look.
 */
import { parseArgs } from 'node:util';
import { printReport, runChecks } from './checker/checker.ts';
import { readEvidence } from './checker/evidence.ts';
import { openWorld } from './checker/world.ts';

const COULD_NOT_LOOK = 100;

try {
  const { values } = parseArgs({
    options: {
      run: { type: 'string' },
      database: { type: 'string' },
      redis: { type: 'string' },
    },
  });
  const { run, database, redis } = values;
  if (run === undefined || database === undefined || redis === undefined) {
    throw new Error('Give --run, --database and --redis.');
  }
  const evidence = await readEvidence(run);
  const world = await openWorld({ databaseUrl: database, redisUrl: redis, evidence });
  try {
    const report = await runChecks(world);
    process.stdout.write(printReport(report));
    process.exitCode = report.violations.length;
  } finally {
    await world.close();
  }
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = COULD_NOT_LOOK;
}
