/** Policies as their authors work on them: checked and tested without a database, then from draft into force and back. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { stringify } from 'yaml';
import { EXAMPLES_DIRECTORY } from '../../src/demo/demo.ts';
import { type JourneyGround, openGround } from '../journeys/foundation.ts';
import { policyOf } from '../support/documents.ts';
import { queueStores } from '../support/queue-stores.ts';
import { type Ended, sentinelops } from './command.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let ground: JourneyGround;
let home: string;
beforeAll(async () => {
  ground = await openGround(queueStores.find(({ name }) => name === 'postgres')!);
  home = await mkdtemp(join(tmpdir(), 'sentinelops-test-cli-policy-'));
});
afterAll(async () => {
  await ground.close();
  await rm(home, { recursive: true });
});

const run = (...args: readonly string[]): Promise<Ended> =>
  sentinelops(['policy', ...args], ground.environment);

async function document(name: string, content: object): Promise<string> {
  const file = join(home, name);
  await writeFile(file, stringify(content));
  return file;
}

const example = { type: 'com.example.x', subject: 'a', data: { bad: true } };

describe('without a database', () => {
  const alone = (...args: readonly string[]) => sentinelops(['policy', ...args]);

  it('the examples are in order, and their cases pass', async () => {
    expect(await alone('validate', EXAMPLES_DIRECTORY)).toMatchObject({ code: 0, stdout: '' });
    const tested = await alone('test', EXAMPLES_DIRECTORY, '--json');
    expect(tested.code).toBe(0);
    expect(JSON.parse(tested.stdout)).not.toHaveLength(0);
  });

  it('a case that fails says what each condition saw', async () => {
    const cases = [{ case: 'says no', event: example, expect: 'not matched' }];
    const file = await document('failing.yaml', { ...policyOf('failing'), cases });
    const tested = await alone('test', file);
    expect(tested).toMatchObject({ code: 1 });
    expect(tested.stderr).toContain('says no: expected not matched, is matched');
    expect(tested.stderr).toContain('all.0: $.data.bad is true, equal true: held');
    expect(await alone('validate', file)).toMatchObject({ code: 1 });
    expect(await alone('validate', join(home, 'nowhere'))).toMatchObject({ code: 4 });
  });

  it('the schema for editors is printed', async () => {
    const { stdout } = await alone('schema', '--kind', 'risk-model');
    expect(JSON.parse(stdout)).toMatchObject({ title: 'SentinelOps risk model' });
  });
});

it('a version goes from a file into force and back, by its people', async () => {
  for (const name of ['ann', 'ben']) {
    const added = await sentinelops(
      ['reviewer', 'add', '--name', name, '--role', 'Compliance Officer'],
      ground.environment,
    );
    expect(added.code).toBe(0);
  }
  const file = await document('p.yaml', policyOf('p'));
  expect(await run('apply', file, '--author', 'ann', '--dry-run')).toMatchObject({
    code: 3,
    stderr: expect.stringContaining('would be kept: p@1'),
  });
  expect(await run('apply', file, '--author', 'ann')).toMatchObject({ code: 0 });
  expect(await run('apply', file, '--author', 'ann', '--dry-run')).toMatchObject({ code: 0 });
  expect(await run('approve', 'p', '1', '--by', 'ann')).toMatchObject({ code: 1 });
  expect(await run('approve', 'p', '1', '--by', 'ben')).toMatchObject({ code: 0 });
  expect(await run('activate', 'p', '1', '--by', 'ben')).toMatchObject({ code: 0 });
  expect(await run('diff', file)).toMatchObject({ code: 0, stdout: '' });

  const next = await document('p.yaml', policyOf('p', { version: 2, title: 'Another title' }));
  const diff = await run('diff', next);
  expect(diff.code).toBe(3);
  expect(diff.stdout).toMatch(/^-title: Title of p$[^]*^\+title: Another title$/m);
  await run('apply', next, '--author', 'ann');
  await run('approve', 'p', '2', '--by', 'ben');
  await run('activate', 'p', '2', '--by', 'ben');
  expect(await run('activate', 'p', '1', '--by', 'ben')).toMatchObject({
    code: 0,
    stderr: expect.stringContaining('deprecated: p@2\nactive: p@1'),
  });

  const { stdout } = await run('list', '--json');
  expect(JSON.parse(stdout)).toMatchObject([{ name: 'p', version: 1, status: 'active' }]);
  expect((await run('show', 'p', '2')).stdout).toContain('title: Another title');
  const history = JSON.parse((await run('history', 'p', '--json')).stdout) as object[];
  // Five steps of the first version, which came back into force, and four of the second.
  expect(history).toHaveLength(9);
  expect(await run('show', 'q')).toMatchObject({ code: 4 });
  expect(await run('approve', 'p', 'one', '--by', 'ben')).toMatchObject({ code: 2 });
});

it('replay says when there is nothing to compare', async () => {
  const replay = (...args: readonly string[]) =>
    sentinelops(['replay', ...args], ground.environment);
  expect(await replay('--from', '2026-01-01T00:00:00Z')).toMatchObject({
    code: 0,
    stderr: expect.stringContaining('0 events replayed'),
  });
  expect(await replay('00000000-0000-8000-8000-000000000000')).toMatchObject({ code: 4 });
  expect(await replay('--from', 'yesterday')).toMatchObject({ code: 2 });
});

it('a backtest keeps its state, goes on from it, and refuses the state of another one', async () => {
  const file = await document('b.yaml', policyOf('b'));
  const [state, report] = [join(home, 'b.state'), join(home, 'b.html')];
  const range = ['--from', '2026-01-01T00:00:00Z', '--to', '2026-02-01T00:00:00Z'];
  const first = await run('backtest', file, ...range, '--state', state, '--html', report, '--json');
  expect(first).toMatchObject({ code: 0 });
  expect(JSON.parse(first.stdout)).toMatchObject({
    report: { policy: 'b@1', counts: { events: 0 } },
    report_sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
  });
  expect(await readFile(report, 'utf8')).toContain('<h1>Backtest of b@1</h1>');
  expect(await run('backtest', file, ...range, '--state', state)).toMatchObject({ code: 0 });
  const other = await document('c.yaml', policyOf('c'));
  expect(await run('backtest', other, ...range, '--state', state)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('is the state of another backtest'),
  });
});
