/** Bundles of evidence as strangers check them: with openssl and coreutils, with Go, and with psql beside the ledger. */
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { isRefusal } from '../../src/domain/problem.ts';
import { exportEvidence } from '../../src/stores/evidence.ts';
import { openRecordedEvents, type RecordedEvents } from '../support/recorded-events.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });
const run = promisify(execFile);
const HERE = import.meta.dirname;

let recorded: RecordedEvents;
let home: string;
let directory: string;
let program: string;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'sentinelops-bundle-'));
  directory = join(home, 'bundle');
  program = join(home, 'verify');
  await mkdir(directory);
  recorded = await openRecordedEvents();
  await recorded.record({ bad: false });
  await recorded.seal();
  const event = await recorded.record({ bad: true }, ['approve', 'approve']);
  await recorded.seal();
  const bundle = await exportEvidence(recorded.audit, event);
  if (isRefusal(bundle)) throw new Error(bundle.detail);
  await writeFile(join(home, 'bundle.tar'), bundle);
  await run('tar', ['-xf', join(home, 'bundle.tar'), '-C', directory]);
  const environment = {
    PATH: process.env['PATH'],
    GO111MODULE: 'off',
    GOPATH: '/usr/share/gocode',
    GOCACHE: join(tmpdir(), 'sentinelops-go-cache'),
    HOME: home,
  };
  await run('go', ['build', '-o', program, join(HERE, 'verify.go')], { env: environment });
});
afterAll(async () => {
  await rm(home, { recursive: true });
  await recorded.close();
});

const shell = (in_: string) =>
  run('sh', [join(HERE, 'verify.sh'), recorded.log.verifier.text, in_]);
const go = (in_: string) =>
  run(program, [recorded.log.verifier.text, recorded.witness.verifier.text, in_]);
const leaves = async () => (await readdir(directory)).filter((name) => name.endsWith('.leaf'));

it('openssl and coreutils accept every entry, row and text', async () => {
  const { stdout } = await shell(directory);
  expect(stdout.trimEnd().split('\n')).toHaveLength((await leaves()).length);
});

it('Go accepts every entry, and the way from the checkpoint before', async () => {
  const { stdout } = await go(directory);
  expect(stdout.trimEnd().split('\n')).toHaveLength((await leaves()).length + 1);
});

it('psql finds every leaf in the ledger, as the auditor', async () => {
  for (const name of await leaves()) {
    const leaf = await readFile(join(directory, name), 'utf8');
    const { stdout } = await run('psql', [
      ...['--no-psqlrc', '-v', 'ON_ERROR_STOP=1', '-v', `leaf=${leaf}`, '-At'],
      ...['-c', 'set role sentinelops_audit', '-f', join(HERE, 'bundle.sql')],
      recorded.database.url,
    ]);
    expect(stdout.trim().split('\n').at(-1)).toBe('1');
  }
});

it('the commands of README verify the signatures with openssl', async () => {
  const [log, witness] = (await readFile(join(directory, 'policy'), 'utf8')).split('\n');
  const note = (await readFile(join(directory, 'checkpoint'), 'utf8')).split('\n');
  const wordOf = (line: string) => line.split(' ').at(-1)!;
  const keyOf = (line: string) => wordOf(line).split('+').slice(2).join('+');
  const script = `set -eu; cd ${directory}
    head -n 3 checkpoint > ${home}/text
    (printf 302a300506032b6570032100 | xxd -r -p; printf %s ${keyOf(log!)} | base64 -d | tail -c 32) > ${home}/key.der
    printf %s ${wordOf(note[4]!)} | base64 -d | tail -c 64 > ${home}/signature
    openssl pkeyutl -verify -pubin -keyform DER -inkey ${home}/key.der -rawin -in ${home}/text -sigfile ${home}/signature
    (printf 302a300506032b6570032100 | xxd -r -p; printf %s ${keyOf(witness!)} | base64 -d | tail -c 32) > ${home}/key.der
    printf %s ${wordOf(note[5]!)} | base64 -d | tail -c 64 > ${home}/signature
    time=$(printf %s ${wordOf(note[5]!)} | base64 -d | tail -c 72 | head -c 8 | xxd -p)
    (printf 'cosignature/v1\\ntime %d\\n' 0x$time; cat ${home}/text) > ${home}/cosigned
    openssl pkeyutl -verify -pubin -keyform DER -inkey ${home}/key.der -rawin -in ${home}/cosigned -sigfile ${home}/signature
    (cd content && for f in *; do echo "$f  $f"; done | sha256sum -c --quiet)`;
  const { stdout } = await run('sh', ['-c', script]);
  expect(stdout.match(/Signature Verified Successfully/g)).toHaveLength(2);
});

describe('they refuse', () => {
  it.each([
    ['an edited row', /\.record$/, ['shell', 'go']],
    ['edited data', /\.data$/, ['shell', 'go']],
    ['an edited leaf', /\.leaf$/, ['shell', 'go']],
    ['an edited text', /^[0-9a-f]{64}$/, ['shell']],
  ] as const)('%s', async (_what, which, who) => {
    const copy = await mkdtemp(join(tmpdir(), 'sentinelops-forged-'));
    try {
      await cp(directory, copy, { recursive: true });
      const entries = await readdir(copy, { recursive: true, withFileTypes: true });
      const { parentPath, name } = entries.find(
        (entry) => entry.isFile() && which.test(entry.name),
      )!;
      const bytes = await readFile(join(parentPath, name));
      bytes[bytes.length >> 1]! ^= 1;
      await writeFile(join(parentPath, name), bytes);
      for (const each of who) {
        await expect(each === 'go' ? go(copy) : shell(copy)).rejects.toMatchObject({ code: 1 });
      }
    } finally {
      await rm(copy, { recursive: true });
    }
  });
});
