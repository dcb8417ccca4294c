/** Row (i): more workers of one stage. `advisory` is the stage that computes most. */
import type { Section } from '../bench.ts';
import { sentinelOps } from '../contestants/sentinelops.ts';
import { alternate } from '../measure/rounds.ts';
import { ratioRow, throughputRows } from '../report/rows.ts';

const NAME = 'scale';
const STAGE = 'advisory';
const nameOf = (workers: number) => `${workers} × work ${STAGE}`;

export const scale: Section = {
  name: NAME,
  about: `1, 2 and 4 workers of the stage ${STAGE}, batches of 100, process per queue`,
  async run(bench) {
    const contestants = [1, 2, 4].map((workers) =>
      sentinelOps(bench, {
        name: nameOf(workers),
        layout: 'process per queue',
        perJob: 100,
        workers: { [STAGE]: workers },
      }),
    );
    const runs = await alternate(bench, contestants);
    return [
      ...throughputRows(NAME, runs),
      ...[2, 4].map((workers) => ratioRow(NAME, runs, [nameOf(workers), nameOf(1)])),
    ];
  },
};
