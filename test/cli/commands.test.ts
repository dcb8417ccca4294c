/**
 * The commands as people use them, in the order of a first day: who may decide, who may send, what is watched, the first
 * events, and what became of them. Data on standard output, talk on standard error, an exit code for each way to end.
 */
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startWork } from '../../src/compose.ts';
import { EXAMPLES_DIRECTORY } from '../../src/demo/demo.ts';
import { eventIdOf } from '../../src/domain/ids.ts';
import { queueNames } from '../../src/queues/pipeline.ts';
import { type JourneyGround, openGround, until } from '../journeys/foundation.ts';
import { emptyDatabase } from '../support/database.ts';
import { queueStores } from '../support/queue-stores.ts';
import { type Ended, type Environment, sentinelops } from './command.ts';

// Each step starts some processes, and each of those loads the whole program.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });
const UNKNOWN = '00000000-0000-8000-8000-000000000000';

let ground: JourneyGround;
let home: string;
beforeAll(async () => {
  ground = await openGround(queueStores.find(({ name }) => name === 'postgres')!);
  home = await mkdtemp(join(tmpdir(), 'sentinelops-test-cli-'));
});
afterAll(async () => {
  await ground.close();
  await rm(home, { recursive: true });
});

function run(args: readonly string[], stdin = '', environment: Environment = {}): Promise<Ended> {
  return sentinelops(args, { ...ground.environment, ...environment }, stdin);
}

/** The data of a command that succeeds and has nothing to say beside it. */
async function json<T>(args: readonly string[], stdin = ''): Promise<T> {
  const { code, stdout, stderr } = await run([...args, '--json'], stdin);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return JSON.parse(stdout) as T;
}

async function inFile(name: string, content: string): Promise<string> {
  const file = join(home, name);
  await writeFile(file, content);
  return file;
}

const event = (id: string, more: object = {}) => ({
  specversion: '1.0',
  source: 'acme',
  id,
  type: 'com.acme.built',
  data: {},
  ...more,
});
const published = event('published', {
  type: 'com.github.repository.publicized',
  data: {
    repository: { private: false, full_name: 'acme/api', forks_count: 3 },
    sender: { login: 'mallory' },
  },
});

describe('migrate', () => {
  it('brings an empty database to this release, before which every other command says so', async () => {
    const empty = await emptyDatabase();
    const settings = { DATABASE_URL: empty.url };
    try {
      const [early, daemon] = await Promise.all([
        run(['reviewer', 'list'], '', settings),
        run(['work', 'risk'], '', settings),
      ]);
      for (const refused of [early, daemon]) {
        expect(refused).toMatchObject({ code: 69, stdout: '' });
        expect(refused.stderr).toMatch(
          /^The database lacks \d+ migrations .*: run "sentinelops migrate"\.\n$/,
        );
      }
      const applied = await run(['migrate'], '', settings);
      expect(applied).toMatchObject({ code: 0, stdout: '' });
      expect(applied.stderr).toMatch(
        /applied sql\/roles\/0001_roles\.sql\n[^]*\n\d+ files applied\.\n$/,
      );
      const again = await run(['migrate', '--json'], '', settings);
      expect(again).toEqual({ code: 0, stdout: '{\n  "applied": []\n}\n', stderr: '' });
    } finally {
      await empty.close();
    }
  });
});

describe('reviewer', () => {
  it('add prints a token and nothing else on standard output', async () => {
    const [alice, bob] = await Promise.all(
      ['alice', 'bob'].map((name) =>
        run(['reviewer', 'add', '--name', name, '--role', 'Compliance Officer']),
      ),
    );
    expect(alice!.stdout).toMatch(/^so_[\w-]+\n$/);
    expect(alice!.stderr).toMatch(
      /^alice \(.*\) holds Compliance Officer\.\nThe token is valid until .*\n$/,
    );
    expect(bob!.code).toBe(0);
  });

  it('list shows who holds what; revoke ends it, and says so of nobody it knows', async () => {
    const carol = await json<{ token: string }>([
      ...[
        'reviewer',
        'add',
        '--name',
        'carol',
        '--days',
        '1',
        '--role',
        'Administrator',
        'Auditor',
      ],
    ]);
    expect(carol.token).toMatch(/^so_/);
    const ended = await run(['reviewer', 'revoke', 'carol', '--role', 'Auditor']);
    expect(ended).toMatchObject({ code: 0, stdout: '' });
    expect(ended.stderr).toMatch(/^Ended: roles Auditor; tokens none/);
    const [people, table, nobody] = await Promise.all([
      json<{ name: string; roles: string[] }[]>(['reviewer', 'list']),
      run(['reviewer', 'list']),
      run(['reviewer', 'revoke', 'zoe']),
    ]);
    expect(people.map(({ name, roles }) => [name, roles])).toEqual([
      ['alice', ['Compliance Officer']],
      ['bob', ['Compliance Officer']],
      ['carol', ['Administrator']],
    ]);
    expect(table.stdout).toMatch(/^NAME .*\nalice .*\nbob .*\ncarol .*Administrator/);
    expect(nobody).toMatchObject({ code: 4, stdout: '' });
    expect(nobody.stderr).toMatch(/^Unknown person: nobody is called zoe\. See who there is: /);
  });

  it('refuses a role that does not exist as a usage error', async () => {
    const { code, stderr } = await run(['reviewer', 'add', '--name', 'dave', '--role', 'King']);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^Unknown role: King: no such role\. Name Administrator, /);
  });
});

