/** Evidence and completeness as their users meet them: an operator with a database, an auditor with a file and nothing else. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import type { EventId } from '../../src/domain/ids.ts';
import { openRecordedEvents, type RecordedEvents } from '../support/recorded-events.ts';
import { sentinelops } from './command.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });
let recorded: RecordedEvents;
let home: string;
let event: EventId;
const at = (name: string) => join(home, name);
const operator = (...args: readonly string[]) =>
  sentinelops(args, { DATABASE_URL: recorded.database.url });
/** No database, and an address of one where nobody answers. */
const auditor = (...args: readonly string[]) =>
  sentinelops(args, { DATABASE_URL: 'postgres://127.0.0.1:1/none', HOME: home });
const verdictOf = (stdout: string) => JSON.parse(stdout) as Record<string, unknown>;

beforeAll(async () => {
  recorded = await openRecordedEvents();
  home = await mkdtemp(join(tmpdir(), 'sentinelops-evidence-'));
  await recorded.record({ bad: false });
  await recorded.seal();
  event = await recorded.record({ bad: true }, ['approve', 'approve']);
  await recorded.seal();
  await writeFile(at('policy'), recorded.policy);
});
afterAll(async () => {
  await rm(home, { recursive: true });
  await recorded.close();
});

it('an operator exports, and an auditor verifies the file, or the directory that it unpacks to', async () => {
  const exported = await operator('evidence', 'export', event, '--out', at('bundle.tar'));
  expect([exported.code, exported.stderr]).toEqual([0, expect.stringContaining('bytes')]);
  const verified = await auditor('evidence', 'verify', at('bundle.tar'), '--policy', at('policy'));
  expect([verified.code, verdictOf(verified.stdout)]).toEqual([
    0,
    expect.objectContaining({ status: 'OK', event, keysFrom: 'policy' }),
  ]);
  await mkdir(at('bundle'));
  await promisify(execFile)('tar', ['-xf', at('bundle.tar'), '-C', at('bundle')]);
  const unpacked = await auditor('evidence', 'verify', at('bundle'));
  expect(unpacked.code).toBe(0);
  expect(unpacked.stderr).toContain('--policy');
});

it('an auditor learns by the exit code what was done to a file', async () => {
  const bundle = await readFile(at('bundle.tar'));
  const text = bundle.toString('latin1');
  const codes: number[] = [];
  for (const bytes of [
    Buffer.from(text.replace('has looked into it', 'has looked INTO it'), 'latin1'),
    bundle.subarray(0, bundle.length - 2_000),
    Buffer.from('not a bundle'),
  ]) {
    await writeFile(at('other.tar'), bytes);
    codes.push((await auditor('evidence', 'verify', at('other.tar'))).code!);
  }
  expect(codes).toEqual([15, 18, 18]);
  expect((await auditor('evidence', 'verify', at('nothing'))).code).toBe(3);
  expect((await auditor('evidence', 'verify', at('bundle.tar'), '--consistency', 'x')).code).toBe(
    2,
  );
});

it('no bundle is written of an event that is not known, nor to a name that is none', async () => {
  const unknown = '00000000-0000-8000-8000-000000000000';
  expect((await operator('evidence', 'export', unknown, '--out', at('x'))).code).toBe(4);
  expect((await operator('evidence', 'export', 'event', '--out', at('x'))).code).toBe(4);
});

it('a day that is complete ends with 0, one that is not with 38 and what is missing', async () => {
  const day = (...more: string[]) =>
    operator('audit', 'completeness', '--source', 'acme', '--day', '2026-01-02', ...more);
  const complete = await day();
  expect([complete.code, complete.stdout]).toEqual([0, expect.stringContaining(': complete')]);
  await recorded.record({ bad: false });
  const missing = await day();
  expect([missing.code, missing.stdout]).toEqual([38, expect.stringContaining('NOT COMPLETE')]);
  expect(missing.stdout).toMatch(/! facts \d+ = \d+ ledgered/);
  await recorded.seal();
  expect((await day()).code).toBe(0);
});

it('a day is stated for its source as a note, by a key of its own', async () => {
  const origin = recorded.log.verifier.name;
  const key = at('completeness.key');
  await operator('ledger', 'key', 'new', '--out', key, '--name', `${origin}/completeness`);
  const day = (sign: string) =>
    operator('audit', 'completeness', '--source', 'acme', '--day', '2026-01-02', '--sign', sign);
  const note = await day(`file:${key}`);
  expect(note.stdout).toMatch(
    /^sentinelops-completeness\/v1\norigin .*\nsource acme\nday 2026-01-02\ncount 3\n/,
  );
  expect(note.stdout).toContain(`\u2014 ${origin}/completeness `);
  await operator('ledger', 'key', 'new', '--out', at('other.key'), '--name', origin);
  expect((await day(`file:${at('other.key')}`)).code).toBe(2);
  const nobody = await operator('audit', 'completeness', '--source', 'x', '--day', '2026-01-02');
  expect(nobody.code).toBe(4);
});
