/** Processes that end, as their supervisor, the machine or a person ends them: what is under way is never lost. */
import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startWork } from '../../src/compose.ts';
import { findEmbeddedPostgres } from '../../src/embedded/running.ts';
import { type Daemon, sentinelops, startSentinelops } from '../cli/command.ts';
import { queueStores } from '../support/queue-stores.ts';
import { until } from './foundation.ts';
import { type LoadedGround, openLoadedGround } from './load.ts';

const EVENTS = 1_200;
const TEST_MS_MAX = 180_000;

/** What a test started and has not seen end, ends with it. */
const daemons: Daemon[] = [];
afterAll(async () => {
  for (const daemon of daemons) daemon.signal('SIGKILL');
  await Promise.all(daemons.map(({ ended }) => ended));
});

async function start(
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
  readyAt = 'working',
): Promise<Daemon> {
  const daemon = startSentinelops(args, environment);
  daemons.push(daemon);
  await daemon.says(readyAt);
  return daemon;
}

describe.each(queueStores)('under load on $name', (store) => {
  let ground: LoadedGround;
  beforeAll(async () => {
    ground = await openLoadedGround(store);
  });
  afterAll(() => ground.close());
  const isMore = async (count: 'events' | 'assessed', than: number) =>
    (await ground.counts())[count] > than ? true : undefined;

  it(
    'a process that is told to stop takes no more, finishes what it has and exits 0; the next one goes on',
    async () => {
      await ground.sendEvents(EVENTS);
      const first = await start(['up'], ground.environment);
      await until('the first events', () => isMore('events', 0));
      first.signal('SIGTERM');
      const { code, stderr } = await first.ended;
      expect({ code, said: stderr.match(/"msg":"(draining|stopped)"/g) }).toEqual({
        code: 0,
        said: ['"msg":"draining"', '"msg":"stopped"'],
      });
      expect((await ground.counts()).events).toBeLessThan(EVENTS);
      expect(await ground.jobsUnderWay()).toBe(0);

      const second = await start(['up'], ground.environment);
      await ground.settled(EVENTS);
      second.signal('SIGTERM');
      expect((await second.ended).code).toBe(0);
      expect(await ground.verdict()).toMatchObject({ status: 'OK' });
      expect(await ground.counts()).toMatchObject({ deadLetters: 0, assessed: EVENTS });
    },
    TEST_MS_MAX,
  );

  it(
    'a worker that is killed loses nothing: what it held is delivered again',
    async () => {
      const others = await startWork(ground, {
        queues: ['ingest', 'advisory', 'awaiting-decision', 'ledger'],
        targets: async () => [],
        onHalt: (error) => {
          throw error;
        },
      });
      await ground.sendEvents(EVENTS);
      await until('all events', () => isMore('events', 2 * EVENTS - 1), ground.counts);
      const victim = await start(['work', 'risk'], ground.environment);
      await until('the first assessments', () => isMore('assessed', EVENTS));
      victim.signal('SIGKILL');
      expect((await victim.ended).code).toBe(null);
      expect((await ground.counts()).assessed).toBeLessThan(2 * EVENTS);
      expect(await ground.jobsUnderWay(['risk'])).toBeGreaterThan(0);

      const successor = await start(['work', 'risk'], ground.environment);
      await ground.settled(2 * EVENTS);
      successor.signal('SIGTERM');
      expect((await successor.ended).code).toBe(0);
      await others.drain();
      expect(await ground.verdict()).toMatchObject({ status: 'OK' });
      expect(await ground.counts()).toMatchObject({ deadLetters: 0, assessed: 2 * EVENTS });
    },
    TEST_MS_MAX,
  );
});