describe('source', () => {
  it('add registers a source, and says what it needs next', async () => {
    const [open, signed] = await Promise.all([
      run(['source', 'add', 'acme', '--unsigned', '--description', 'Builds']),
      run(['source', 'add', 'acme/github', '--kind', 'github']),
    ]);
    expect(open).toEqual({ code: 0, stdout: '', stderr: 'acme may send as cloudevents.\n' });
    expect(signed.stderr).toContain('"source key add acme/github --from …" gives it a key.');
  });

  it('key add reads a secret from where it lies, and never prints it; two may be valid', async () => {
    const key = ['source', 'key', 'add', 'acme/github', '--from'];
    const secrets = ['one-secret-of-32-characters-1234', 'two-secret-of-32-characters-1234'];
    const first = await run([...key, 'env:HOOK_SECRET'], '', { HOOK_SECRET: secrets[0]! });
    const second = await run([...key, '-'], `${secrets[1]}\n`);
    for (const { code, stdout, stderr } of [first, second]) {
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout).toMatch(/^[0-9a-f-]{36}\n$/);
    }
    const [third, unset] = await Promise.all([
      run([...key, '-'], 'x'.repeat(32)),
      run([...key, 'env:NOT_SET']),
    ]);
    expect(third).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('Two keys are valid already'),
    });
    expect(unset).toMatchObject({ code: 2, stderr: 'env:NOT_SET is not set\n' });
    const [retired, unknown] = await Promise.all([
      run(['source', 'key', 'retire', 'acme/github', first.stdout.trim()]),
      run(['source', 'key', 'retire', 'acme/github', UNKNOWN]),
    ]);
    expect(retired.code).toBe(0);
    expect(unknown.code).toBe(4);
  });

  it('list shows the registry; what is retired stays in it', async () => {
    await run(['source', 'add', 'old', '--unsigned']);
    const [retired, unknown] = await Promise.all([
      run(['source', 'retire', 'old']),
      run(['source', 'retire', 'nobody']),
    ]);
    expect(retired).toEqual({ code: 0, stdout: '', stderr: 'old is retired.\n' });
    expect(unknown.code).toBe(4);
    const sources = await json<{ name: string; validKeys: number; retiredAt: string | null }[]>([
      'source',
      'list',
    ]);
    expect(sources).toMatchObject([
      { name: 'acme', validKeys: 0, retiredAt: null },
      { name: 'acme/github', kind: 'github', signatureRequired: true, validKeys: 1 },
      { name: 'old', retiredAt: expect.stringContaining('T') },
    ]);
  });
});

