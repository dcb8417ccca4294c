/** Row (a): the whole pipeline, one event a job, against everybody; and row (k): the processor time of each. */
import type { Section } from '../bench.ts';
import { bulkPgBoss, durableSteps, engines } from '../contestants/durable-steps.ts';
import { sentinelOps } from '../contestants/sentinelops.ts';
import { tunedBareChain, tunedPlainChain } from '../contestants/tuned.ts';
import { USUAL_LOAD } from '../load/events.ts';
import { alternate } from '../measure/rounds.ts';
import { cpuRows, memoryRow, ratioRow, throughputRows } from '../report/rows.ts';

const NAME = 'pipeline';
const ONE_PROCESS = 'SentinelOps, one process';
const PER_QUEUE = 'SentinelOps, process per queue';

export const pipeline: Section = {
  name: NAME,
  about: 'one event a job, 20 policies, 10 % of the events match: against all contestants',
  async run(bench) {
    const bare = await tunedBareChain(bench, USUAL_LOAD);
    const plain = await tunedPlainChain(bench, USUAL_LOAD);
    const bulk = bulkPgBoss(bench, USUAL_LOAD);
    const runs = await alternate(bench, [
      bare,
      sentinelOps(bench, { name: ONE_PROCESS }),
      sentinelOps(bench, { name: PER_QUEUE, layout: 'process per queue' }),
      plain,
      ...engines.map((engine) => durableSteps(bench, USUAL_LOAD, engine)),
      bulk,
    ]);
    return [
      ...throughputRows(NAME, runs),
      ratioRow(NAME, runs, [ONE_PROCESS, bare.name], { atLeast: 3 }),
      ratioRow(NAME, runs, [PER_QUEUE, bare.name], { atLeast: 3 }),
      ...[plain.name, ...engines].map((other) =>
        ratioRow(NAME, runs, [ONE_PROCESS, other], { atLeast: 10 }),
      ),
      ratioRow(NAME, runs, [ONE_PROCESS, bulk.name]),
      ...[ONE_PROCESS, PER_QUEUE].map((name) => memoryRow(NAME, runs, name, { atMost: 300 })),
      ...cpuRows('cpu', runs),
    ];
  },
};
