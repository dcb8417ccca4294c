/** Row (h): what the daemon holds under steady load, and whether it holds more and more. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Section } from '../bench.ts';
import { openSentinelOps } from '../contestants/sentinelops.ts';
import { memoryOf } from '../measure/processes.ts';
import { summarise } from '../measure/statistics.ts';
import type { Row } from '../report/row.ts';

const NAME = 'memory';
const EVENTS_PER_S = 100;
const SEND_EVERY_MS = 100;
const SAMPLE_EVERY_MS = 1_000;
const MINUTE_MS = 60_000;
/** Growth counts from here to the end: minute 10 of 30. */
const SETTLED_SHARE = 1 / 3;

interface Sample {
  readonly atMs: number;
  readonly bytes: number;
}

export const memory: Section = {
  name: NAME,
  about: `peak RSS and its growth under ${EVENTS_PER_S} events/s for --minutes`,
  onRequest: true,
  async run(bench) {
    const durationMs = bench.options.minutes * MINUTE_MS;
    const chain = await openSentinelOps(bench, { name: 'SentinelOps, memory' });
    const samples = new Map(chain.processes.map(({ role }) => [role, [] as Sample[]]));
    const peaks = new Map<string, number>();
    const perSend = (EVENTS_PER_S * SEND_EVERY_MS) / 1_000;
    const startedMs = performance.now();
    let sampledMs = 0;
    for (let turn = 0; turn * SEND_EVERY_MS < durationMs; turn += 1) {
      await chain.send(turn * perSend, perSend);
      const atMs = performance.now() - startedMs;
      if (atMs - sampledMs >= SAMPLE_EVERY_MS) {
        sampledMs = atMs;
        for (const { role, pid } of chain.processes) {
          const { now = 0, peak = 0 } = memoryOf(pid) ?? {};
          samples.get(role)!.push({ atMs, bytes: now });
          peaks.set(role, peak);
        }
      }
      await sleep(Math.max(0, (turn + 1) * SEND_EVERY_MS - (performance.now() - startedMs)));
    }
    await chain.close();
    return [...samples].flatMap(([role, taken]) => rowsOf(role, taken, peaks.get(role) ?? 0));
  },
};

function rowsOf(role: string, samples: readonly Sample[], peak: number): readonly Row[] {
  const endMs = samples.at(-1)!.atMs;
  const windowMs = Math.min(MINUTE_MS, endMs * SETTLED_SHARE);
  const around = (fromMs: number) =>
    summarise(
      samples
        .filter(({ atMs }) => atMs >= fromMs && atMs <= fromMs + windowMs)
        .map(({ bytes }) => bytes / 1e6),
    );
  const settled = around(endMs * SETTLED_SHARE);
  const last = around(endMs - windowMs);
  const minute = (ms: number) => `minute ${(ms / MINUTE_MS).toFixed(0)}`;
  const growth = (last.median / settled.median - 1) * 100;
  return [
    {
      section: NAME,
      name: `${role}: peak RSS`,
      summary: summarise([peak / 1e6]),
      unit: 'MB',
      goal: { atMost: 300 },
    },
    {
      section: NAME,
      name: `${role}: ${minute(endMs * SETTLED_SHARE)}`,
      summary: settled,
      unit: 'MB',
    },
    { section: NAME, name: `${role}: ${minute(endMs)}`, summary: last, unit: 'MB' },
    {
      section: NAME,
      name: `${role}: growth between them`,
      summary: summarise([growth]),
      unit: '%',
      goal: { atMost: 5 },
    },
  ];
}
