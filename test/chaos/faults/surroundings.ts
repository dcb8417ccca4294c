/** Faults of what lies around the processes: the network, the clock, the target. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Misbehaviour, misbehaviours } from '../load/receiver.ts';
import type { Random } from '../random.ts';
import { clocksCanJump } from '../system/clock.ts';
import type { Proxy } from '../system/proxy.ts';
import { type Instance, type System, untilAtWork } from '../system/system.ts';
import type { FaultKind } from './fault.ts';

function way(system: System, random: Random): { instance: Instance; proxy: Proxy; to: string } {
  const instance = random.pick(system.instances());
  const to = random.pick(['Postgres', 'Redis']);
  return { instance, proxy: to === 'Redis' ? instance.toRedis : instance.toPostgres, to };
}

const cut: FaultKind = {
  name: 'network: cut',
  lane: 'edge',
  weight: 4,
  async inject(system, random) {
    const { instance, proxy, to } = way(system, random);
    const connections = proxy.cut();
    await sleep(random.between(0, 500));
    return { detail: `${instance.name} from ${to}`, bites: connections };
  },
};

const stalled: FaultKind = {
  name: 'network: stalled',
  lane: 'edge',
  weight: 4,
  async inject(system, random) {
    const { instance, proxy, to } = way(system, random);
    const ms = random.between(1_000, 12_000);
    const before = proxy.held();
    proxy.stall();
    await sleep(ms);
    proxy.resume();
    const held = proxy.held() - before;
    return { detail: `between ${instance.name} and ${to} for ${ms} ms`, bites: held };
  },
};

const slow: FaultKind = {
  name: 'network: slow and in pieces',
  lane: 'edge',
  weight: 2,
  async inject(system, random) {
    const { instance, proxy, to } = way(system, random);
    const before = proxy.held();
    const delayMs = random.between(20, 400);
    proxy.slow(delayMs, random.pick([1, 16, 1_400]));
    await sleep(random.between(2_000, 6_000));
    proxy.resume();
    const held = proxy.held() - before;
    return { detail: `${instance.name} and ${to}, ${delayMs} ms`, bites: held };
  },
};

const HOUR_S = 3_600;
const DAY_S = 24 * HOUR_S;

const clockJumped: FaultKind = {
  name: 'clock: jumped',
  lane: 'edge',
  weight: 3,
  whyNot: () => (clocksCanJump ? undefined : 'libfaketime is not installed'),
  async inject(system, random) {
    const instance = random.pick(system.formation());
    const seconds = random.pick([2 * HOUR_S, -2 * HOUR_S, 400 * DAY_S, -400 * DAY_S, 90, -90]);
    await instance.moveClock(seconds);
    // The library looks at its file once a second.
    await sleep(random.between(3_000, 8_000));
    const lived = await untilAtWork([instance]);
    await instance.moveClock(0);
    // That it lived by that clock is what bites; whether it minds is for the checker to find out.
    return { detail: `${instance.name} by ${seconds} s`, bites: lived };
  },
};

const CALL_MS_MAX = 30_000;

function misbehaves(how: Misbehaviour): FaultKind {
  return {
    name: `target: ${how}`,
    lane: 'edge',
    weight: 1,
    async inject(system, random) {
      const ms = random.between(3_000, 8_000);
      const before = system.receiver.misbehaved();
      system.receiver.misbehave(how);
      await sleep(ms);
      // A quiet time has no calls: it lasts until one has met it.
      const untilMs = performance.now() + CALL_MS_MAX;
      while (system.receiver.misbehaved() === before && performance.now() < untilMs) {
        await sleep(100);
      }
      system.receiver.misbehave(undefined);
      return { detail: `for ${ms} ms`, bites: ({ misbehaved }) => misbehaved };
    },
  };
}

export const surroundingFaults: readonly FaultKind[] = [
  cut,
  stalled,
  slow,
  clockJumped,
  ...misbehaviours.map(misbehaves),
];
