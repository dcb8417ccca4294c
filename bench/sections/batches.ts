/** Row (b): sources that submit a hundred events in a job, against the bare chain with one event a job. */
import type { Section } from '../bench.ts';
import { sentinelOps } from '../contestants/sentinelops.ts';
import { tunedBareChain } from '../contestants/tuned.ts';
import { USUAL_LOAD } from '../load/events.ts';
import { alternate } from '../measure/rounds.ts';
import { cpuRows, ratioRow, throughputRows } from '../report/rows.ts';

const NAME = 'batches';
const ONE_PROCESS = 'SentinelOps, batches of 100, one process';
const PER_QUEUE = 'SentinelOps, batches of 100, process per queue';

export const batches: Section = {
  name: NAME,
  about: 'sources that submit batches of 100',
  async run(bench) {
    const bare = await tunedBareChain(bench, USUAL_LOAD);
    const runs = await alternate(bench, [
      bare,
      sentinelOps(bench, { name: ONE_PROCESS, perJob: 100 }),
      sentinelOps(bench, { name: PER_QUEUE, perJob: 100, layout: 'process per queue' }),
    ]);
    return [
      ...throughputRows(NAME, runs),
      ...[ONE_PROCESS, PER_QUEUE].map((ours) =>
        ratioRow(NAME, runs, [ours, bare.name], { atLeast: 6 }),
      ),
      ...cpuRows(NAME, runs),
    ];
  },
};
