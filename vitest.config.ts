import { defineConfig } from 'vitest/config';

// The runner itself would die on Node 20 with an error about Map.groupBy; npm scripts put the right Node first.
if (Number(process.versions.node.split('.')[0]) < 22) {
  throw new Error(`The tests need Node 24, this is ${process.versions.node}: use npm test.`);
}

/** Where .ci/run wants the counts of this run. */
const report = process.env['TEST_REPORT_FILE'];

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: 'test/global-setup.ts',
    // Tests kill processes, change directories and hold sessions; a process for each file keeps them apart.
    pool: 'forks',
    maxWorkers: 2,
    reporters: report === undefined ? ['default'] : ['default', ['json', { outputFile: report }]],
    // Ends what hangs. A test that migrates a database from nothing takes ten seconds, on a busy machine many more.
    testTimeout: 120_000,
    hookTimeout: 180_000,
    teardownTimeout: 30_000,
  },
});
