/** V: the system came to rest by itself, without a loop or a complaint, and every fault bit. */
import { type Check, first } from '../check.ts';
import type { Evidence, Fault } from '../evidence.ts';

const DRAIN_MS_MAX = 120_000;

const V1: Check = {
  name: 'V1',
  title: 'It drains in time',
  find: ({ evidence: { run } }) => {
    if (run.drainedAt === null) return Promise.resolve(['it never came to rest']);
    const ms = run.drainedAt - run.healedAt;
    return Promise.resolve(ms <= DRAIN_MS_MAX ? [] : [`it took ${Math.round(ms / 1_000)} s`]);
  },
};

/** Exits of one kind of process that no fault explains, before it counts as a loop. */
const EXITS_MAX = 2;
/** How long after its end a fault explains an exit. */
const AFTERMATH_MS = 15_000;

const V2: Check = {
  name: 'V2',
  title: 'No process restarts for ever',
  find: ({ evidence }) => {
    const unexplained = evidence.processes
      .filter(({ intended }) => !intended)
      .filter(({ endedAt }) => !isDuring(evidence.faults, endedAt));
    const byName = Map.groupBy(unexplained, ({ name }) => name);
    const loops = [...byName].filter(([, exits]) => exits.length > EXITS_MAX);
    const late = unexplained.filter(
      ({ endedAt }) => endedAt > evidence.run.healedAt + AFTERMATH_MS,
    );
    return Promise.resolve(
      first([
        ...loops.map(([name, exits]) => `${name} ended ${exits.length} times by itself`),
        ...late.map(({ name, pid }) => `${name} (${pid}) ended after everything was healed`),
      ]),
    );
  },
};

function isDuring(faults: readonly Fault[], at: number): boolean {
  return faults.some(({ from, to }) => from <= at && at <= to + AFTERMATH_MS);
}

/** Of the daemon's log format: what somebody should look at. */
const COMPLAINTS: readonly unknown[] = ['error', 'fatal'];
/** Until what a fault left under way has run into its time limits. */
const CALM_MS = 30_000;

const V3: Check = {
  name: 'V3',
  title: 'Nothing complains after everything is healed',
  find: ({ evidence }) => Promise.resolve(first(complaints(evidence))),
};

function* complaints({ run, logs }: Evidence): Generator<string> {
  for (const { file, text } of logs) {
    const line = parsed(text);
    if (line === undefined || !COMPLAINTS.includes(line.level)) continue;
    const at = Date.parse(String(line.time));
    // A process whose clock had jumped dates its lines as it pleases.
    if (at > run.healedAt + CALM_MS && at < run.endedAt + CALM_MS)
      yield `${file.split('/').at(-1)}: ${String(line.msg)}`;
  }
}

function parsed(
  text: string,
): { readonly level?: unknown; readonly time?: unknown; readonly msg?: unknown } | undefined {
  try {
    return JSON.parse(text) as { readonly level?: unknown };
  } catch {
    // Whatever a dying process prints beside its log.
    return undefined;
  }
}

const V4: Check = {
  name: 'V4',
  title: 'Every kind of fault bit',
  find: ({ evidence }) => {
    const kinds = Map.groupBy(evidence.faults, ({ kind }) => kind);
    const harmless = [...kinds].filter(([, faults]) =>
      faults.every(({ observed }) => !(observed >= 1)),
    );
    const backwards = evidence.faults.filter(({ from, to }) => !(from <= to));
    return Promise.resolve(
      first([
        ...harmless.map(([kind, { length }]) => `${kind} was injected ${length} times, unnoticed`),
        ...backwards.map(({ kind, from }) => `${kind} at ${from} was never healed`),
      ]),
    );
  },
};

export const livenessChecks: readonly Check[] = [V1, V2, V3, V4];
