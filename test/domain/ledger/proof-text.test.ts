import { expect, it } from 'vitest';
import {
  hashLines,
  inclusionProofText,
  parseHashes,
  parseInclusionProof,
} from '../../../src/domain/ledger/proof-text.ts';
import { vectorRows } from './chain.ts';
import { CHECKPOINT_1000 } from './keys.ts';
import { naiveInclusion } from './naive-tree.ts';

const hashes = naiveInclusion(
  416,
  vectorRows(1_000).map((row) => Buffer.from(row.currentHash, 'hex')),
);
const text = inclusionProofText(416, hashes, CHECKPOINT_1000);

it('an inclusion proof is a C2SP tlog-proof, and is read back', () => {
  const lines = text.split('\n');
  expect(lines.slice(0, 3)).toEqual([
    'c2sp.org/tlog-proof@v1',
    'index 416',
    '6ffdD8Bq6wvvyx6ZyGQ/yio4NUMIIhgFB+iyza3GGms=',
  ]);
  expect(text.endsWith(`=\n\n${CHECKPOINT_1000}`)).toBe(true);
  const checkpoint = Buffer.from(CHECKPOINT_1000);
  expect(parseInclusionProof(Buffer.from(text))).toEqual({ index: 416n, hashes, checkpoint });
});

it('a proof without hashes, of the only leaf, is read back too', () => {
  const alone = Buffer.from(inclusionProofText(0, [], CHECKPOINT_1000));
  expect(parseInclusionProof(alone)).toMatchObject({ index: 0n, hashes: [] });
});

it.each([
  ['another version', text.replace('@v1', '@v2')],
  ['no index', text.replace('index 416\n', '')],
  ['a leading zero', text.replace('index 416', 'index 0416')],
  ['extra data', text.replace('index', 'extra YQ==\nindex')],
  ['a hash of 31 bytes', text.replace(/6ffd.*=/, Buffer.alloc(31).toString('base64'))],
  ['another spelling', text.replace('GGms=', 'GGmt=')],
  [
    'too many hashes',
    text.replace('index 416\n', `index 416\n${hashLines([...Array(60)].map(() => hashes[0]!))}`),
  ],
  ['no end', text.slice(0, 60)],
])('is refused: %s', (_what, changed) => {
  expect(parseInclusionProof(Buffer.from(changed))).toBeUndefined();
});

it('hashes are one to a line', () => {
  const lines = hashLines(hashes).split('\n').slice(0, -1);
  expect(parseHashes(lines)).toEqual(hashes);
  expect(parseHashes([''])).toBeUndefined();
});
