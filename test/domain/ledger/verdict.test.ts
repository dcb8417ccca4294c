import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { type Status, statusCodes } from '../../../src/domain/ledger/verdict.ts';
import { leaf, vectorHashes, vectorRoots, vectorRows } from './chain.ts';
import { CHECKPOINT_1000, LOG_VKEY, WITNESS_VKEY } from './keys.ts';

const page = readFileSync('docs/ledger-format.md', 'utf8');

it('the format document lists every status with its code', () => {
  const listed = [...page.matchAll(/^\| (\d+) \| ([A-Z_]+) \|/gm)].map(([, code, status]) => [
    status,
    Number(code),
  ]);
  expect(Object.fromEntries(listed)).toEqual(statusCodes);
});

it('codes are told apart', () => {
  expect(new Set(Object.values(statusCodes)).size).toBe(Object.keys(statusCodes).length);
  // 1 and 2 belong to crashes and usage.
  expect(
    (Object.keys(statusCodes) as Status[]).filter((status) => [1, 2].includes(statusCodes[status])),
  ).toEqual([]);
});

it('the format document prints the vectors', () => {
  expect(page).toContain(leaf(vectorRows(1)[0]!));
  for (const [index, hash] of Object.entries(vectorHashes))
    expect(page).toContain(`| ${index} | ${hash} |`);
});

it('the format document prints the checkpoint, its keys and the roots that the tests hold', () => {
  expect(page).toContain(CHECKPOINT_1000);
  for (const key of [LOG_VKEY, WITNESS_VKEY]) expect(page).toContain(key);
  for (const [size, root] of Object.entries(vectorRoots))
    expect(page).toContain(`| ${size} | ${root} |`);
});
