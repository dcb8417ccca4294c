/** A worker that dies at each of its boundaries in turn: the next one finds everything where it was. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type ActorPoint, failpoints } from '../../src/actors/failpoint.ts';
import { startReconciler, startWork } from '../../src/compose.ts';
import { type Daemon, startSentinelops } from '../cli/command.ts';
import { queueStores } from '../support/queue-stores.ts';
import { type LoadedGround, openLoadedGround } from './load.ts';
import { until } from './foundation.ts';

const TEST_MS_MAX = 300_000;
const EVENTS_EACH = 50;

let ground: LoadedGround;
const daemons: Daemon[] = [];
const stops: (() => Promise<void>)[] = [];
beforeAll(async () => {
  ground = await openLoadedGround(queueStores.find(({ name }) => name === 'redis')!);
  const others = await startWork(ground, {
    queues: ['ingest', 'advisory', 'awaiting-decision', 'ledger'],
    targets: () => Promise.resolve([]),
    onHalt: (error) => {
      throw error;
    },
  });
  stops.push(others.drain, (await startReconciler(ground)).stop);
});
afterAll(async () => {
  for (const daemon of daemons) daemon.signal('SIGKILL');
  await Promise.all(daemons.map(({ ended }) => ended));
  await Promise.all(stops.map((stop) => stop()));
  await ground.close();
});

function startRisk(armed: Readonly<Record<string, string>> = {}): Daemon {
  const daemon = startSentinelops(['work', 'risk'], { ...ground.environment, ...armed });
  daemons.push(daemon);
  return daemon;
}

it(
  'loses nothing and does nothing twice',
  async () => {
    let sent = 0;
    for (const point of failpoints.risk satisfies readonly ActorPoint[]) {
      await ground.sendEvents(EVENTS_EACH);
      sent += EVENTS_EACH;
      await until('the events', async () =>
        (await ground.counts()).events === sent ? true : undefined,
      );
      const mortal = startRisk({
        SENTINELOPS_MODE: 'test',
        SENTINELOPS_FAILPOINTS: `risk.${point}:crash`,
      });
      const { code, stderr } = await mortal.ended;
      expect({ point, code, armed: stderr.includes('failpoints are armed') }).toEqual({
        point,
        code: null,
        armed: true,
      });
    }
    const successor = startRisk();
    await ground.settled(sent);
    successor.signal('SIGTERM');
    expect((await successor.ended).code).toBe(0);
    expect(await ground.counts()).toMatchObject({ assessed: sent, deadLetters: 0 });
    expect(await ground.verdict()).toMatchObject({ status: 'OK' });
  },
  TEST_MS_MAX,
);

it('refuses to start with failpoints in production, and with one that does not exist', async () => {
  const unarmed = startRisk({ SENTINELOPS_FAILPOINTS: 'risk.claimed:crash' });
  expect(await unarmed.ended).toMatchObject({ code: 78 });
  const misspelt = startRisk({
    SENTINELOPS_MODE: 'test',
    SENTINELOPS_FAILPOINTS: 'risk.clamed:crash',
  });
  const { code, stderr } = await misspelt.ended;
  expect(code).toBe(78);
  expect(stderr).toContain('There is no failpoint risk.clamed.');
});
