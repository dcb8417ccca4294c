/** Row (g): whether what has been recorded slows down what is being recorded. */
import type { Section } from '../bench.ts';
import { sentinelOps } from '../contestants/sentinelops.ts';
import { USUAL_LOAD } from '../load/events.ts';
import { loadHistory } from '../load/history.ts';
import { alternate } from '../measure/rounds.ts';
import { ratioRow, throughputRows } from '../report/rows.ts';

const NAME = 'history';
const DATABASE = 'bench_history';

export const history: Section = {
  name: NAME,
  about: 'the same load on an empty history and on one of millions of events',
  async run(bench) {
    const { historyEvents } = bench.options;
    const url = await bench.houses.build(DATABASE, USUAL_LOAD.policies);
    await loadHistory(url, {
      events: historyEvents,
      policies: USUAL_LOAD.policies,
      payloadBytes: USUAL_LOAD.payloadBytes,
      recorded: true,
      directory: bench.site.directory,
      onProgress: (loaded) => bench.say(`history: ${loaded.toLocaleString('en-US')} events`),
    });
    const empty = 'no history';
    const long = `${historyEvents.toLocaleString('en-US')} events of history`;
    const runs = await alternate(bench, [
      sentinelOps(bench, { name: empty }),
      sentinelOps(bench, { name: long, database: DATABASE }),
    ]);
    await bench.houses.drop(DATABASE);
    return [...throughputRows(NAME, runs), ratioRow(NAME, runs, [long, empty], { atLeast: 0.9 })];
  },
};
