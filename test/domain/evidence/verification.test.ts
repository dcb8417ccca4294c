/** What a stranger finds in a bundle: honest ones, each kind of tampering by its name, and random ones. */
import { randomInt } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { pack } from '../../../src/domain/evidence/archive.ts';
import type { EvidenceTrust } from '../../../src/domain/evidence/checkpoints.ts';
import { verifyEvidence } from '../../../src/domain/evidence/verification.ts';
import {
  COSIGNS,
  createSignerKey,
  SIGNS_TEXT,
  signatureLine,
} from '../../../src/domain/ledger/note.ts';
import { isPolicyFault, parseTrustPolicy } from '../../../src/domain/ledger/trust.ts';
import type { Status } from '../../../src/domain/ledger/verdict.ts';
import { VECTOR_ORIGIN } from '../ledger/chain.ts';
import { logKey } from '../ledger/keys.ts';
import { naiveConsistency } from '../ledger/naive-tree.ts';
import {
  chainOf,
  checkpointOf,
  facts,
  ids,
  madeBundle,
  nameOf,
  POLICY,
  SIZE,
  texts,
} from './made-bundle.ts';

const honest = madeBundle();
function trust(): EvidenceTrust {
  const policy = parseTrustPolicy(POLICY);
  if (isPolicyFault(policy)) throw new Error(policy.detail);
  return { policy };
}
const own = trust();

type Files = Map<string, Buffer>;
/** The honest bundle with one file changed. */
function changed(name: string, change: (text: string) => string, from: Files = honest): Files {
  const before = from.get(name)!.toString();
  expect(change(before)).not.toBe(before);
  return new Map(from).set(name, Buffer.from(change(before)));
}
const without = (name: string): Files => {
  const files = new Map(honest);
  expect(files.delete(name)).toBe(true);
  return files;
};

describe('an honest bundle', () => {
  it('is what it says, by its own keys and by those of the verifier', () => {
    const found = { event: ids.event, origin: VECTOR_ORIGIN, size: '100', entries: 7, erased: [] };
    expect(verifyEvidence(pack(honest))).toMatchObject({
      ...found,
      status: 'OK',
      keysFrom: 'bundle',
    });
    expect(verifyEvidence(pack(honest), own)).toMatchObject({ ...found, keysFrom: 'policy' });
  });

  it('continues a checkpoint that the verifier kept', () => {
    const rows = chainOf();
    for (const size of [1, 64, 99, SIZE]) {
      const kept = Buffer.from(checkpointOf(rows, size, logKey, 1_764_000_005));
      const hashes = rows.map((row) => Buffer.from(row.currentHash, 'hex'));
      const proof = size === SIZE ? [] : naiveConsistency(size, hashes);
      const keptConsistency = Buffer.from(
        proof.map((each) => `${each.toString('base64')}\n`).join(''),
      );
      expect([size, verifyEvidence(honest, { ...own, kept, keptConsistency }).status]).toEqual([
        size,
        'OK',
      ]);
    }
  });

  it('says what was erased, and under which entry', () => {
    const name = nameOf(texts.payload);
    const erasing = [name.slice('content/'.length)];
    const bundle = madeBundle({ erasing, without: [name] });
    expect(verifyEvidence(bundle, own)).toMatchObject({
      status: 'ERASED_OK',
      code: 0,
      erased: erasing,
    });
    expect(bundle.get('report.html')!.toString()).toContain('Erased');
    expect(bundle.get('report.html')!.toString()).not.toContain('Ada Example');
  });
});

