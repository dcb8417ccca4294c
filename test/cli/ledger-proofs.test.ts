/**
 * A ledger that becomes checkable by strangers, as its operator and a second party do it: keys, signer, witness, proofs,
 * and a verification that needs nothing but two files.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { addCheckpointBody } from '../../src/domain/ledger/witness-protocol.ts';
import { type SignedLedger, signedLedger } from '../support/signed-ledger.ts';
import { type Daemon, type Environment, sentinelops, startSentinelops } from './command.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });
const VERIFY = join(import.meta.dirname, '..', 'independent', 'verify.sh');

let ledger: SignedLedger;
let home: string;
let environment: Environment;
let vkey: string;
let witnessKey: string;

const at = (name: string) => join(home, name);
const run = (...args: readonly string[]) => sentinelops(args, environment);
async function output(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run(...args);
  expect([args, code, stderr]).toEqual([args, 0, expect.anything()]);
  return stdout;
}

beforeAll(async () => {
  ledger = await signedLedger();
  home = await mkdtemp(join(tmpdir(), 'sentinelops-test-signing-'));
  environment = {
    DATABASE_URL: ledger.database.url,
    LEDGER_SIGNING_KEY: `file:${at('log.key')}`,
    LEDGER_STATE_DIR: at('state'),
    LEDGER_TRUST_POLICY: at('policy'),
  };
  await ledger.append(20);
});
/** Of the daemons that a failed test has left. */
const started: Daemon[] = [];
afterAll(async () => {
  await Promise.all(started.map(stopped));
  await rm(home, { recursive: true });
  await ledger.close();
});

function start(args: readonly string[], settings: Environment): Daemon {
  const daemon = startSentinelops(args, settings);
  started.push(daemon);
  return daemon;
}

async function stopped(daemon: Daemon): Promise<number | null> {
  daemon.signal('SIGTERM');
  return (await daemon.ended).code;
}

it('keys are made once, for their owner alone', async () => {
  vkey = (await output('ledger', 'key', 'new', '--out', at('log.key'))).trim();
  expect(vkey.startsWith(`${ledger.origin}+`)).toBe(true);
  expect((await stat(at('log.key'))).mode & 0o777).toBe(0o600);
  expect((await run('ledger', 'key', 'new', '--out', at('log.key'))).code).toBe(2);
  const named = ['--name', 'regulator.example/w1'];
  witnessKey = (await output('witness', 'key', 'new', '--out', at('w1.key'), ...named)).trim();
  await writeFile(at('policy'), `log ${vkey}\nwitness w1 ${witnessKey}\nquorum w1\n`);
});

it('a ledger that has entries is signed only once somebody adopts it', async () => {
  const refused = await run('ledger', 'sign');
  expect([refused.code, refused.stderr]).toEqual([35, expect.stringContaining('ledger adopt')]);
  expect((await run('ledger', 'checkpoint')).code).toBe(4);
  await output('ledger', 'adopt');
  expect(await output('ledger', 'checkpoint')).toContain(`${ledger.origin}\n20\n`);
});

it('the signer signs what comes, and a witness of a second party cosigns it', async () => {
  const witnessed = [
    '--key',
    `file:${at('w1.key')}`,
    '--policy',
    at('policy'),
    '--state',
    at('w1'),
  ];
  const witness = start(
    ['witness', 'run', ...witnessed, '--listen', '127.0.0.1:0', '--drop', home],
    {},
  );
  const { url } = await witness.says('listening');
  await writeFile(
    at('policy'),
    `log ${vkey}\nwitness w1 ${witnessKey} ${String(url)}\nquorum w1\n`,
  );
  const signer = start(['ledger', 'sign'], environment);
  await signer.says('signing');
  await ledger.append(30);
  await expect
    .poll(() => output('ledger', 'checkpoint'), { timeout: 60_000 })
    .toMatch(/\n50\n[^]*\u2014 regulator\.example\/w1 /);
  // The same bytes through a directory.
  const checkpoint = Buffer.from(await output('ledger', 'checkpoint'));
  await writeFile(at('again.request'), addCheckpointBody({ old: 50n, proof: [], checkpoint }));
  await witness.says('answered');
  expect(await readFile(at('again.answer'), 'utf8')).toMatch(
    /^200\n\u2014 regulator\.example\/w1 /,
  );
  expect(await stopped(signer)).toBe(0);
  expect(await stopped(witness)).toBe(0);
});

