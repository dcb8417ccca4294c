/** Six BullMQ queues that store nothing: hosted/bare-chain.ts, in one process. */
import type { Bench } from '../bench.ts';
import { openHosted } from '../hosted/hosted.ts';
import type { BareChainOptions } from '../hosted/bare-chain.ts';
import type { EventLoad } from '../load/events.ts';
import type { Contestant } from './contestant.ts';

export function bareChain(bench: Bench, load: EventLoad, concurrency: number): Contestant {
  return {
    name: 'bare chain',
    async open() {
      await bench.site.redis.empty();
      const options: BareChainOptions = { redis: bench.site.redis.url, load, concurrency };
      return openHosted('bare-chain', options, bench.ending);
    },
  };
}
