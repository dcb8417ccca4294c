/** Runs contestants against each other: in turns, so that whatever the machine does meanwhile it does to all of them. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench } from '../bench.ts';
import type { Chain, Contestant } from '../contestants/contestant.ts';
import { cpuSeconds, memoryOf, treeCpuSeconds } from './processes.ts';

export interface Run {
  readonly events: number;
  readonly eventsPerS: number;
  /** Seconds of processor time per 1,000 events. */
  readonly cpu: { readonly own: number; readonly redis: number; readonly postgres: number };
  /** Bytes that the largest of the contestant's processes held at most. */
  readonly rssPeak: number;
}

/** The first events of a process; how fast they go says how many make up a run. */
const TRIAL_EVENTS = 100;
const EVENTS_MAX = 30_000;
/** Of a measured run, before it and in the same processes: compilers and caches are warm then. */
const WARM_UP_SHARE = 0.3;
/** A rate that grows less than this with twice as many events is the chain's own. */
const SETTLED_GROWTH = 1.2;
/** Lets the stores finish what the last contestant has left them with. */
const PAUSE_MS = 500;

/** The runs of each contestant, by its name and in order. The first one fixes how many events it is given in each. */
export async function alternate(
  bench: Bench,
  contestants: readonly Contestant[],
): Promise<ReadonlyMap<string, readonly Run[]>> {
  const { rounds } = bench.options;
  const runs = new Map<string, Run[]>(contestants.map(({ name }) => [name, []]));
  for (let round = 1; round <= rounds; round += 1) {
    for (const contestant of contestants) {
      const earlier = runs.get(contestant.name)!;
      const run = await measure(bench, contestant, earlier[0]?.events);
      earlier.push(run);
      bench.say(
        `${contestant.name}: round ${round} of ${rounds}, ${run.events} events, ${run.eventsPerS.toFixed(0)} events/s`,
      );
    }
  }
  return runs;
}

/** Index of the one that is fastest in a single run each. */
export async function fastest(bench: Bench, contestants: readonly Contestant[]): Promise<number> {
  const rates: number[] = [];
  for (const contestant of contestants) {
    const { eventsPerS } = await measure(bench, contestant, undefined);
    bench.say(`${contestant.name}: ${eventsPerS.toFixed(0)} events/s`);
    rates.push(eventsPerS);
  }
  return rates.indexOf(Math.max(...rates));
}

/** One run in fresh processes, after a warm-up in the same ones; of so many events, or of as many as fill the meant time. */
async function measure(
  bench: Bench,
  contestant: Contestant,
  fixed: number | undefined,
): Promise<Run> {
  await sleep(PAUSE_MS);
  return withChain(contestant, async (chain) => {
    const warmed = fixed === undefined ? await explore(bench, chain) : await warm(chain, fixed);
    await chain.submit(warmed.sent, warmed.next);
    return observe(bench, contestant.name, chain, warmed.next);
  });
}

interface Warmed {
  /** Events that the chain has seen. */
  readonly sent: number;
  /** How many make up the run that counts. */
  readonly next: number;
}

async function warm(chain: Chain, events: number): Promise<Warmed> {
  const sent = Math.ceil(events * WARM_UP_SHARE);
  await secondsOf(chain, 0, sent);
  return { sent, next: events };
}

/**
 * Runs of twice as many events each time, until one lasts long enough and twice as many no longer go much faster: a few
 * events say how long the way through a chain is, not how many get through.
 */
async function explore({ options }: Bench, chain: Chain): Promise<Warmed> {
  let sent = 0;
  let earlier = 0;
  for (let events = TRIAL_EVENTS; ; events *= 2) {
    const seconds = await secondsOf(chain, sent, events);
    sent += events;
    const eventsPerS = events / seconds;
    const isSettled = options.quick || eventsPerS < earlier * SETTLED_GROWTH;
    if (seconds >= options.runS * WARM_UP_SHARE && isSettled) {
      const filling = Math.ceil(Math.max(earlier, eventsPerS) * options.runS);
      return { sent, next: Math.min(EVENTS_MAX, Math.max(events / 2, filling)) };
    }
    earlier = eventsPerS;
  }
}

/** From letting go to the last effect. */
async function secondsOf(chain: Chain, first: number, count: number): Promise<number> {
  await chain.submit(first, count);
  const startedMs = performance.now();
  await chain.finish();
  return (performance.now() - startedMs) / 1_000;
}

/** What was submitted, worked off under observation. */
async function observe(bench: Bench, name: string, chain: Chain, events: number): Promise<Run> {
  const { site, profiler } = bench;
  await profiler.reset();
  const cpu = () => ({
    own: chain.processes.reduce((sum, { pid }) => sum + cpuSeconds(pid), 0),
    redis: cpuSeconds(site.redis.pid),
    postgres: treeCpuSeconds(site.postgres.pid),
  });
  const before = cpu();
  const startedMs = performance.now();
  await chain.finish();
  const seconds = (performance.now() - startedMs) / 1_000;
  const after = cpu();
  await profiler.keep(name);
  const perThousand = (used: number) => (used / events) * 1_000;
  return {
    events,
    eventsPerS: events / seconds,
    cpu: {
      own: perThousand(after.own - before.own),
      redis: perThousand(after.redis - before.redis),
      postgres: perThousand(after.postgres - before.postgres),
    },
    rssPeak: Math.max(...chain.processes.map(({ pid }) => memoryOf(pid)?.peak ?? 0)),
  };
}

async function withChain<T>(
  contestant: Contestant,
  work: (chain: Chain) => Promise<T>,
): Promise<T> {
  const chain = await contestant.open();
  try {
    return await work(chain);
  } finally {
    await chain.close();
  }
}
