import { expect, it } from 'vitest';
import {
  entryBundle,
  levelsOf,
  type Tile,
  tilePath,
  tilesOfLevel,
} from '../../../src/domain/ledger/tiles.ts';

const pathsOf = (level: number, old: number, size: number) =>
  [...tilesOfLevel(level, old, size)].map((tile) => tilePath(tile));

it('a tile is found at the published path', () => {
  const tile: Tile = { level: 3, index: 1_234_067, width: 256 };
  expect(tilePath(tile)).toBe('tile/3/x001/x234/067');
  expect(tilePath({ ...tile, index: 0, width: 112 })).toBe('tile/3/000.p/112');
  expect(tilePath({ ...tile, level: 0, index: 1_000 }, true)).toBe('tile/entries/x001/000');
});

it('a tree of 70,000 has the tiles of the published example', () => {
  expect(levelsOf(70_000)).toBe(3);
  const widths = [0, 1, 2].map((level) => {
    const tiles = [...tilesOfLevel(level, 0, 70_000)];
    return [tiles.filter(({ width }) => width === 256).length, tiles.at(-1)?.width];
  });
  expect(widths).toEqual([
    [273, 112],
    [1, 17],
    [0, 1],
  ]);
  expect(pathsOf(1, 0, 256)).toEqual(['tile/1/000.p/1']);
});

it('no tile is empty, and none is written that was there', () => {
  expect(pathsOf(0, 0, 0)).toEqual([]);
  expect(pathsOf(0, 256, 256)).toEqual([]);
  expect(pathsOf(0, 0, 512)).toEqual(['tile/0/000', 'tile/0/001']);
  expect(pathsOf(0, 300, 520)).toEqual(['tile/0/001', 'tile/0/002.p/8']);
  expect(pathsOf(0, 512, 513)).toEqual(['tile/0/002.p/1']);
  expect(pathsOf(1, 512, 700)).toEqual([]);
  expect([0, 1, 255, 256, 65_535, 65_536].map(levelsOf)).toEqual([0, 1, 1, 2, 2, 3]);
});

it('entries stand behind their length', () => {
  expect(entryBundle(['a', 'bc'])).toEqual(Buffer.from('\0\u0001a\0\u0002bc'));
  expect(entryBundle([])).toHaveLength(0);
});
