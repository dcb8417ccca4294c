/** What every section is given. */
import type { Ending } from './ending.ts';
import type { Houses } from './load/house.ts';
import type { Profiler } from './measure/profiler.ts';
import type { Options } from './options.ts';
import type { Row } from './report/row.ts';
import type { Site } from './site/site.ts';

export interface Bench {
  readonly options: Options;
  readonly site: Site;
  readonly houses: Houses;
  readonly ending: Ending;
  readonly profiler: Profiler;
  /** The best concurrency of a chain, by its name and load: found once, in its warm-up. */
  readonly tuned: Map<string, Promise<number>>;
  /** Says on standard error where the benchmark is. */
  readonly say: (text: string) => void;
}

export interface Section {
  readonly name: string;
  /** One line of the usage text. */
  readonly about: string;
  /** True when it runs only if it is named. */
  readonly onRequest?: true;
  run(bench: Bench): Promise<readonly Row[]>;
}
