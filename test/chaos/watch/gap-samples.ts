/** Looks every second at how far each hand-off is behind, and notes it. */
import pg from 'pg';
import { gaps } from '../checker/gaps.ts';
import type { RunFolder } from '../journal.ts';
import type { System } from '../system/system.ts';

export interface GapSampler {
  stop(): Promise<void>;
}

const PAUSE_MS = 1_000;
/** Older rows were looked at before; a gap that is still open by then shows in the final look. */
const LOOK_BACK = `interval '10 minutes'`;
/** A call at the target has a schedule of its own, which is no lag. */
const SCHEDULED = ['G7'];

const samples = Object.entries(gaps)
  .filter(([gap]) => !SCHEDULED.includes(gap))
  .map(
    ([gap, sql]) => `
      select '${gap}' as gap, count(*)::integer as count,
        coalesce(extract(epoch from clock_timestamp() - min(since)), 0)::float8 as "oldestS"
      from (${sql}) as ${gap.toLowerCase()} (id, since)
      where since > clock_timestamp() - ${LOOK_BACK}`,
  )
  .join(' union all ');

export function startGapSampler(system: System, folder: RunFolder): GapSampler {
  let stopped = false;
  let client: pg.Client | undefined;

  async function look(): Promise<void> {
    if (client === undefined) {
      client = new pg.Client({
        connectionString: system.postgres.url,
        connectionTimeoutMillis: 2_000,
        options: '-c statement_timeout=10s -c jit=off',
      });
      client.on('error', () => {});
      await client.connect();
    }
    const at = Date.now();
    const { rows } = await client.query<{ gap: string; count: number; oldestS: number }>(samples);
    for (const row of rows) await folder.note('gaps', { at, ...row });
  }

  async function run(): Promise<void> {
    while (!stopped) {
      await look().catch(async () => {
        await client?.end().catch(() => undefined);
        client = undefined;
      });
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
    await client?.end().catch(() => undefined);
  }

  const running = run();
  return {
    async stop() {
      stopped = true;
      await running;
    },
  };
}
