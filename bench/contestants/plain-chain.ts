/** One transaction for each event and hop: hosted/plain-chain.ts, in one process. */
import type { Bench } from '../bench.ts';
import { openHosted } from '../hosted/hosted.ts';
import type { PlainChainOptions } from '../hosted/plain-chain.ts';
import type { EventLoad } from '../load/events.ts';
import type { Contestant } from './contestant.ts';

const DATABASE = 'bench_plain_chain';

export function plainChain(bench: Bench, load: EventLoad, concurrency: number): Contestant {
  return {
    name: 'plain chain',
    async open() {
      const { redis } = bench.site;
      await redis.empty();
      const postgres = await bench.houses.build(DATABASE, load.policies);
      const options: PlainChainOptions = { redis: redis.url, postgres, load, concurrency };
      const chain = await openHosted('plain-chain', options, bench.ending);
      return {
        ...chain,
        async close() {
          await chain.close();
          await bench.houses.drop(DATABASE);
        },
      };
    },
  };
}
