import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, it } from 'vitest';
import type { JsonReport } from '../../bench/report/report.ts';

const MAIN = join(import.meta.dirname, '..', '..', 'bench', 'main.ts');
const TIME_LIMIT_MS = 120_000;

function startBench(args: readonly string[], temporary = tmpdir()) {
  const child = spawn(process.execPath, [MAIN, ...args], {
    env: { ...process.env, TMPDIR: temporary },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return {
    child,
    async ended() {
      const [stdout, stderr, [code]] = await Promise.all([
        text(child.stdout),
        text(child.stderr),
        once(child, 'exit'),
      ]);
      return { code: code as number, stdout, stderr };
    },
  };
}

it('refuses a section that does not exist and lists those that do', async () => {
  const { code, stderr } = await startBench(['nonsense']).ended();
  expect(code).toBe(2);
  expect(stderr).toContain('There is no section "nonsense"');
  expect(stderr).toMatch(/^ {2}pipeline /m);
});

it(
  'measures on stores of its own, writes what it found, and leaves nothing behind',
  async () => {
    const temporary = await mkdtemp(join(tmpdir(), 'sentinelops-bench-test-'));
    // PostgreSQL may run as another user, who has to pass through.
    await chmod(temporary, 0o711);
    const json = join(temporary, 'rows.json');
    const args = ['ledger', '--quick', '--json', json];
    const { code, stdout, stderr } = await startBench(args, temporary).ended();
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/^disk +\w+ on /m);
    expect(stdout).toMatch(/append, batches of 256/);
    const { rows } = JSON.parse(await readFile(json, 'utf8')) as JsonReport;
    expect(rows.filter(({ goal }) => goal !== null).map(({ name }) => name)).toEqual([
      'ledger: append, batches of 256, one stream',
      'ledger: full verification of an export',
      'ledger: seal of one batch, p99',
      expect.stringMatching(/^ledger: proof of one of \d+ entries$/),
    ]);
    expect(rows.every(({ value }) => value > 0)).toBe(true);
    expect(await readdir(temporary)).toEqual(['rows.json']);
    await rm(temporary, { recursive: true });
  },
  TIME_LIMIT_MS,
);
