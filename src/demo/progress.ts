/** Where a demonstration stands: what the pipeline has done since it began, and when there is nothing left to wait for. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Foundation } from '../foundation.ts';
import { openAuditStore, type PipelineCounts } from '../stores/audit.ts';

const LOOK_MS = 200;
/** Longer than the ledger's patience with a stage that fell behind on a slow machine; then the demonstration gives up. */
const SETTLE_MS_MAX = 300_000;

/** Resolves once every accepted event is where it can get to by itself, and `resolved` holds. */
export async function settled(
  look: () => Promise<PipelineCounts>,
  accepted: number,
  resolved: (counts: PipelineCounts) => boolean,
): Promise<void> {
  const until = performance.now() + SETTLE_MS_MAX;
  for (;;) {
    const counts = await look();
    if (isSettled(counts, accepted) && resolved(counts)) return;
    if (performance.now() > until) {
      throw new Error(`The pipeline did not settle: ${JSON.stringify(counts)}`);
    }
    await sleep(LOOK_MS);
  }
}

function isSettled(counts: PipelineCounts, accepted: number): boolean {
  const approved = (counts.decisions['approved'] ?? 0) + (counts.decisions['override'] ?? 0);
  const executed = (counts.executions['acknowledged'] ?? 0) + (counts.executions['failed'] ?? 0);
  return (
    counts.evaluated >= accepted &&
    counts.reviews >= total(counts.advisories) &&
    executed >= approved &&
    counts.unledgered <= 0
  );
}

/** Calls `look` again and again until it is stopped. */
export function repeat(look: () => Promise<unknown>): { stop(): Promise<void> } {
  let stopped = false;
  const running = (async () => {
    while (!stopped) {
      await look();
      await sleep(LOOK_MS);
    }
  })();
  return {
    async stop() {
      stopped = true;
      await running;
    },
  };
}

export function countsOf({ sessions }: Foundation): Promise<PipelineCounts> {
  return sessions.of('audit').transact((tx) => openAuditStore(tx).counts());
}

/** What is open now, whoever opened it; everything else is a total since the beginning. */
const STATES: readonly string[] = ['reviewsOpen', 'reviewsOpenByLevel', 'unledgered'];

/** The difference, number by number; a state as it is. */
export function since(before: PipelineCounts, now: PipelineCounts): PipelineCounts {
  const difference = Object.entries(now).map(([name, value]) => {
    const was = before[name as keyof PipelineCounts];
    if (STATES.includes(name)) return [name, value];
    if (typeof value === 'number') return [name, value - (was as number)];
    const earlier = was as Readonly<Record<string, number>>;
    const parts = Object.entries(value as Readonly<Record<string, number>>);
    return [
      name,
      Object.fromEntries(parts.map(([part, count]) => [part, count - (earlier[part] ?? 0)])),
    ];
  });
  return Object.fromEntries(difference) as unknown as PipelineCounts;
}

export function total(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}
