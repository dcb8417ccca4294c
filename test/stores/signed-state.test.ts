import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openSignedState } from '../../src/stores/signed-state.ts';

let parent: string;
let directory: string;
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'sentinelops-state-'));
  directory = join(parent, 'state');
});
afterEach(() => rm(parent, { recursive: true }));

const note = (text: string) => Buffer.from(text);

it('a state is a file for each origin, for its owner alone, and survives its process', async () => {
  const state = await openSignedState(directory, 'acme.example/ledger-0');
  expect(await state.read()).toBeUndefined();
  await state.replace(undefined, note('one'));
  await (await openSignedState(directory, 'acme.example/ledger-1')).replace(
    undefined,
    note('other'),
  );
  expect(await (await openSignedState(directory, 'acme.example/ledger-0')).read()).toEqual(
    note('one'),
  );
  expect((await stat(state.path)).mode & 0o777).toBe(0o600);
  expect((await stat(directory)).mode & 0o777).toBe(0o700);
  expect(await readdir(directory)).toHaveLength(2);
});

it('a state is replaced only by who knows what stands there', async () => {
  const state = await openSignedState(directory, 'o');
  await state.replace(undefined, note('one'));
  await expect(state.replace(undefined, note('two'))).rejects.toMatchObject({ name: 'StateMoved' });
  await expect(state.replace(note('zero'), note('two'))).rejects.toMatchObject({
    name: 'StateMoved',
  });
  expect(await readFile(state.path, 'utf8')).toBe('one');
  await state.replace(note('one'), note('two'));
  await rm(state.path);
  await expect(state.replace(note('two'), note('three'))).rejects.toMatchObject({
    name: 'StateMoved',
  });
});

it('what a process that ended left half written is not read, and not in the way', async () => {
  const state = await openSignedState(directory, 'o');
  await state.replace(undefined, note('one'));
  await writeFile(`${state.path}.new`, 'half');
  expect(await state.read()).toEqual(note('one'));
  await state.replace(note('one'), note('two'));
  expect(await state.read()).toEqual(note('two'));
});