describe('policy load', () => {
  const people = ['--author', 'alice', '--approver', 'bob'];

  it('names each fault by file, line and column, and loads nothing', async () => {
    const folder = join(home, 'broken');
    await cp(EXAMPLES_DIRECTORY, folder, { recursive: true });
    const file = join(folder, 'policies', 'tag-deleted.yaml');
    await writeFile(file, `policy: [\n${await readFile(file, 'utf8')}`);
    const { code, stdout, stderr } = await run(['policy', 'load', folder, ...people]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^Nothing was loaded:\n.*tag-deleted\.yaml:\d+:\d+: /);
    // No change of a policy is on record that the ledger would have to hear of.
    expect((await ground.counts()).unledgered).toBe(0);
  });

  it('needs two Compliance Officers who exist, and a folder', async () => {
    const [alone, unknown, nowhere] = await Promise.all([
      run(['policy', 'load', EXAMPLES_DIRECTORY, '--author', 'alice', '--approver', 'alice']),
      run(['policy', 'load', EXAMPLES_DIRECTORY, '--author', 'alice', '--approver', 'zoe']),
      run(['policy', 'load', join(home, 'nowhere'), ...people]),
    ]);
    expect(alone.code).toBe(1);
    expect(alone.stderr).toContain('Author and approver are one person');
    expect(unknown).toMatchObject({
      code: 4,
      stderr: expect.stringMatching(/^Nobody is called zoe\./),
    });
    expect(nowhere).toMatchObject({
      code: 4,
      stderr: expect.stringContaining('no such file or directory'),
    });
  });

  it('brings the examples into force, once', async () => {
    const loaded = await json<{ policies: string[]; riskModels: string[] }>([
      ...['policy', 'load', EXAMPLES_DIRECTORY, ...people],
    ]);
    expect(loaded.policies).toContain('repository-made-public@1');
    expect(loaded.policies.length).toBeGreaterThanOrEqual(20);
    expect(loaded.riskModels).toHaveLength(1);
    const again = await run(['policy', 'load', EXAMPLES_DIRECTORY, ...people]);
    expect(again).toEqual({
      code: 0,
      stdout: '',
      stderr: 'Nothing to do: all of them are in force.\n',
    });
  });
});

describe('send', () => {
  it('takes one event, an array and lines, from files and from a pipe', async () => {
    const lines = [event('line-1'), event('line-2')].map((one) => JSON.stringify(one)).join('\n\n');
    const [file, array, pipe] = await Promise.all([
      inFile('event.json', JSON.stringify(published, undefined, 2)),
      inFile('array.json', JSON.stringify([event('array-1'), event('array-2')])),
      json<object>(['send', '-'], `${lines}\n`),
    ]);
    expect(pipe).toEqual({ sent: 2 });
    const [one, two] = await Promise.all([run(['send', file]), run(['send', array])]);
    expect(one).toEqual({ code: 0, stdout: '', stderr: '1 event on the ingest queue.\n' });
    expect(two.stderr).toBe('2 events on the ingest queue.\n');
  });

  it('sends nothing when a line is broken, and says which; nor from a file that is not there', async () => {
    const [broken, missing] = await Promise.all([
      run(['send', '-'], `${JSON.stringify(event('never'))}\n\n{"id":\n`),
      run(['send', join(home, 'nowhere.json')]),
    ]);
    expect(broken).toMatchObject({ code: 2, stdout: '' });
    expect(broken.stderr).toMatch(/^Line 3 is no JSON object\. Nothing was sent\./);
    expect(missing).toMatchObject({
      code: 4,
      stdout: '',
      stderr: expect.stringContaining('nowhere.json'),
    });
  });

  it('changes nothing on the way, so that what would change is refused', async () => {
    expect(await json(['send', '-'], '[{"n":9007199254740993},{"k":1,"k":2}]')).toEqual({
      sent: 2,
    });
  });
});

