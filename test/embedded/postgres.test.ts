import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmod,
  chown,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../../src/embedded/port.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/embedded/postgres.ts';
import { findEmbeddedPostgres } from '../../src/embedded/running.ts';
import { firstUnreachable, isRoot, systemUser } from '../../src/embedded/system-user.ts';

async function query(url: string, text: string): Promise<readonly Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(text)).rows;
  } finally {
    await client.end();
  }
}

interface Keeper {
  readonly process: ChildProcess;
  /** The next line that it prints. */
  next(): Promise<Record<string, unknown>>;
}

/** Starts a daemon of its own; `user` makes it another one than ours. */
function startKeeper(directory: string, user?: { uid: number; gid: number }): Keeper {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'keeper.ts'), directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
    ...user,
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    process: child,
    async next() {
      const { value, done } = await lines.next();
      if (done === true) throw new Error('The keeper ended without another line.');
      return JSON.parse(value) as Record<string, unknown>;
    },
  };
}

async function end(keeper: Keeper, signal: NodeJS.Signals): Promise<void> {
  if (keeper.process.exitCode !== null || keeper.process.signalCode !== null) return;
  keeper.process.kill(signal);
  await once(keeper.process, 'exit');
}

/** What a data directory looks like to a daemon that starts on it for the first time after an interrupted try. */
async function newDirectory(): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), 'sentinelops-test-embedded-'));
  await chmod(home, 0o755);
  const directory = join(home, 'data', 'postgres');
  await mkdir(join(directory, 'cluster.unfinished', 'base'), { recursive: true });
  return directory;
}
const removeDirectory = (directory: string) => rm(join(directory, '..', '..'), { recursive: true });

let directory: string;
let first: EmbeddedPostgres;
let server: EmbeddedPostgres | undefined;

beforeAll(async () => {
  directory = await newDirectory();
  first = await startEmbeddedPostgres({
    directory,
    settings: { max_connections: '37', fsync: 'off' },
  });
  await query(first.url, 'create table kept (n integer)');
  server = first;
});
afterEach(async () => {
  await server?.stop();
  server = undefined;
});
afterAll(() => removeDirectory(directory));

it('makes a cluster that only this machine and the one password can reach, and that loses nothing', async () => {
  const settings = [
    'listen_addresses',
    'unix_socket_directories',
    'data_checksums',
    'fsync',
    'synchronous_commit',
    'full_page_writes',
    'server_encoding',
    'max_connections',
  ];
  const shown = settings.map((name) => `current_setting('${name}') as ${name}`).join(', ');
  const [row] = await query(first.url, `select ${shown}, current_user, current_database()`);
  expect(row).toEqual({
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    data_checksums: 'on',
    fsync: 'on',
    synchronous_commit: 'on',
    full_page_writes: 'on',
    server_encoding: 'UTF8',
    max_connections: '37',
    current_user: 'postgres',
    current_database: 'sentinelops',
  });
  expect(first).toMatchObject({ adopted: false, version: expect.stringMatching(/^18\.\d+$/) });
  const rules = await query(first.url, 'select distinct auth_method from pg_hba_file_rules');
  expect(rules).toEqual([{ auth_method: 'scram-sha-256' }]);
  await expect(query(first.url.replace(/:[^:@]+@/, ':password@'), 'select 1')).rejects.toThrow(
    /password authentication failed/,
  );
  expect((await stat(join(directory, 'password'))).mode & 0o777).toBe(0o600);
  expect((await stat(join(directory, 'cluster'))).mode & 0o777).toBe(0o700);
  expect(await readdir(directory)).not.toContain('initialise');
});

it('starts again with the same address and the same data, and stops as often as asked', async () => {
  server = await startEmbeddedPostgres({ directory });
  expect(server).toMatchObject({ url: first.url, adopted: false });
  await query(server.url, 'insert into kept values (1)');
  await Promise.all([server.stop(), server.stop()]);
  await server.stop();
  await expect(query(server.url, 'select 1')).rejects.toThrow(/ECONNREFUSED/);
  expect((await readdir(directory)).filter((name) => name.startsWith('owner'))).toEqual([]);
});

it('takes another port when something else has taken its own', async () => {
  const port = Number(new URL(first.url).port);
  const squatter = createServer().listen(port, '127.0.0.1');
  await once(squatter, 'listening');
  try {
    server = await startEmbeddedPostgres({ directory });
    expect(Number(new URL(server.url).port)).not.toBe(port);
    expect(await query(server.url, 'select n from kept')).toEqual([{ n: 1 }]);
  } finally {
    squatter.close();
  }
});

it('is found by a command beside the daemon, as long as it runs', async () => {
  expect(await findEmbeddedPostgres(directory)).toBeUndefined();
  server = await startEmbeddedPostgres({ directory });
  expect(await findEmbeddedPostgres(directory)).toBe(server.url);
  await server.stop();
  expect(await findEmbeddedPostgres(directory)).toBeUndefined();
});

