import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { documentKind } from '../../src/documents/document.ts';
import { readFolder } from '../../src/documents/folder.ts';

const numbered = documentKind<{ n: number }>(
  {
    type: 'object',
    required: ['n'],
    properties: { n: { type: 'integer', description: 'a whole number' } },
  },
  ({ n }) => (n > 9 ? [{ at: ['n'], problem: 'too much' }] : []),
);

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'documents-'));
});
afterEach(() => rm(folder, { recursive: true }));

it('reads every document of a folder in the order of their names, and nothing else', async () => {
  await writeFile(join(folder, 'b.yaml'), 'n: 2');
  await writeFile(join(folder, 'a.yaml'), 'n: 1');
  await writeFile(join(folder, 'README.md'), '# no document');
  expect(await readFolder(folder, numbered)).toEqual({ definitions: [{ n: 1 }, { n: 2 }] });
});

it('gives the faults of all documents, and then no definition', async () => {
  await writeFile(join(folder, 'a.yaml'), 'n: x');
  await writeFile(join(folder, 'b.yaml'), 'n: 10');
  await writeFile(join(folder, 'c.yaml'), 'n: 3');
  expect(await readFolder(folder, numbered)).toEqual({
    faults: [
      { file: join(folder, 'a.yaml'), line: 1, column: 4, message: '"n" must be a whole number' },
      { file: join(folder, 'b.yaml'), line: 1, column: 4, message: 'too much' },
    ],
  });
});

it('an empty folder has no documents', async () => {
  expect(await readFolder(folder, numbered)).toEqual({ definitions: [] });
});
