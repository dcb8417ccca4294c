import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { claimDirectory } from '../../src/embedded/owner.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sentinelops-test-owner-'));
});
afterEach(() => rm(directory, { recursive: true }));

const own = `owner-${process.pid}`;

it('leaves a file with the name of its process, and takes it away again', async () => {
  const owner = await claimDirectory(directory);
  expect(await readdir(directory)).toEqual([own]);
  await owner.release();
  expect(await readdir(directory)).toEqual([]);
});

it('clears away the file of a process that is gone', async () => {
  const gone = spawn('true');
  await once(gone, 'exit');
  await writeFile(join(directory, `owner-${gone.pid}`), '1234');
  await claimDirectory(directory);
  expect(await readdir(directory)).toEqual([own]);
});

it('is not misled by a later process of the same id', async () => {
  const other = spawn('sleep', ['600']);
  try {
    await writeFile(join(directory, `owner-${other.pid}`), 'the start of an earlier one');
    await claimDirectory(directory);
    expect(await readdir(directory)).toEqual([own]);
  } finally {
    other.kill();
  }
});

it('refuses beside a live owner, names it, and leaves only its file', async () => {
  const claim = `import(${JSON.stringify(join(import.meta.dirname, '../../src/embedded/owner.ts'))})
    .then(({ claimDirectory }) => claimDirectory(${JSON.stringify(directory)}))
    .then(() => { console.log('claimed'); setInterval(() => {}, 60_000); });`;
  const other = spawn(process.execPath, ['--eval', claim], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    await once(other.stdout, 'data');
    await expect(claimDirectory(directory)).rejects.toThrow(`process ${other.pid}`);
    expect(await readdir(directory)).toEqual([`owner-${other.pid}`]);
  } finally {
    other.kill('SIGKILL');
    await once(other, 'exit');
  }
  await claimDirectory(directory);
  expect(await readdir(directory)).toEqual([own]);
});
