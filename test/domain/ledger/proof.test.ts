import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isConsistent, isIncluded } from '../../../src/domain/ledger/proof.ts';
import { EMPTY_ROOT, rootOf } from '../../../src/domain/ledger/tree.ts';
import { vectorHashes, vectorRows } from './chain.ts';
import { naiveConsistency, naiveInclusion, naiveLeafHash, naiveRoot } from './naive-tree.ts';

const leaves = Array.from({ length: 70 }, (_, index) => naiveLeafHash(Buffer.from([index])));

function inclusion(index: number, size: number) {
  const of = leaves.slice(0, size);
  return {
    index: BigInt(index),
    size: BigInt(size),
    leafHash: of[index]!,
    root: naiveRoot(of),
    proof: naiveInclusion(index, of),
  };
}

function consistency(old: number, size: number) {
  return {
    oldSize: BigInt(old),
    oldRoot: naiveRoot(leaves.slice(0, old)),
    size: BigInt(size),
    root: naiveRoot(leaves.slice(0, size)),
    proof: naiveConsistency(old, leaves.slice(0, size)),
  };
}

const garbage = Buffer.alloc(32, 7);
function flipped(hash: Buffer, bit: number): Buffer {
  const copy = Buffer.from(hash);
  copy[bit >> 3]! ^= 1 << (bit & 7);
  return copy;
}

/** Every way in which the public test cases of transparency-dev/merkle spoil a list of hashes, and some more. */
function spoiled(proof: readonly Buffer[], extra: readonly Buffer[]): (readonly Buffer[])[] {
  return [
    ...proof.map((hash, at) => proof.with(at, flipped(hash, 4))),
    ...proof.map((hash, at) => proof.with(at, hash.subarray(0, 31))),
    ...proof.map((hash, at) => proof.with(at, Buffer.concat([hash, Buffer.of(0)]))),
    ...proof.map((_, at) => proof.toSpliced(at, 1)),
    ...proof.slice(1).map((hash, at) => proof.with(at, hash).with(at + 1, proof[at]!)),
    ...[garbage, Buffer.alloc(0), ...extra].flatMap((hash) => [
      [hash, ...proof],
      [...proof, hash],
    ]),
  ];
}

describe('an inclusion proof', () => {
  it('holds for every leaf of every small tree', () => {
    for (let size = 1; size <= leaves.length; size += 1) {
      for (let index = 0; index < size; index += 1) {
        expect(isIncluded(inclusion(index, size))).toBe(true);
      }
    }
  });

  it('is the published one of our own vector chain', () => {
    const hashes = vectorRows(1_000).map((row) => Buffer.from(row.currentHash, 'hex'));
    const proof = [
      '6ffdD8Bq6wvvyx6ZyGQ/yio4NUMIIhgFB+iyza3GGms=',
      'aCudtY5ODQB3aKTxq3fLMploGq8/RutZNm8eTvC1YpI=',
      'mOr34qjYSKuhq+UHqwkmKFXeK+Ni6PbaFaDaSjK+4mU=',
      'aAgdyat3E10b8hhxWwkoy5Uc0YbZGd+zmmhy2nU2hMY=',
      '9ztKlY7H8NbXAa01umXMUlVHTqR7MVNI2ccyYAaIYx4=',
      'yy6V7g/0qw0CKSe8p0m2h3dZJqr41/TglnuxGmxVMvQ=',
      'tPjGYmsqtfgGZHZsVV0Cc/67x90RKlikq67ytyn3yLY=',
      'nHWIyey3Ml2CSr+Jg5ZDGUqUmdaqZc8YsKc205EkPKQ=',
      'aNfE9LqjWc8HbMes2wbitH3+19YNC3QyUkwPssoGh4U=',
      'rYtNRxVEXCquKF+gGuVDPEvImysfqGic94A9O/wwHLs=',
    ].map((text) => Buffer.from(text, 'base64'));
    expect(naiveInclusion(416, hashes)).toEqual(proof);
    const leafHash = Buffer.from(vectorHashes[416]!, 'hex');
    const root = rootOf(hashes);
    expect(isIncluded({ index: 416n, size: 1_000n, leafHash, root, proof })).toBe(true);
    expect(naiveConsistency(700, hashes)).toHaveLength(9);
  });

  it('does not hold when anything is changed', () => {
    for (const [index, size] of [
      [0, 1],
      [0, 8],
      [5, 8],
      [2, 3],
      [1, 5],
      [6, 7],
      [69, 70],
    ] as const) {
      const honest = inclusion(index, size);
      const { proof, leafHash, root } = honest;
      const forged = [
        ...spoiled(proof, [root, leafHash]).map((other) => ({ ...honest, proof: other })),
        { ...honest, leafHash: flipped(leafHash, 0) },
        { ...honest, root: garbage },
        { ...honest, root: EMPTY_ROOT },
        { ...honest, root: Buffer.alloc(0) },
        ...[honest.index + 1n, honest.index - 1n, honest.index ^ 2n, honest.size].map((other) => ({
          ...honest,
          index: other,
        })),
        ...[honest.size * 2n, honest.size / 2n, 0n].map((other) => ({ ...honest, size: other })),
      ];
      expect(forged.filter(isIncluded)).toEqual([]);
    }
  });

  it('works on numbers beyond 2^53', () => {
    const size = 2n ** 62n;
    const [leafHash] = leaves as [Buffer];
    const proof = Array.from({ length: 62 }, () => garbage);
    const root = naiveFold(leafHash, proof);
    expect(isIncluded({ index: 0n, size, leafHash, root, proof })).toBe(true);
    expect(isIncluded({ index: 1n, size, leafHash, root, proof })).toBe(false);
  });
});

