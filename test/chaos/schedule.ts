/** Injects faults by a seeded schedule: those of one lane one after the other, the lanes beside each other. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Fault } from './checker/evidence.ts';
import { crashPoints } from './faults/failpoints.ts';
import type { FaultKind, Harm, Lane } from './faults/fault.ts';
import type { Random } from './random.ts';
import type { System } from './system/system.ts';
import type { SignalWatch } from './watch/signals.ts';

export interface ScheduleOptions {
  readonly system: System;
  readonly kinds: readonly FaultKind[];
  readonly random: Random;
  readonly signals: SignalWatch;
  readonly until: AbortSignal;
  /** Before each fault, while everything is as the last one has left it. */
  readonly beforeFault: () => Promise<void>;
  readonly onFault: (injected: Injected) => Promise<void>;
}

export interface Injected {
  readonly kind: FaultKind;
  readonly harm: Harm;
  readonly fault: Fault;
}

/** What lies between two faults of a lane. */
const PAUSE_MS: Readonly<Record<Lane, { readonly min: number; readonly max: number }>> = {
  process: { min: 300, max: 2_000 },
  store: { min: 1_000, max: 5_000 },
  edge: { min: 300, max: 2_000 },
};
/** Most faults of processes wait for a process to start, so two of them are under way at once. */
const LANES_BESIDE: Readonly<Record<Lane, number>> = { process: 2, store: 1, edge: 1 };
/** How long after its end a fault may take to show. */
const SHOWS_MS_MAX = 10_000;
const SHOWS_POLL_MS = 200;

/** Resolves when `until` has come, every lane has healed its last fault, and all of them are noted. */
export async function runSchedule(options: ScheduleOptions): Promise<void> {
  const lanes = [...Map.groupBy(options.kinds, ({ lane }) => lane)].flatMap(([lane, kinds]) => {
    const random = options.random.fork(`lane ${lane}`);
    // Each kind comes once before chance decides, so that none is missing from a short run.
    const first = random.shuffle(kinds);
    const run = (_: unknown, index: number) =>
      runLane({ lane, kinds, first, random: random.fork(`${index}`) }, options);
    return Array.from({ length: LANES_BESIDE[lane] }, run);
  });
  const noted = await Promise.all(lanes);
  await Promise.all(noted.flat());
}

/** Lets a process crash at each failpoint, once; resolves when all have been tried. */
export async function runCrashMatrix(options: Omit<ScheduleOptions, 'kinds'>): Promise<void> {
  const lanes = [...crashPoints];
  const work = async () => {
    for (let lane = lanes.shift(); lane !== undefined; lane = lanes.shift()) {
      const [place, points] = lane;
      const random = options.random.fork(`crash points of ${place}`);
      for (const kind of points) {
        if (options.until.aborted) return;
        const { note } = await injectOne(kind, random, options);
        await note();
      }
    }
  };
  await Promise.all(Array.from({ length: MATRIX_LANES_BESIDE }, work));
}

/** Of ten: an act of a person only comes about while most of the others are well. */
const MATRIX_LANES_BESIDE = 3;

interface LaneRun {
  readonly lane: Lane;
  readonly kinds: readonly FaultKind[];
  /** What is still to come once; shared by the runs of a lane. */
  readonly first: FaultKind[];
  readonly random: Random;
}

async function runLane(
  { lane, kinds, first, random }: LaneRun,
  options: ScheduleOptions,
): Promise<readonly Promise<void>[]> {
  const { min, max } = PAUSE_MS[lane];
  const noted: Promise<void>[] = [];
  for (;;) {
    await sleep(random.between(min, max), undefined, { signal: options.until }).catch(() => {});
    if (options.until.aborted) return noted;
    const kind = first.shift() ?? weighted(kinds, random);
    const { note } = await injectOne(kind, random, options);
    // What follows may take its time to show; the lane does not wait for it.
    noted.push(note());
  }
}

function weighted(kinds: readonly FaultKind[], random: Random): FaultKind {
  let left = random.next() * kinds.reduce((total, { weight }) => total + weight, 0);
  return kinds.find(({ weight }) => (left -= weight) < 0) ?? kinds[0]!;
}

async function injectOne(
  kind: FaultKind,
  random: Random,
  { system, signals, beforeFault, onFault }: Omit<ScheduleOptions, 'kinds'>,
): Promise<{ note(): Promise<void> }> {
  await beforeFault();
  const before = signals.now();
  const from = Date.now();
  const harm = await kind.inject(system, random);
  const to = Date.now();
  const { bites, detail, outage = null, losesJobsFrom = null } = harm;
  return {
    async note() {
      const observed =
        typeof bites === 'number' ? bites : await shown(() => bites(signals.now()) - bites(before));
      const fault = { kind: kind.name, from, to, detail, outage, losesJobsFrom, observed };
      await onFault({ kind, harm, fault });
    },
  };
}

async function shown(rise: () => number): Promise<number> {
  const untilMs = performance.now() + SHOWS_MS_MAX;
  while (rise() <= 0 && performance.now() < untilMs) await sleep(SHOWS_POLL_MS);
  return Math.max(0, rise());
}