describe('a drain that cannot end', () => {
  let ground: LoadedGround;
  beforeAll(async () => {
    ground = await openLoadedGround(queueStores[0]!);
  });
  afterAll(() => ground.close());

  /** A worker with a batch that waits for a lock, and how to give the lock back. */
  async function startStuck(settings: Readonly<Record<string, string>> = {}) {
    const client = await ground.database.superuser();
    await client.query('begin');
    await client.query('lock table event.event in access exclusive mode');
    const daemon = await start(['work', 'ingest'], { ...ground.environment, ...settings });
    await ground.sendEvents(1);
    const watcher = await ground.database.superuser();
    await until('a batch that waits for the lock', async () => {
      const { rowCount } = await watcher.query(
        `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
      );
      return rowCount === 0 ? undefined : true;
    });
    return { daemon, unlock: () => client.query('rollback') };
  }

  it('ends with a second signal a second later, and what was under way stays in its queue', async () => {
    const { daemon, unlock } = await startStuck();
    daemon.signal('SIGINT');
    await daemon.says('draining');
    daemon.signal('SIGINT');
    await sleep(1_100);
    daemon.signal('SIGINT');
    expect((await daemon.ended).code).toBe(1);
    await unlock();
    expect(await ground.jobsUnderWay(['ingest'])).toBe(1);
  });

  it('ends when its time runs out, and says so', async () => {
    const { daemon, unlock } = await startStuck({ DRAIN_TIMEOUT_MS: '200' });
    daemon.signal('SIGTERM');
    expect(await daemon.ended).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('The drain time ran out'),
    });
    await unlock();
  });
});

it('a daemon of which a part does not start stops the parts before it, says why and ends', async () => {
  const ground = await openLoadedGround(queueStores[0]!);
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as AddressInfo;
  try {
    const up = await start(['up'], { ...ground.environment, ADMIN_PORT: String(port) });
    const { code, stderr } = await up.ended;
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /EADDRINUSE: address already in use .* Set ADMIN_PORT to another one\.$/,
    );
  } finally {
    other.close();
    await ground.close();
  }
});

describe('on the embedded PostgreSQL', () => {
  let home: string;
  let environment: Readonly<Record<string, string>>;
  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'sentinelops-test-up-'));
    // Root starts PostgreSQL as another user, who passes through here.
    await chmod(home, 0o755);
    environment = { SENTINELOPS_DATA_DIR: join(home, 'data'), ADMIN_PORT: '0' };
  });
  afterAll(() => rm(home, { recursive: true, force: true }));

  it(
    'commands work alone and beside the one daemon that keeps it; Ctrl-C, twice as npm passes it on, stops both',
    async () => {
      const alone = await sentinelops(['status', '--json'], environment);
      expect(alone).toMatchObject({ code: 0, stderr: '' });
      expect(JSON.parse(alone.stdout)).toMatchObject({ store: 'postgres', counts: { events: 0 } });

      const up = await start(['up'], environment, 'listening');
      const beside = await sentinelops(['source', 'add', 'acme', '--unsigned'], environment);
      expect(beside).toMatchObject({ code: 0, stderr: 'acme may send as cloudevents.\n' });
      const second = await sentinelops(['up'], environment);
      expect(second).toMatchObject({ code: 1, stdout: '' });
      expect(second.stderr).toContain(
        `belongs to another running SentinelOps, process ${up.pid}. Stop that one first, or set SENTINELOPS_DATA_DIR`,
      );

      up.signal('SIGINT');
      await up.says('draining');
      up.signal('SIGINT');
      expect(await up.ended).toMatchObject({ code: 0, stdout: '' });
      expect(await findEmbeddedPostgres(join(home, 'data'))).toBeUndefined();
    },
    TEST_MS_MAX,
  );

  it(
    'a demonstration that is interrupted says so and leaves no server behind',
    async () => {
      const demo = await start(
        ['demo', '--exit'],
        environment,
        'Records in an embedded PostgreSQL',
      );
      demo.signal('SIGINT');
      expect(await demo.ended).toMatchObject({
        code: 1,
        stdout: '',
        stderr: expect.stringContaining('Interrupted by SIGINT.'),
      });
      expect(await findEmbeddedPostgres(join(home, 'data'))).toBeUndefined();
    },
    TEST_MS_MAX,
  );
});