describe('two daemons', () => {
  it('are one too many: the second is refused and the first goes on', async () => {
    const keeper = startKeeper(directory);
    try {
      const { url } = await keeper.next();
      await expect(startEmbeddedPostgres({ directory })).rejects.toThrow(
        `${directory} belongs to another running SentinelOps, process ${keeper.process.pid}.`,
      );
      expect(await query(url as string, 'select n from kept')).toEqual([{ n: 1 }]);
    } finally {
      await end(keeper, 'SIGTERM');
    }
    server = await startEmbeddedPostgres({ directory });
    expect(server.adopted).toBe(false);
  });

  it('one after the other: the server of a killed one is adopted, with everything committed', async () => {
    const keeper = startKeeper(directory);
    const { url } = await keeper.next();
    await query(url as string, 'insert into kept values (2)');
    await end(keeper, 'SIGKILL');
    expect(await query(url as string, 'select count(*)::int from kept')).toEqual([{ count: 2 }]);

    server = await startEmbeddedPostgres({ directory });
    expect(server).toMatchObject({ url, adopted: true });
    expect(await query(server.url, 'select count(*)::int from kept')).toEqual([{ count: 2 }]);
    await server.stop();
    await expect(query(server.url, 'select 1')).rejects.toThrow(/ECONNREFUSED/);
  });
});

it('keeps the server up when Ctrl-C reaches the whole process group, so that actors can drain', async () => {
  const keeper = startKeeper(directory);
  try {
    const { url } = await keeper.next();
    process.kill(-(keeper.process.pid ?? 0), 'SIGINT');
    expect(await keeper.next()).toEqual({ interrupted: true });
    expect(await query(url as string, 'select count(*)::int from kept')).toEqual([{ count: 2 }]);
  } finally {
    await end(keeper, 'SIGTERM');
  }
});

it('does not take another program for its server when the lock file is left over', async () => {
  const { uid, gid } = await stat(join(directory, 'cluster'));
  const other = spawn('sleep', ['600'], isRoot() ? { uid, gid } : {});
  const lock = join(directory, 'cluster', 'postmaster.pid');
  try {
    const lines = [other.pid, join(directory, 'cluster'), 0, await freePort(), '', '', '', 'ready'];
    await writeFile(lock, `${lines.join('\n')}\n`);
    await chown(lock, uid, gid);
    await expect(startEmbeddedPostgres({ directory })).rejects.toThrow(
      /names process \d+ as PostgreSQL, but nothing listens on its port/,
    );
  } finally {
    other.kill();
    await rm(lock);
  }
});

describe('what cannot work is refused with what to do', () => {
  it('a cluster of another major version', async () => {
    const old = await newDirectory();
    await mkdir(join(old, 'cluster'));
    await writeFile(join(old, 'cluster', 'PG_VERSION'), '17\n');
    await expect(startEmbeddedPostgres({ directory: old })).rejects.toThrow(
      /was made by PostgreSQL 17; PostgreSQL 18\.\d+ is installed .* SENTINELOPS_DATA_DIR/,
    );
    await removeDirectory(old);
  });

  it('a cluster whose password is lost', async () => {
    const password = await readFile(join(directory, 'password'));
    await rm(join(directory, 'password'));
    await expect(startEmbeddedPostgres({ directory })).rejects.toThrow(/Restore the file/);
    await writeFile(join(directory, 'password'), password, { mode: 0o600 });
  });

  it('a setting that a shell could read as more than a word', async () => {
    const settings = { work_mem: '4MB; touch /tmp/broken' };
    await expect(startEmbeddedPostgres({ directory, settings })).rejects.toThrow(/work_mem/);
  });

  it('a server that does not start, with the end of its log', async () => {
    const settings = { max_connections: 'many' };
    await expect(startEmbeddedPostgres({ directory, settings })).rejects.toThrow(
      /did not start: .*\n.*server\.log:\n.*invalid value for parameter "max_connections"/s,
    );
  });
});

describe.runIf(isRoot())('started by root', () => {
  it('runs the server as the system user', async () => {
    server = await startEmbeddedPostgres({ directory });
    const [pid = ''] = (await readFile(join(directory, 'cluster', 'postmaster.pid'), 'utf8')).split(
      '\n',
    );
    expect((await stat(`/proc/${pid}`)).uid).toBe((await systemUser())?.uid);
  });

  it('keeps the files elsewhere when the system user cannot reach them, and finds them again', async () => {
    const closed = await mkdtemp(join(tmpdir(), 'sentinelops-test-closed-'));
    const given = join(closed, 'data', 'postgres');
    server = await startEmbeddedPostgres({ directory: given });
    expect(server.directory).toMatch(/^\/var\/lib\/sentinelops-/);
    expect(await readFile(join(given, 'moved-to'), 'utf8')).toBe(`${server.directory}\n`);
    await query(server.url, 'create table kept (n integer)');
    await server.stop();

    const { url, directory: elsewhere } = server;
    server = await startEmbeddedPostgres({ directory: given });
    expect(server).toMatchObject({ url, directory: elsewhere });
    expect(await findEmbeddedPostgres(given)).toBe(url);
    expect(await query(server.url, 'select n from kept')).toEqual([]);
    await server.stop();
    for (const path of [closed, elsewhere]) await rm(path, { recursive: true });
  });

  it('leaves a cluster to its owner: another user starts, uses and stops one of its own', async (context) => {
    const user = await systemUser();
    if (user === undefined || (await firstUnreachable(import.meta.dirname, user)) !== undefined) {
      return context.skip('the project is closed to other users');
    }
    const own = await newDirectory();
    await rm(own, { recursive: true });
    await chown(join(own, '..'), user.uid, user.gid);
    await chown(join(own, '..', '..'), user.uid, user.gid);
    const keeper = startKeeper(own, user);
    const { url } = await keeper.next();
    expect(await query(url as string, 'select 1 as n')).toEqual([{ n: 1 }]);
    await end(keeper, 'SIGTERM');
    expect((await stat(join(own, 'cluster'))).uid).toBe(user.uid);
    await removeDirectory(own);
  });
});
