/** The benchmark: brings up its own stores, runs the sections, prints the table. README.md says how to read it. */
import { writeFile } from 'node:fs/promises';
import type { Bench, Section } from './bench.ts';
import { createEnding, endOnSignals } from './ending.ts';
import { openHouses } from './load/house.ts';
import { createProfiler } from './measure/profiler.ts';
import { type Options, readOptions, USAGE } from './options.ts';
import { jsonReport, tableOf } from './report/report.ts';
import type { Row } from './report/row.ts';
import { sections } from './sections/sections.ts';
import { describeMachine } from './site/machine.ts';
import { openSite } from './site/site.ts';

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

const say = (text: string): void => {
  process.stderr.write(`${text}\n`);
};

process.exitCode = await main(process.argv.slice(2));
// Some contestants' libraries leave timers behind.
process.exit();

async function main(args: readonly string[]): Promise<number> {
  const request = parse(args);
  if (request === undefined) return EXIT_USAGE;
  const ending = createEnding();
  endOnSignals(ending);
  try {
    const site = await openSite(ending);
    const machine = describeMachine(site);
    say(machine.join('\n'));
    const houses = await openHouses(site.postgres);
    const { options } = request;
    const profiler = createProfiler(options.profile, site);
    const bench: Bench = { options, site, houses, ending, profiler, say, tuned: new Map() };
    const rows = await runAll(bench, request.sections);
    process.stdout.write(`${machine.join('\n')}\n\n${tableOf(rows)}\n`);
    if (options.json !== undefined) {
      await writeFile(options.json, `${JSON.stringify(jsonReport(rows), undefined, 2)}\n`);
    }
    return 0;
  } catch (error) {
    say((error as Error).stack ?? String(error));
    return EXIT_FAILED;
  } finally {
    await ending.all();
  }
}

async function runAll(bench: Bench, chosen: readonly Section[]): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for (const section of chosen) {
    const startedMs = performance.now();
    say(`\n== ${section.name}: ${section.about}`);
    const found = await section.run(bench);
    say(`${tableOf(found)}\n(${((performance.now() - startedMs) / 1_000).toFixed(0)} s)`);
    rows.push(...found);
  }
  return rows;
}

/** What was asked for; undefined, and said, when it is not there. */
function parse(
  args: readonly string[],
): { options: Options; sections: readonly Section[] } | undefined {
  try {
    const options = readOptions(args);
    return { options, sections: chosenBy(options) };
  } catch (error) {
    const list = sections.map(({ name, about }) => `  ${name.padEnd(18)}${about}`).join('\n');
    say(`${(error as Error).message}\n\n${USAGE}\n\nSections:\n${list}`);
    return undefined;
  }
}

function chosenBy({ sections: names }: Options): readonly Section[] {
  if (names.length === 0) return sections.filter(({ onRequest }) => onRequest !== true);
  return names.map((name) => {
    const section = sections.find((known) => known.name === name);
    if (section === undefined) throw new TypeError(`There is no section "${name}".`);
    return section;
  });
}
