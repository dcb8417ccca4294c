/** Row (c): what more policies cost. */
import type { Section } from '../bench.ts';
import { sentinelOps } from '../contestants/sentinelops.ts';
import { USUAL_LOAD } from '../load/events.ts';
import { alternate } from '../measure/rounds.ts';
import { ratioRow, throughputRows } from '../report/rows.ts';

const NAME = 'policies';
const nameOf = (count: number) => `${count} policies`;

export const policies: Section = {
  name: NAME,
  about: '5, 50 and 500 active policies, one event a job',
  async run(bench) {
    const contestants = [5, 50, 500].map((count) =>
      sentinelOps(bench, { name: nameOf(count), load: { ...USUAL_LOAD, policies: count } }),
    );
    const runs = await alternate(bench, contestants);
    return [
      ...throughputRows(NAME, runs),
      ratioRow(NAME, runs, [nameOf(50), nameOf(5)]),
      ratioRow(NAME, runs, [nameOf(500), nameOf(5)], { atLeast: 0.8 }),
    ];
  },
};