describe('what became of it', () => {
  const eventId = eventIdOf('acme', 'published');

  beforeAll(async () => {
    const work = await startWork(ground, {
      queues: queueNames,
      targets: async () => [],
      onHalt: (error) => {
        throw error;
      },
    });
    await until(
      'the end of five events and two dead letters',
      async () => {
        const { evaluated, deadLetters, reviewsOpen, unledgered } = await ground.counts();
        const isDone =
          evaluated === 5 && deadLetters === 2 && reviewsOpen === 1 && unledgered === 0;
        return isDone ? true : undefined;
      },
      ground.counts,
    );
    await work.drain();
  });

  it('status counts every stage and queue', async () => {
    const [status, table] = await Promise.all([json<object>(['status']), run(['status'])]);
    expect(status).toMatchObject({
      store: 'postgres',
      counts: { events: 5, assessed: 5, cleared: 4, reviewsOpen: 1, deadLetters: 2, unledgered: 0 },
      heads: [{ stream: 0 }],
      queues: queueNames.map((queue) => ({ queue, waiting: 0, active: 0 })),
    });
    expect(table).toMatchObject({ code: 0, stderr: '' });
    expect(table.stdout).toMatch(/events accepted +5 *\n/);
    expect(table.stdout).toMatch(/dead letters +2 *\n/);
  });

  it('says so when Redis does not answer, instead of waiting for it', async () => {
    const { code, stdout, stderr } = await run(['status'], '', {
      REDIS_URL: 'redis://127.0.0.1:1',
      LOG_LEVEL: 'silent',
    });
    expect({ code, stdout, stderr }).toEqual({
      code: 69,
      stdout: '',
      stderr: 'Redis did not answer within 10 s: check REDIS_URL.\n',
    });
  });

  it('trace tells the life of an event, for people and as data', async () => {
    const [trace, lines, unknown] = await Promise.all([
      json<{ entries: { entry_type: string }[] }>(['trace', eventId]),
      run(['trace', eventId]),
      run(['trace', UNKNOWN]),
    ]);
    expect(trace).toMatchObject({
      event: { event_id: eventId, external_id: 'published' },
      payload: published.data,
      state: 'evaluated',
      advisories: [{ policy_name: 'repository-made-public' }],
    });
    expect(trace.entries.map(({ entry_type: type }) => type)).toEqual([
      'EVENT',
      'RISK_ASSESSMENT',
      'ADVISORY',
    ]);
    expect(lines).toMatchObject({ code: 0, stderr: '' });
    expect(lines.stdout).toMatch(
      /EVENT .*publicized from acme\n[^]*RISK [^]*ADVISORY +repository-made-public@1 \(SOC 2 CC6\.1, [^]*mallory made acme\/api public[^]*ledger entries:\n +0\/\d+ +EVENT /,
    );
    expect(unknown).toMatchObject({
      code: 4,
      stdout: '',
      stderr: expect.stringContaining(UNKNOWN),
    });
  });

  it('deadletter list and show say what was refused, why, and what to do', async () => {
    const letters = await json<{ deadLetterId: string; reason: string }[]>(['deadletter', 'list']);
    expect(letters.map(({ reason }) => reason).sort()).toEqual(['bad_number', 'duplicate_key']);
    const { deadLetterId: id } = letters.find(({ reason }) => reason === 'bad_number')!;
    const [few, shown, described, unknown] = await Promise.all([
      run(['deadletter', 'list', '--reason', 'duplicate_key']),
      json<{ content: string }>(['deadletter', 'show', id]),
      run(['deadletter', 'show', id]),
      run(['deadletter', 'show', UNKNOWN]),
    ]);
    expect(few.stdout).toMatch(/^ID .*\n.* ingest .* duplicate_key +open *\n$/);
    expect(Buffer.from(shown.content, 'base64').toString()).toBe('{"n":9007199254740993}');
    expect(described.stdout).toMatch(/remedy +Send numbers beyond [^]*\{"n":9007199254740993\}\n$/);
    expect(unknown).toMatchObject({
      code: 4,
      stdout: '',
      stderr: expect.stringContaining('deadletter list'),
    });
  });

  it('ledger export writes what ledger verify then holds to be true, without any store', async () => {
    const file = join(home, 'ledger.txt');
    const [toFile, toPipe] = await Promise.all([
      run(['ledger', 'export', '--out', file]),
      run(['ledger', 'export']),
    ]);
    expect(toFile).toMatchObject({ code: 0, stdout: '' });
    expect(toPipe.stdout).toBe(await readFile(file, 'utf8'));
    const pin = /--pin (\d+:[0-9a-f]{64})\n$/.exec(toFile.stderr)![1]!;
    const nowhere = { DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' };
    const [plain, pinned, database] = await Promise.all([
      run(['ledger', 'verify', file], '', nowhere),
      run(['ledger', 'verify', file, '--pin', pin], '', nowhere),
      run(['ledger', 'verify']),
    ]);
    for (const { code, stdout, stderr } of [plain, pinned, database]) {
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout.trim().split('\n')).toHaveLength(1);
      expect(JSON.parse(stdout)).toMatchObject({ status: 'OK', size: Number(pin.split(':')[0]) });
    }
  });

  it('ledger verify has an exit code for each kind of damage', async () => {
    const whole = await readFile(join(home, 'ledger.txt'), 'utf8');
    const [header, ...entries] = whole.trimEnd().split('\n');
    const size = entries.length;
    const [hash] = entries.at(-1)!.split('\t');
    const cut = await inFile('cut.txt', `${[header, ...entries.slice(0, -1)].join('\n')}\n`);
    const edited = await inFile('edited.txt', whole.replace('NO_MATCH', 'MATCH'));
    const damaged = await Promise.all([
      run(['ledger', 'verify', edited]),
      run(['ledger', 'verify', cut, '--pin', `${size}:${hash}`]),
      run(['ledger', 'verify', join(home, 'nowhere.txt')]),
    ]);
    expect(
      damaged.map(({ code, stdout }) => [code, (JSON.parse(stdout) as { status: string }).status]),
    ).toEqual([
      [15, 'DATA_MISMATCH'],
      [18, 'TRUNCATED'],
      [3, 'UNREADABLE'],
    ]);
    for (const { stderr } of damaged) expect(stderr).toMatch(/^\S.*\n$/);
  });
});
