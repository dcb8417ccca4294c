/**
 * What the ledger gives out, checked by programs that share nothing with it: a shell script on openssl, Go's own notes and
 * trees, psql as the auditor. Each accepts what is honest and refuses what is not.
 */
import { execFile } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Entry, leafOf } from '../../src/domain/ledger.ts';
import {
  COSIGNS,
  createSignerKey,
  signatureLine,
  textOfNote,
} from '../../src/domain/ledger/note.ts';
import { hashLines, inclusionProofText } from '../../src/domain/ledger/proof-text.ts';
import { isRefusal } from '../../src/domain/problem.ts';
import { openCheckpointReader, openSignerStore } from '../../src/stores/ledger-checkpoint.ts';
import { exportLedger, openLedgerExport } from '../../src/stores/ledger-export.ts';
import { proveConsistency, proveInclusion } from '../../src/stores/ledger-proofs.ts';
import { type SignedLedger, signedLedger } from '../support/signed-ledger.ts';

const run = promisify(execFile);
const HERE = import.meta.dirname;
const PLACES = [0, 255, 256, 416, 599];

const witness = createSignerKey('regulator.example/w1', COSIGNS).key;
let ledger: SignedLedger;
let directory: string;
let program: string;

beforeAll(async () => {
  ledger = await signedLedger();
  directory = await mkdtemp(join(tmpdir(), 'sentinelops-evidence-'));
  program = join(directory, 'verify-go');
  await build();
  await publish();
}, 300_000);
afterAll(async () => {
  await rm(directory, { recursive: true });
  await ledger.close();
});

/** With Debian's packages golang-go and golang-golang-x-mod-dev, and no module from anywhere. */
async function build(): Promise<void> {
  const environment = {
    PATH: process.env['PATH'],
    GO111MODULE: 'off',
    GOPATH: '/usr/share/gocode',
    GOCACHE: join(tmpdir(), 'sentinelops-go-cache'),
    HOME: directory,
  };
  await run('go', ['build', '-o', program, join(HERE, 'verify.go')], { env: environment });
}

/** What a verifier is handed: two checkpoints, the newer one cosigned, proofs of some entries, the whole export. */
async function publish(): Promise<void> {
  const signer = await ledger.open();
  await ledger.append(300);
  const before = await signer.seal();
  await ledger.append(300);
  const newest = await signer.seal();
  const line = signatureLine(textOfNote(Buffer.from(newest!.note))!, witness, 1_764_000_010n);
  await ledger.signing.transact((tx) =>
    openSignerStore(tx, 0).keepCosignatures(newest!.size, [
      { witness: witness.verifier.name, line },
    ]),
  );
  const audit = ledger.database.open('audit');
  const write = (name: string, bytes: string) => writeFile(join(directory, name), bytes);
  const entries: Entry[] = [];
  const { origin, pages } = await openLedgerExport(audit, 0);
  for await (const page of pages()) entries.push(...page);
  await audit.transact(async (tx) => {
    const reader = openCheckpointReader(tx, 0, 'audit');
    await write('checkpoint', (await reader.newest())!.note);
    await write('checkpoint.before', before!.note);
    const between = await proveConsistency(reader, 300, 600);
    if (isRefusal(between)) throw new Error(between.detail);
    await write('consistency', hashLines(between));
    for (const seq of PLACES) {
      const proof = await proveInclusion(reader, seq);
      if (isRefusal(proof)) throw new Error(proof.detail);
      await write(`${seq}.leaf`, leafOf(origin, entries[seq]!));
      await write(`${seq}.data`, entries[seq]!.entryData);
      await write(
        `${seq}.tlog-proof`,
        inclusionProofText(seq, proof.hashes, proof.checkpoint.note),
      );
    }
  });
  const out = createWriteStream(join(directory, 'export'));
  await exportLedger(audit, { stream: 0, out });
  out.end();
  await finished(out);
}

const shell = (in_ = directory, vkey = ledger.key.verifier.text) =>
  run('sh', [join(HERE, 'verify.sh'), vkey, in_]);
