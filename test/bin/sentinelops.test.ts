import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

/** A program with TypeScript in it, which says how it was started and ends as its first argument says. */
const MAIN = `
const [, , how, ...rest]: string[] = process.argv;
process.on('SIGTERM', () => { console.log('drained'); process.exit(7); });
console.log(JSON.stringify({ rest, node: process.versions.node }));
if (how === 'wait') setInterval(() => {}, 60_000);
else if (how === 'kill') process.kill(process.pid, 'SIGKILL');
else process.exitCode = Number(how);
`;

/** Loaded before the launcher: makes this Node look like the one that Debian ships. */
const AS_NODE_20 = `data:text/javascript,Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.20.2' } })`;

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'sentinelops-test-launcher-'));
  await mkdir(join(home, 'bin'));
  await copyFile('bin/sentinelops.js', join(home, 'bin/sentinelops.js'));
  await writeFile(join(home, 'package.json'), '{ "type": "module" }');
});
afterEach(() => rm(home, { recursive: true }));

async function place(file: string, content: string): Promise<void> {
  await mkdir(dirname(join(home, file)), { recursive: true });
  await writeFile(join(home, file), content);
}

/** The running Node, where the launcher looks for the platform package's. */
async function bundleNode(): Promise<void> {
  const directory = join(home, 'node_modules', `node-${process.platform}-${process.arch}`, 'bin');
  await mkdir(directory, { recursive: true });
  await symlink(process.execPath, join(directory, 'node'));
}

function launch(nodeOptions: readonly string[], ...args: string[]) {
  const child = spawn(
    process.execPath,
    [...nodeOptions, join(home, 'bin/sentinelops.js'), ...args],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  return { child, outcome: outcomeOf(child) };
}

async function outcomeOf(child: ChildProcess) {
  const [[code], stdout, stderr] = await Promise.all([
    once(child, 'exit'),
    text(child.stdout!),
    text(child.stderr!),
  ]);
  return { code: code as number | null, stdout, stderr };
}

describe('on a Node that strips types', () => {
  it('runs the sources with the arguments and ends as they end', async () => {
    await place('src/main.ts', MAIN);
    const { code, stdout } = await launch([], '3', 'ledger', '--json').outcome;
    expect(JSON.parse(stdout)).toEqual({ rest: ['ledger', '--json'], node: process.versions.node });
    expect(code).toBe(3);
  });

  it('runs the built program where there are no sources', async () => {
    await place('dist/main.js', `console.log('built')`);
    expect(await launch([]).outcome).toMatchObject({ code: 0, stdout: 'built\n' });
  });
});

describe('on an older Node', () => {
  const old = ['--import', AS_NODE_20];
  beforeEach(() => place('src/main.ts', MAIN));

  it('runs them under the bundled Node', async () => {
    await bundleNode();
    const { code, stdout } = await launch(old, '3', 'send', '-').outcome;
    expect(JSON.parse(stdout)).toEqual({ rest: ['send', '-'], node: process.versions.node });
    expect(code).toBe(3);
  });

  it('passes SIGTERM on and waits for the drain', async () => {
    await bundleNode();
    const { child, outcome } = launch(old, 'wait');
    await once(child.stdout, 'readable');
    child.kill('SIGTERM');
    const { code, stdout } = await outcome;
    expect(stdout).toContain('drained');
    expect(code).toBe(7);
  });

  it('ends like a shell when a signal ended the daemon', async () => {
    await bundleNode();
    expect((await launch(old, 'kill').outcome).code).toBe(128 + 9);
  });

  it('says which Node is needed where none is bundled', async () => {
    const { code, stderr, stdout } = await launch(old, '0').outcome;
    expect(stderr).toMatch(/needs Node 24\.12 or newer; this is 20\.20\.2/);
    expect(stdout).toBe('');
    expect(code).toBe(78);
  });
});
