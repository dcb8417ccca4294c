/** Faults of the processes: killed, paused, replaced, doubled. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../random.ts';
import { type Instance, type Kind, kinds, type System, untilAtWork } from '../system/system.ts';
import { anything, type Signals, sum } from '../watch/signals.ts';
import type { FaultKind, Harm } from './fault.ts';

/** A worker's lock lapses after 6 s, and 2 s later its job is found. */
const BEYOND_LOCK_MS = { min: 8_500, max: 14_000 };
/** For the one that woke up to find out what has become of its work. */
const AWAKE_MS = 2_000;
const QUEUES: readonly string[] = kinds.filter(
  (kind) => !['admin', 'reconciler', 'signer'].includes(kind),
);

/** One that has something to lose, where there is one. */
function drawn(system: System, random: Random): Instance {
  const instances = system.instancesOf(random.pick(kinds));
  const atWork = instances.filter((instance) => instance.isAtWork());
  return random.pick(atWork.length > 0 ? atWork : instances);
}

/** What rises when a process of this kind is lost with work under way. */
function lost(kind: Kind): (signals: Signals) => number {
  if (QUEUES.includes(kind)) return ({ redeliveries }) => redeliveries[kind] ?? 0;
  if (kind === 'admin') return ({ notAccepted }) => notAccepted;
  return ({ starts }) => sum(starts);
}

/** A supervisor starts it again at once, and that takes a second or two. */
async function untilRestarted(instance: Instance, starts: number): Promise<void> {
  const untilMs = performance.now() + 10_000;
  while (instance.process.starts() <= starts && performance.now() < untilMs) await sleep(50);
}

async function kill(instances: readonly Instance[]): Promise<number> {
  const starts = instances.map(({ process }) => process.starts());
  const killed = instances.filter(({ process }) => process.signal('SIGKILL'));
  await Promise.all(instances.map((one, index) => untilRestarted(one, starts[index]!)));
  return killed.length;
}

const killed: FaultKind = {
  name: 'process: killed',
  lane: 'process',
  weight: 12,
  async inject(system, random) {
    const instance = drawn(system, random);
    const kills = await kill([instance]);
    return { detail: instance.name, kills, bites: lost(instance.kind) };
  },
};

const severalKilled: FaultKind = {
  name: 'process: several killed at once',
  lane: 'process',
  weight: 4,
  async inject(system, random) {
    const all = random.shuffle(system.instances());
    const chosen = random.chance(0.3) ? all : all.slice(0, random.between(2, all.length));
    const kills = await kill(chosen);
    return { detail: chosen.map(({ name }) => name).join(' '), kills, bites: anything };
  },
};

/** Again before it has found its work, and again: the count of lost claims rises. */
const killedInARow: FaultKind = {
  name: 'process: killed in a row',
  lane: 'process',
  weight: 2,
  async inject(system, random) {
    const instance = drawn(system, random);
    let kills = 0;
    for (let times = random.between(2, 4); times > 0; times -= 1) {
      kills += await kill([instance]);
      await sleep(random.between(300, 3_000));
    }
    return { detail: `${instance.name} ${kills} times`, kills, bites: lost(instance.kind) };
  },
};

/** Another one takes over meanwhile, and the first wakes up beside it with all that it held. */
const paused: FaultKind = {
  name: 'process: paused beyond its lock',
  lane: 'process',
  weight: 3,
  async inject(system, random) {
    const instance = drawn(system, random);
    const ms = random.between(BEYOND_LOCK_MS.min, BEYOND_LOCK_MS.max);
    const successor = await system.add(instance.kind);
    await untilAtWork([successor]);
    const pid = instance.process.pid();
    instance.process.signal('SIGSTOP');
    await sleep(ms);
    // Only the process that was stopped: another one may have taken its place.
    if (instance.process.pid() === pid) instance.process.signal('SIGCONT');
    await sleep(AWAKE_MS);
    await system.remove(successor);
    const shows = lost(instance.kind);
    const bites = (signals: Signals) => shows(signals) + (signals.warnings[instance.name] ?? 0);
    return { detail: `${instance.name} for ${ms} ms`, bites };
  },
};

const rollingRestart: FaultKind = {
  name: 'process: rolling restart',
  lane: 'process',
  weight: 1,
  async inject(system, random) {
    for (const instance of random.shuffle(system.instances())) {
      const starts = instance.process.starts();
      instance.process.signal('SIGTERM');
      await untilRestarted(instance, starts);
    }
    return { detail: 'every process', bites: ({ starts }) => sum(starts) };
  },
};

const scaled: FaultKind = {
  name: 'process: scaled up and down',
  lane: 'process',
  weight: 2,
  async inject(system, random) {
    return withMore(system, [random.pick(kinds)], random.between(2_000, 6_000));
  },
};

const doubled: FaultKind = {
  name: 'process: everything started twice',
  lane: 'process',
  weight: 1,
  inject: (system, random) => withMore(system, kinds, random.between(3_000, 6_000)),
};

/** More processes for a while. That they worked is what bites: nothing should go wrong by it. */
async function withMore(system: System, more: readonly Kind[], ms: number): Promise<Harm> {
  const added = await Promise.all(more.map((kind) => system.add(kind)));
  const atWork = await untilAtWork(added);
  await sleep(ms);
  await Promise.all(added.map((instance) => system.remove(instance)));
  return { detail: added.map(({ name }) => name).join(' '), bites: atWork };
}

export const processFaults: readonly FaultKind[] = [
  killed,
  severalKilled,
  killedInARow,
  paused,
  rollingRestart,
  scaled,
  doubled,
];