const go = (in_ = directory) =>
  run(program, [ledger.key.verifier.text, witness.verifier.text, in_]);

const last = (text: string) => text.trimEnd().split('\n').length;

it('a shell script with openssl accepts every proof', async () => {
  expect(last((await shell()).stdout)).toBe(PLACES.length);
});

it('Go accepts checkpoints, cosignature, consistency, proofs, and replays the export', async () => {
  const { stdout } = await go();
  expect(last(stdout)).toBe(PLACES.length + 2);
  expect(stdout).toContain('the export of 600 entries is what was signed');
});

it('psql accepts the ledger as the auditor', async () => {
  const { stdout } = await run('psql', [
    '--no-psqlrc',
    '-v',
    'ON_ERROR_STOP=1',
    '-At',
    '-F',
    ' ',
    '-c',
    'set role sentinelops_audit',
    '-f',
    join(HERE, 'audit.sql'),
    ledger.database.url,
  ]);
  expect(stdout.trim().split('\n').at(-1)).toBe('0 0 0 0 600 600');
});

/** [what, the file, the change, whom it has to fail] */
const forgeries: readonly (readonly [
  string,
  string,
  (text: string) => string,
  ('shell' | 'go')[],
])[] = [
  [
    'another place in the leaf',
    '416.leaf',
    (text) => text.replace('"seq":"416"', '"seq":"417"'),
    ['shell', 'go'],
  ],
  ['a changed leaf', '416.leaf', (text) => text.replace('ERASURE', 'ERASURF'), ['shell', 'go']],
  ['other data', '416.data', (text) => text.replace('test', 'tesT'), ['shell']],
  ['two swapped hashes', '416.tlog-proof', (text) => swapLines(text, 2, 3), ['shell', 'go']],
  [
    'a missing hash',
    '416.tlog-proof',
    (text) => text.split('\n').toSpliced(2, 1).join('\n'),
    ['shell', 'go'],
  ],
  [
    'a repeated hash',
    '416.tlog-proof',
    (text) => text.split('\n').toSpliced(2, 0, text.split('\n')[2]!).join('\n'),
    ['shell', 'go'],
  ],
  [
    'another place in the proof',
    '416.tlog-proof',
    (text) => text.replace('index 416', 'index 255'),
    ['shell', 'go'],
  ],
  ['another size', '416.tlog-proof', (text) => text.replace('\n600\n', '\n601\n'), ['shell', 'go']],
  ['a changed checkpoint', 'checkpoint', (text) => text.replace('\n600\n', '\n599\n'), ['go']],
  [
    'a checkpoint without its cosignature',
    'checkpoint',
    (text) => text.split('\n').slice(0, -2).join('\n').concat('\n'),
    ['go'],
  ],
  ['a changed consistency proof', 'consistency', (text) => swapLines(text, 0, 1), ['go']],
  ['a changed export', 'export', (text) => text.replace('"seq":"17"', '"seq":"18"'), ['go']],
];

function swapLines(text: string, a: number, b: number): string {
  const lines = text.split('\n');
  return lines.with(a, lines[b]!).with(b, lines[a]!).join('\n');
}

describe('they refuse', () => {
  it.each(forgeries)('%s', async (_what, name, change, who) => {
    const copy = await mkdtemp(join(tmpdir(), 'sentinelops-forged-'));
    try {
      await cp(directory, copy, { recursive: true });
      const before = await readFile(join(copy, name), 'utf8');
      expect(change(before)).not.toBe(before);
      await writeFile(join(copy, name), change(before));
      for (const each of who) {
        await expect(each === 'go' ? go(copy) : shell(copy)).rejects.toMatchObject({ code: 1 });
      }
    } finally {
      await rm(copy, { recursive: true });
    }
  });

  it('a key that did not sign', async () => {
    const stranger = createSignerKey(ledger.origin, 1).key;
    await expect(shell(directory, stranger.verifier.text)).rejects.toMatchObject({ code: 1 });
  });
});
