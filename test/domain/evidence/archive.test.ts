import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { isArchiveFault, pack, unpack } from '../../../src/domain/evidence/archive.ts';

const run = promisify(execFile);
const files = new Map([
  ['b.leaf', Buffer.from('b')],
  ['a', Buffer.alloc(512, 'a')],
  ['content/0123', Buffer.alloc(0)],
]);
const archive = pack(files);
const inOrder = ['a', 'b.leaf', 'content/0123'].map((name) => [name, files.get(name)]);

it('comes back as the files that went in, in the order of their names', () => {
  const found = unpack(archive);
  expect(isArchiveFault(found)).toBe(false);
  expect([...(found as typeof files)]).toEqual(inOrder);
});

it('is unpacked by tar', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'sentinelops-archive-'));
  try {
    await writeFile(join(directory, 'bundle.tar'), archive);
    await run('tar', ['-xf', 'bundle.tar'], { cwd: directory });
    expect(await readFile(join(directory, 'content', '0123'), 'utf8')).toBe('');
    expect(await readFile(join(directory, 'a'))).toEqual(files.get('a'));
  } finally {
    await rm(directory, { recursive: true });
  }
});

it('that ends early, anywhere, is known to be cut', () => {
  for (let length = 0; length < archive.length; length += 1) {
    expect([length, unpack(archive.subarray(0, length))]).toEqual([
      length,
      expect.objectContaining({ fault: 'cut' }),
    ]);
  }
});

it('has no bit that could be another without the files being others', () => {
  for (let at = 0; at < archive.length; at += 1) {
    const other = Buffer.from(archive);
    other[at]! ^= 1 << (at % 8);
    const found = unpack(other);
    if (!isArchiveFault(found)) expect([...found]).not.toEqual(inOrder);
  }
});

it('has nothing behind its end', () => {
  for (const more of [Buffer.alloc(512), Buffer.from('x')]) {
    expect(unpack(Buffer.concat([archive, more]))).toMatchObject({ fault: 'malformed' });
  }
});

it('takes no name that leads elsewhere', () => {
  for (const name of ['../a', '/a', 'a/../b', 'a/b/c', '', 'a b', 'a'.repeat(100)]) {
    expect(() => pack(new Map([[name, Buffer.alloc(0)]]))).toThrow(RangeError);
  }
});
