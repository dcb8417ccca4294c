/** Where the tiles of a tree are (C2SP tlog-tiles): arithmetic and names, without any file. */
import { STORED_HEIGHT } from './tree.ts';

const TILE_HEIGHT = 8;
export const TILE_WIDTH = 2 ** TILE_HEIGHT;

export interface Tile {
  /** Its hashes are roots of 256^level entries. */
  readonly level: number;
  readonly index: number;
  /** How many hashes it has: 256 when it is full, and then it never changes. */
  readonly width: number;
}

/** `tile/0/x001/x234/067.p/8`; `entries` instead of a level names the bundle of entries under a tile of level 0. */
export function tilePath({ level, index, width }: Tile, entries = false): string {
  const groups = String(index)
    .padStart(Math.ceil(String(index).length / 3) * 3, '0')
    .match(/.{3}/g)!;
  const path = groups.map((group, n) => (n < groups.length - 1 ? `x${group}` : group)).join('/');
  const partial = width === TILE_WIDTH ? '' : `.p/${width}`;
  return `tile/${entries ? 'entries' : level}/${path}${partial}`;
}

/** The tiles of one level of the tree of `size` entries that the tree of `old` had not, or not so wide. */
export function* tilesOfLevel(level: number, old: number, size: number): Generator<Tile> {
  const perHash = TILE_WIDTH ** level;
  const [had, has] = [Math.floor(old / perHash), Math.floor(size / perHash)];
  if (had === has) return;
  for (let index = Math.floor(had / TILE_WIDTH); index * TILE_WIDTH < has; index += 1) {
    yield { level, index, width: Math.min(TILE_WIDTH, has - index * TILE_WIDTH) };
  }
}

/** The level of stored hashes that are the hashes of the tiles of this level. */
export function storedLevelOf(level: number): number {
  return level * (TILE_HEIGHT / STORED_HEIGHT);
}

/** How many levels of tiles the tree of `size` entries has. */
export function levelsOf(size: number): number {
  let levels = 0;
  while (size >= TILE_WIDTH ** levels) levels += 1;
  return size === 0 ? 0 : levels;
}

const LENGTH_BYTES = 2;

/** Entries one after the other, each behind its length in two bytes. */
export function entryBundle(leaves: readonly string[]): Buffer {
  return Buffer.concat(
    leaves.flatMap((leaf) => {
      const bytes = Buffer.from(leaf);
      const length = Buffer.alloc(LENGTH_BYTES);
      length.writeUInt16BE(bytes.length);
      return [length, bytes];
    }),
  );
}
