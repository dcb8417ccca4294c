/** The chains at their best: several concurrencies are tried in the warm-up, and the fastest one takes part. */
import type { Bench } from '../bench.ts';
import type { EventLoad } from '../load/events.ts';
import { fastest } from '../measure/rounds.ts';
import { bareChain } from './bare-chain.ts';
import type { Contestant } from './contestant.ts';
import { plainChain } from './plain-chain.ts';

const CONCURRENCIES = [8, 32, 128];
/** Trying takes longer than a quick run may. */
const QUICK_CONCURRENCIES = [32];
/** Each holds a connection of every domain. */
const PLAIN_CONCURRENCIES = [8, 24];
const QUICK_PLAIN_CONCURRENCIES = [16];

export function tunedBareChain(bench: Bench, load: EventLoad): Promise<Contestant> {
  const concurrencies = bench.options.quick ? QUICK_CONCURRENCIES : CONCURRENCIES;
  return tuned(bench, load, concurrencies, bareChain);
}

export function tunedPlainChain(bench: Bench, load: EventLoad): Promise<Contestant> {
  const concurrencies = bench.options.quick ? QUICK_PLAIN_CONCURRENCIES : PLAIN_CONCURRENCIES;
  return tuned(bench, load, concurrencies, plainChain);
}

async function tuned(
  bench: Bench,
  load: EventLoad,
  concurrencies: readonly number[],
  contestantOf: (bench: Bench, load: EventLoad, concurrency: number) => Contestant,
): Promise<Contestant> {
  const key = `${contestantOf.name} ${JSON.stringify(load)}`;
  const standing = bench.tuned.get(key) ?? best(bench, load, concurrencies, contestantOf);
  bench.tuned.set(key, standing);
  return contestantOf(bench, load, await standing);
}

async function best(
  bench: Bench,
  load: EventLoad,
  concurrencies: readonly number[],
  contestantOf: (bench: Bench, load: EventLoad, concurrency: number) => Contestant,
): Promise<number> {
  if (concurrencies.length === 1) return concurrencies[0]!;
  const index = await fastest(
    bench,
    concurrencies.map((concurrency) => {
      const contestant = contestantOf(bench, load, concurrency);
      return { ...contestant, name: `${contestant.name}, concurrency ${concurrency}` };
    }),
  );
  return concurrencies[index]!;
}