describe('tampering is named', () => {
  const other = 'f'.repeat(64);
  const cases: readonly (readonly [string, () => Files, Status, string?])[] = [
    [
      'edited data',
      () => changed('70.data', (text) => text.replace('approved', 'rejected')),
      'DATA_MISMATCH',
      '70.data',
    ],
    [
      'an edited leaf',
      () => changed('70.leaf', (text) => text.replace('2025-11-24T15', '2025-11-24T14')),
      'PROOF_INVALID',
      '70.tlog-proof',
    ],
    [
      'an edited row',
      () => changed('70.record', (text) => text.replace('Administrator', 'Administrated')),
      'DATA_MISMATCH',
      '70.record',
    ],
    [
      'an edited justification',
      () => changed(nameOf(texts.because), () => 'Because.'),
      'DATA_MISMATCH',
      nameOf(texts.because),
    ],
    [
      'an edited payload',
      () => changed(nameOf(texts.payload), (text) => text.replace('Ada', 'Bob')),
      'DATA_MISMATCH',
    ],
    [
      'an edited policy text',
      () => changed(nameOf(texts.policy), (text) => text.replace('1', '2')),
      'DATA_MISMATCH',
    ],
    [
      'an edited report',
      () => changed('report.html', (text) => text.replace('approve', 'reject')),
      'DATA_MISMATCH',
      'report.html',
    ],
    [
      'another name of a person',
      () => changed('aside.json', (text) => text.replace('Carla', 'Berta')),
      'DATA_MISMATCH',
      'report.html',
    ],
    [
      'edited instructions',
      () => changed('README', (text) => text.replace('openssl', 'OpenSSL')),
      'DATA_MISMATCH',
      'README',
    ],
    ['a missing leaf', () => without('70.leaf'), 'DATA_MISSING'],
    ['missing data', () => without('70.data'), 'DATA_MISSING', '70.data'],
    ['a missing row', () => without('70.record'), 'DATA_MISSING', '70.record'],
    ['a missing proof', () => without('70.tlog-proof'), 'DATA_MISSING', '70.tlog-proof'],
    ['a missing text', () => without(nameOf(texts.view)), 'DATA_MISSING', nameOf(texts.view)],
    ['a missing checkpoint', () => without('checkpoint'), 'DATA_MISSING', 'checkpoint'],
    ['a missing consistency', () => without('consistency'), 'DATA_MISSING', 'consistency'],
    [
      'no entry of the advisory',
      () => madeBundle({ facts: facts.filter(({ type }) => type !== 'ADVISORY') }),
      'DATA_MISSING',
    ],
    [
      'no entry of the policy',
      () => madeBundle({ facts: facts.filter(({ type }) => type !== 'POLICY') }),
      'DATA_MISSING',
    ],
    [
      'no entry of the decision',
      () => madeBundle({ facts: facts.filter(({ type }) => type !== 'DECISION') }),
      'DATA_MISSING',
    ],
    [
      'an execution before its decision',
      () => madeBundle({ facts: facts.with(5, facts[6]!).with(6, facts[5]!) }),
      'LINK_MISSING',
    ],
    [
      'a row that says something else than its entry',
      () =>
        madeBundle({
          facts: facts.with(5, {
            ...facts[5]!,
            row: { ...facts[5]!.row, decision_type: 'rejected' },
          }),
        }),
      'LINK_MISSING',
    ],
    [
      'a file that nobody asked for',
      () => new Map(honest).set('note', Buffer.from('x')),
      'MALFORMED',
      'note',
    ],
    [
      'a text that nothing refers to',
      () => new Map(honest).set(nameOf('x'), Buffer.from('x')),
      'MALFORMED',
    ],
    [
      'swapped hashes in a proof',
      () => changed('70.tlog-proof', (text) => swapped(text, 2, 3)),
      'PROOF_INVALID',
    ],
    [
      'a missing hash in a proof',
      () => changed('70.tlog-proof', (text) => text.split('\n').toSpliced(2, 1).join('\n')),
      'PROOF_INVALID',
    ],
    [
      'another consistency proof',
      () => changed('consistency', (text) => swapped(text, 0, 1)),
      'PROOF_INVALID',
      'consistency',
    ],
    [
      'a proof under another checkpoint',
      () => changed('70.tlog-proof', (text) => text.replace('\n100\n', '\n101\n')),
      'ROOT_MISMATCH',
    ],
    [
      'another size in the checkpoint',
      () => changed('checkpoint', (text) => text.replace('\n100\n', '\n101\n')),
      'SIG_INVALID',
      'checkpoint',
    ],
    [
      'a checkpoint without its cosignature',
      () => changed('checkpoint', (text) => `${text.split('\n').slice(0, -2).join('\n')}\n`),
      'QUORUM',
      'checkpoint',
    ],
    [
      'an invented digest',
      () =>
        changed('20.data', (text) =>
          text.replace(/"digest":"[0-9a-f]{64}"/, `"digest":"${other}"`),
        ),
      'DATA_MISMATCH',
    ],
  ];
  const named = cases.map(([what, make, status, file]) => ({ what, make, status, file }));
  it.each(named)('$what', ({ make, status, file }) => {
    const verdict = verifyEvidence(make(), own);
    expect(verdict).toMatchObject({ status, ...(file === undefined ? {} : { file }) });
    expect(verdict.code).toBeGreaterThan(0);
  });

  it('a bundle that is cut off', () => {
    const archive = pack(honest);
    expect(verifyEvidence(archive.subarray(0, 5_000), own)).toMatchObject({ status: 'TRUNCATED' });
  });

  it('another key with a policy of its own', () => {
    const log = createSignerKey(VECTOR_ORIGIN, SIGNS_TEXT).key;
    const forged = madeBundle({ log });
    expect(verifyEvidence(forged)).toMatchObject({ status: 'OK', keysFrom: 'bundle' });
    expect(verifyEvidence(forged, own)).toMatchObject({ status: 'SIG_INVALID' });
  });

  it('counts no witness that only the bundle knows', () => {
    const second = createSignerKey('made-up.example/w', COSIGNS).key;
    const bundle = madeBundle({ second });
    expect(verifyEvidence(bundle).cosigners).toHaveLength(2);
    expect(verifyEvidence(bundle, own)).toMatchObject({
      status: 'OK',
      cosigners: [{ name: 'regulator.example/w1' }],
    });
  });

  it('a log that has signed another history than the one that was kept', () => {
    const rows = chainOf(facts.slice(0, 6));
    const kept = Buffer.from(checkpointOf(rows, SIZE, logKey, 1_764_000_005));
    expect(verifyEvidence(honest, { ...own, kept })).toMatchObject({ status: 'FORK' });
    const older = Buffer.from(checkpointOf(rows, 90, logKey, 1_764_000_005));
    const keptConsistency = Buffer.from('');
    expect(verifyEvidence(honest, { ...own, kept: older, keptConsistency })).toMatchObject({
      status: 'FORK',
    });
  });

  it('too few witnesses', () => {
    const policy = parseTrustPolicy(
      `${POLICY.split('\n')[0]}\nwitness w1 ${POLICY.split('\n')[1]!.split(' ')[2]}\nwitness w2 ${createSignerKey('w2.example', COSIGNS).key.verifier.text}\ngroup both all w1 w2\nquorum both\n`,
    );
    if (isPolicyFault(policy)) throw new Error(policy.detail);
    expect(verifyEvidence(honest, { policy })).toMatchObject({ status: 'QUORUM' });
  });

  it('a time that witnesses contradict', () => {
    const late = madeBundle({ cosignedAt: [1_764_000_100, 1_764_000_090] });
    expect(verifyEvidence(late, own)).toMatchObject({ status: 'TIME', file: '70.leaf' });
    const early = madeBundle({ cosignedAt: [1_763_999_900, 1_763_999_800] });
    expect(verifyEvidence(early, own)).toMatchObject({ status: 'TIME' });
    expect(
      verifyEvidence(madeBundle({ cosignedAt: [1_764_000_059, 1_764_000_050] }), own).status,
    ).toBe('OK');
  });

  it('a signature that nobody can check', () => {
    const note = honest.get('checkpoint.before')!.toString();
    const stranger = createSignerKey('stranger.example', SIGNS_TEXT).key;
    const text = note.slice(0, note.lastIndexOf('\n\n') + 1);
    const files = new Map(honest).set(
      'checkpoint.before',
      Buffer.from(note + signatureLine(text, stranger)),
    );
    expect(verifyEvidence(files, own)).toMatchObject({
      status: 'SIG_INVALID',
      file: 'checkpoint.before',
    });
  });

  it('missing content, although something else was erased', () => {
    const bundle = madeBundle({ erasing: [other], without: [nameOf(texts.payload)] });
    expect(verifyEvidence(bundle, own)).toMatchObject({ status: 'DATA_MISSING' });
  });
});

function swapped(text: string, a: number, b: number): string {
  const lines = text.split('\n');
  return lines.with(a, lines[b]!).with(b, lines[a]!).join('\n');
}

describe('at random', () => {
  it('no change of one file is missed, and each is blamed on that file or on what contradicts it', () => {
    const names = [...honest.keys()];
    for (let round = 0; round < 500; round += 1) {
      const name = names[round % names.length]!;
      const bytes = Buffer.from(honest.get(name)!);
      const at = randomInt(bytes.length);
      bytes[at] = bytes[at]! ^ (1 << randomInt(8));
      const verdict = verifyEvidence(new Map(honest).set(name, bytes), round % 2 === 0 ? own : {});
      if (verdict.code === 0) expect([name, at, verdict]).toBe('found');
      const blamed =
        verdict.file === name ||
        verdict.file === 'report.html' ||
        verdict.file?.split('.')[0] === name.split('.')[0];
      if (!blamed && !name.startsWith('checkpoint') && name !== 'policy') {
        expect([name, at, verdict]).toBe('blamed on it');
      }
    }
  }, 120_000);
});
