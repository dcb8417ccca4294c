/** Row (d): small and large events, each against the bare chain that carries the same. */
import type { Section } from '../bench.ts';
import { sentinelOps } from '../contestants/sentinelops.ts';
import { tunedBareChain } from '../contestants/tuned.ts';
import { USUAL_LOAD } from '../load/events.ts';
import { alternate } from '../measure/rounds.ts';
import { ratioRow, throughputRows } from '../report/rows.ts';
import type { Row } from '../report/row.ts';

const NAME = 'payloads';
const KIBIBYTES = [1, 20];

export const payloads: Section = {
  name: NAME,
  about: 'payloads of 1 KiB and 20 KiB, one event a job',
  async run(bench) {
    const rows: Row[] = [];
    for (const size of KIBIBYTES) {
      const load = { ...USUAL_LOAD, payloadBytes: size * 1_024 };
      const bare = { ...(await tunedBareChain(bench, load)), name: `bare chain, ${size} KiB` };
      const ours = sentinelOps(bench, { name: `SentinelOps, ${size} KiB`, load });
      const runs = await alternate(bench, [bare, ours]);
      rows.push(...throughputRows(NAME, runs), ratioRow(NAME, runs, [ours.name, bare.name]));
    }
    return rows;
  },
};
