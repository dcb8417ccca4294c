// Prints "<passed> <failed>" of one test run, from vitest's JSON report and its exit code.
//
// A file that cannot be loaded holds no test that could fail, an error outside of any test fails none, and a run that
// found no test has shown nothing: each counts as one failure, so that no such run reads "0 failed".
import { existsSync, readFileSync } from 'node:fs';

const [, , file, exitCode] = process.argv;
const report = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined;
const brokenFiles = report?.testResults.filter(
  ({ status, assertionResults }) =>
    status === 'failed' && !assertionResults.some((test) => test.status === 'failed'),
);
const passed = report?.numPassedTests ?? 0;
const failed = report === undefined ? 0 : report.numFailedTests + brokenFiles.length;
const unsound = exitCode !== '0' || passed === 0;
console.log(`${passed} ${failed === 0 && unsound ? 1 : failed}`);
