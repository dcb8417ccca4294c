import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  consistencyRanges,
  createTree,
  EMPTY_ROOT,
  inclusionRanges,
  type LeafRange,
  rootOf,
  rootOfSpans,
  spansOf,
  type SubtreeHash,
} from '../../../src/domain/ledger/tree.ts';
import { vectorRoots, vectorRows } from './chain.ts';
import { naiveConsistency, naiveInclusion, naiveLeafHash, naiveRoot } from './naive-tree.ts';

/** The inputs and roots that the test code of RFC 6962 publishes. */
const publishedInputs = [
  '',
  '00',
  '10',
  '2021',
  '3031',
  '40414243',
  '5051525354555657',
  '606162636465666768696a6b6c6d6e6f',
];
const publishedRoots = [
  'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
];

const leavesOf = (count: number) =>
  Array.from({ length: count }, (_, index) => naiveLeafHash(Buffer.from(String(index))));
const leaves = leavesOf(700);

/** The hashes that proofs are read from: by level, as they are stored. */
function storedHashes(of: readonly Buffer[]) {
  const byLevel: Buffer[][] = [[...of]];
  const found: SubtreeHash[] = [];
  const tree = createTree((hash) => found.push(hash));
  for (const leaf of of) tree.add(leaf);
  for (const { level, index, hash } of found) (byLevel[level] ??= [])[index] = hash;
  return (ranges: readonly LeafRange[]) =>
    ranges.map((range) =>
      rootOfSpans(
        spansOf(range).map(({ level, start, count }) =>
          byLevel[level]!.slice(start, start + count),
        ),
      ),
    );
}

describe('the root', () => {
  it('is the published one for every size of the published tree', () => {
    const hashes = publishedInputs.map((hex) => naiveLeafHash(Buffer.from(hex, 'hex')));
    const roots = publishedRoots.map((_, size) => rootOf(hashes.slice(0, size)).toString('hex'));
    expect(roots).toEqual(publishedRoots);
    expect(EMPTY_ROOT.toString('hex')).toBe(publishedRoots[0]);
  });

  it('is the published one of our own vector chain', () => {
    const tree = createTree();
    const roots: Record<number, string> = {};
    for (const { currentHash } of vectorRows(1_000)) {
      tree.add(Buffer.from(currentHash, 'hex'));
      if (tree.size in vectorRoots) roots[tree.size] = tree.root().toString('hex');
    }
    expect(roots).toEqual(vectorRoots);
  });

  it('is what the RFC says, for every size', () => {
    const tree = createTree();
    for (let size = 0; size < 300; size += 1) {
      expect(tree.root()).toEqual(naiveRoot(leaves.slice(0, size)));
      tree.add(leaves[size]!);
    }
  });
});

describe('hashes to store', () => {
  it('are told once for each full subtree of 16 leaves, in order, and for each of 16 of those, and so on', () => {
    const found: SubtreeHash[] = [];
    const tree = createTree((hash) => found.push(hash));
    const all = leavesOf(4_096);
    for (const leaf of all) tree.add(leaf);
    const ofLevel = (level: number) => found.filter((hash) => hash.level === level);
    expect(ofLevel(1).map(({ index }) => index)).toEqual([...Array(256).keys()]);
    expect(ofLevel(1)[3]!.hash).toEqual(naiveRoot(all.slice(48, 64)));
    expect(ofLevel(2)[15]!.hash).toEqual(naiveRoot(all.slice(3_840)));
    expect(ofLevel(3)).toEqual([{ level: 3, index: 0, hash: tree.root() }]);
    expect(found).toHaveLength(256 + 16 + 1);
  });
});

describe('the hashes of a proof', () => {
  const size = fc.integer({ min: 1, max: leaves.length });

  it('are those of the RFC: inclusion', () => {
    fc.assert(
      fc.property(size, fc.nat(), (count, at) => {
        const of = leaves.slice(0, count);
        const index = at % count;
        const proof = storedHashes(of)(inclusionRanges(index, count));
        expect(proof).toEqual(naiveInclusion(index, of));
      }),
      { numRuns: 100 },
    );
  });

  it('are those of the RFC: consistency', () => {
    fc.assert(
      fc.property(size, fc.nat(), (count, at) => {
        const of = leaves.slice(0, count);
        const old = at % (count + 1);
        const proof = storedHashes(of)(consistencyRanges(old, count));
        expect(proof).toEqual(naiveConsistency(old, of));
      }),
      { numRuns: 100 },
    );
  });

  it('are few, and read from few stored ones, however large the tree', () => {
    const stored = (ranges: readonly LeafRange[]) => ranges.flatMap(spansOf);
    const count = 2 ** 40 - 1;
    for (const ranges of [
      inclusionRanges(2 ** 39 - 1, count),
      consistencyRanges(2 ** 39 + 1, count),
    ]) {
      expect(ranges.length).toBeLessThanOrEqual(41);
      expect(stored(ranges).length).toBeLessThan(100);
      expect(Math.max(...stored(ranges).map((span) => span.count))).toBeLessThan(16);
    }
  });

  it('are not asked for outside the tree', () => {
    expect(() => inclusionRanges(5, 5)).toThrow(RangeError);
    expect(() => inclusionRanges(-1, 5)).toThrow(RangeError);
    expect(() => consistencyRanges(6, 5)).toThrow(RangeError);
  });
});
