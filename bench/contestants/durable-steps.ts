/** The engines for durable work on PostgreSQL: six steps for each event, in a process and a database of its own each. */
import type { Bench } from '../bench.ts';
import type { DbosOptions } from '../hosted/dbos.ts';
import type { GraphileWorkerOptions } from '../hosted/graphile-worker.ts';
import { openHosted } from '../hosted/hosted.ts';
import type { PgBossOptions } from '../hosted/pg-boss.ts';
import type { EventLoad } from '../load/events.ts';
import type { Contestant } from './contestant.ts';

/** As the documentation of each recommends. */
export const engines = ['pg-boss', 'graphile-worker', 'dbos'] as const;
type Engine = (typeof engines)[number];

export function durableSteps(bench: Bench, load: EventLoad, engine: Engine): Contestant {
  return contestant(bench, engine, (postgres): EngineOptions => {
    return { postgres, load, handOn: 'send' };
  });
}

/** pg-boss as it can be driven by somebody who gathers as we do: shown, and held to nothing. */
export function bulkPgBoss(bench: Bench, load: EventLoad): Contestant {
  const bulk = contestant(bench, 'pg-boss', (postgres): EngineOptions => {
    return { postgres, load, handOn: 'insert' };
  });
  return { ...bulk, name: 'pg-boss, handing on in bulk' };
}

type EngineOptions = PgBossOptions & GraphileWorkerOptions & DbosOptions;

function contestant(
  bench: Bench,
  engine: Engine,
  optionsFor: (url: string) => EngineOptions,
): Contestant {
  const database = `bench_${engine.replaceAll('-', '_')}`;
  return {
    name: engine,
    async open() {
      const { postgres } = bench.site;
      await postgres.drop(database);
      await postgres.create(database);
      const chain = await openHosted(engine, optionsFor(postgres.urlOf(database)), bench.ending);
      return {
        ...chain,
        async close() {
          await chain.close();
          await postgres.drop(database);
        },
      };
    },
  };
}