function naiveFold(leaf: Buffer, proof: readonly Buffer[]): Buffer {
  return proof.reduce((left, right) => naiveRoot([left, right]), leaf);
}

describe('a consistency proof', () => {
  it('holds between all small trees', () => {
    for (let size = 0; size <= leaves.length; size += 1) {
      for (let old = 0; old <= size; old += 1) {
        expect(isConsistent(consistency(old, size))).toBe(true);
      }
    }
  });

  it('does not hold when anything is changed', () => {
    for (const [old, size] of [
      [1, 8],
      [6, 8],
      [2, 5],
      [6, 7],
      [64, 70],
    ] as const) {
      const honest = consistency(old, size);
      const { proof, root, oldRoot } = honest;
      const forged = [
        ...spoiled(proof, [root, oldRoot]).map((other) => ({ ...honest, proof: other })),
        ...[garbage, root, EMPTY_ROOT].map((other) => ({ ...honest, oldRoot: other })),
        ...[garbage, oldRoot].map((other) => ({ ...honest, root: other })),
        ...[honest.oldSize + 1n, honest.oldSize ^ 2n, honest.size + 1n, 0n, -1n].map((other) => ({
          ...honest,
          oldSize: other,
        })),
        ...[honest.size * 2n, honest.size / 2n].map((other) => ({
          ...honest,
          size: other,
        })),
      ];
      expect(forged.filter(isConsistent)).toEqual([]);
    }
  });

  it('from the empty tree, or between equal sizes, is empty and takes only the right roots', () => {
    const fromNothing = consistency(0, 5);
    const same = consistency(70, 70);
    const forged = [
      { ...fromNothing, proof: [garbage] },
      { ...fromNothing, oldRoot: garbage },
      { ...same, proof: [garbage] },
      { ...same, oldRoot: garbage },
      { ...same, root: garbage },
    ];
    expect(forged.filter(isConsistent)).toEqual([]);
  });

  it('is not found for two trees that differ in an old leaf', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 69 }), fc.nat(), fc.nat(), (size, a, b) => {
        const old = 1 + (a % size);
        const at = b % old;
        const forgedLeaves = leaves.slice(0, size).with(at, garbage);
        const claim = {
          ...consistency(old, size),
          root: naiveRoot(forgedLeaves),
          proof: naiveConsistency(old, forgedLeaves),
        };
        expect(isConsistent(claim)).toBe(false);
      }),
    );
  });
});