it('proofs are made by place and by id, and openssl accepts them', async () => {
  const { rows } = await ledger.client.query<{ id: string }>(
    'select linked_entity_id as id from ledger.ledger_entry where seq = 33',
  );
  const proof = await output('ledger', 'prove', '33');
  expect(await output('ledger', 'prove', rows[0]!.id)).toBe(proof);
  await output('ledger', 'prove', '33', '--out', at('evidence'));
  const { stdout } = await promisify(execFile)('sh', [VERIFY, vkey, at('evidence')]);
  expect(stdout).toBe(`entry 33 is in the tree of 50 entries signed by ${ledger.origin}\n`);
  expect(
    (await output('ledger', 'consistency', '20', '50')).trim().split('\n').length,
  ).toBeGreaterThan(1);
  expect((await run('ledger', 'prove', '50')).code).toBe(4);
  expect((await run('ledger', 'prove', 'nothing')).code).toBe(2);
  expect((await run('ledger', 'prove', '00000000-0000-8000-8000-000000000000')).code).toBe(4);
  expect(await output('ledger', 'tiles', '--out', at('tiles'))).toBe('');
  expect(await readFile(join(at('tiles'), 'checkpoint'), 'utf8')).toContain('\n50\n');
});

it('an export is verified against a checkpoint without any database', async () => {
  await writeFile(at('kept'), await output('ledger', 'checkpoint'));
  await output('ledger', 'export', '--out', at('ledger.export'));
  const verify = async (checkpoint: string, policy = at('policy')) => {
    const args = [
      'ledger',
      'verify',
      at('ledger.export'),
      '--checkpoint',
      checkpoint,
      '--policy',
      policy,
    ];
    const { code, stdout } = await sentinelops(args, {});
    return [code, (JSON.parse(stdout) as { status: string }).status];
  };
  expect(await verify(at('kept'))).toEqual([0, 'OK']);
  await writeFile(at('other'), (await readFile(at('kept'), 'utf8')).replace('\n50\n', '\n49\n'));
  expect(await verify(at('other'))).toEqual([31, 'SIG_INVALID']);
  await writeFile(
    at('alone'),
    (await readFile(at('kept'), 'utf8')).replace(/\u2014 regulator.*\n/, ''),
  );
  expect(await verify(at('alone'))).toEqual([33, 'QUORUM']);
  const lines = (await readFile(at('ledger.export'), 'utf8')).split('\n');
  await writeFile(at('ledger.export'), lines.toSpliced(41).concat('').join('\n'));
  expect(await verify(at('kept'))).toEqual([18, 'TRUNCATED']);
  const alone = ['ledger', 'verify', at('ledger.export'), '--checkpoint', at('kept')];
  expect((await sentinelops(alone, {})).code).toBe(2);
});

it('another key goes on where the old one says so', async () => {
  await output('ledger', 'key', 'new', '--out', at('next.key'));
  const statement = await output('ledger', 'key', 'change', '--to', `file:${at('next.key')}`);
  expect(statement).toContain(`from ${vkey}\nto ${ledger.origin}+`);
  environment = { ...environment, LEDGER_SIGNING_KEY: `file:${at('next.key')}` };
  await ledger.append(1);
  await output('ledger', 'adopt');
  expect(await output('ledger', 'checkpoint')).toContain(`${ledger.origin}\n51\n`);
});

it('a ledger that was put back halts its signer with a code of its own', async () => {
  await ledger.forge('delete from ledger.ledger_entry where seq >= 45');
  const { code, stderr } = await run('ledger', 'sign');
  expect([code, stderr]).toEqual([35, expect.stringContaining('51 were signed')]);
});
