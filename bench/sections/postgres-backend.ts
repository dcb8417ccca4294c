/** Row (j): the same pipeline with its queues in PostgreSQL, against the bare chain on Redis. */
import type { Section } from '../bench.ts';
import { sentinelOps } from '../contestants/sentinelops.ts';
import { tunedBareChain } from '../contestants/tuned.ts';
import { USUAL_LOAD } from '../load/events.ts';
import { alternate } from '../measure/rounds.ts';
import { ratioRow, throughputRows } from '../report/rows.ts';

const NAME = 'postgres-backend';
const BATCHES = 'SentinelOps on PostgreSQL alone, batches of 100';
const SINGLE = 'SentinelOps on PostgreSQL alone, one event a job';

export const postgresBackend: Section = {
  name: NAME,
  about: "the queues on BullMQ's Postgres backend",
  async run(bench) {
    const bare = await tunedBareChain(bench, USUAL_LOAD);
    const runs = await alternate(bench, [
      bare,
      sentinelOps(bench, { name: BATCHES, store: 'postgres', perJob: 100 }),
      sentinelOps(bench, { name: SINGLE, store: 'postgres' }),
    ]);
    return [
      ...throughputRows(NAME, runs),
      ratioRow(NAME, runs, [BATCHES, bare.name], { atLeast: 1 }),
      ratioRow(NAME, runs, [SINGLE, bare.name]),
    ];
  },
};
