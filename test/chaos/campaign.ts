/** One run of chaos: load, faults, rest, repeats, and the checker's word on all of it. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { eventIdOf } from '../../src/domain/ids.ts';
import { printReport, type Report, runChecks } from './checker/checker.ts';
import { readEvidence, type StateDigest } from './checker/evidence.ts';
import { tableDigests } from './checker/table-digests.ts';
import { openWorld } from './checker/world.ts';
import type { FaultKind } from './faults/fault.ts';
import { type Figures, type FiguresInput, figuresOf, printFigures } from './figures.ts';
import { openRunFolder } from './journal.ts';
import { TARGETS } from './load/documents.ts';
import { startReviewers } from './load/reviewers.ts';
import { startSenders } from './load/senders.ts';
import { loadPolicies, prepareSetting, type Setting } from './load/setting.ts';
import { bodyCanaries } from './load/submissions.ts';
import { createRandom } from './random.ts';
import { type Injected, runCrashMatrix, runSchedule } from './schedule.ts';
import { startSystem, type System } from './system/system.ts';
import { noteCheckpoints } from './watch/checkpoints.ts';
import { startGapSampler } from './watch/gap-samples.ts';
import { noteJobs } from './watch/jobs.ts';
import { createLedgerExporter } from './watch/ledger-export.ts';
import { measureRecovery } from './watch/recovery.ts';
import { repeatEverything } from './watch/repeats.ts';
import { untilRest } from './watch/rest.ts';
import { watchSignals } from './watch/signals.ts';

export interface CampaignOptions {
  readonly minutes: number;
  readonly seed: number;
  readonly kinds: readonly FaultKind[];
  /** Whether a process crashes at every failpoint first, once each; that takes its own time. */
  readonly hasMatrix: boolean;
  readonly eventsPerSecond: number;
  /** Where the run folder and the stores' files go. */
  readonly directory: string;
  /** Ends the run early, in good order. */
  readonly abort: AbortSignal;
  readonly say: (line: string) => void;
}

export interface CampaignResult {
  readonly report: Report;
  readonly figures: Figures;
}

/** How often each worker is killed while all else is left alone. */
const RECOVERY_ROUNDS = 2;
/** About what the reviewers have time for, beside all that befalls them. */
const REVIEWED_PER_SECOND = 2;
const REVIEWED_SHARE_MAX = 0.25;
const REST_MS_MAX = 600_000;
const APART_MS = 5_000;
const LOOK_MS = 250;
const CHECKPOINT_MS = 1_000;
const POLICY_CHANGE_MS = 45_000;
/** After everything was emptied: for the reconciler to look once. */
const AFTER_FLUSH_MS = 20_000;

export async function runCampaign(options: CampaignOptions): Promise<CampaignResult> {
  const { minutes, seed, say, directory } = options;
  const folder = await openRunFolder(join(directory, 'run'));
  const startedAt = Date.now();
  const random = createRandom(seed);
  const system = await startSystem({ folder, directory });
  try {
    const setting = await prepareSetting(system.postgres.url);
    const load = { httpUrls: () => system.httpUrls(), folder };
    const senders = startSenders({
      ...load,
      redisUrl: `redis://127.0.0.1:${system.sourcesToRedis.port}/0`,
      ...{ secrets: setting.secrets, random: random.fork('senders') },
      eventsPerSecond: options.eventsPerSecond,
      reviewedShare: Math.min(REVIEWED_SHARE_MAX, REVIEWED_PER_SECOND / options.eventsPerSecond),
    });
    const reviewers = startReviewers({ ...load, people: setting.people, seed });
    const notAccepted = () =>
      senders.counts.refused +
      senders.counts.unknown +
      reviewers.counts.refused +
      reviewers.counts.unknown;
    const signals = watchSignals(system, notAccepted);
    const sampler = startGapSampler(system, folder);
    const repeating = [
      repeat(CHECKPOINT_MS, checkpointLook(system)),
      repeat(LOOK_MS, jobLook(system)),
    ];
    const changing = repeat(POLICY_CHANGE_MS, policyChange(system, setting));
    const takeExport = exporterOf(system);
    const injected: Injected[] = [];
    const forged: string[] = [];

    const { kinds, impossible } = whatIsPossible(system, options.kinds);
    for (const why of impossible) say(`not on this machine: ${why}`);
    const injecting = {
      ...{ system, random, signals },
      beforeFault: takeExport,
      async onFault(one: Injected) {
        injected.push(one);
        forged.push(...(one.harm.forged ?? []));
        await folder.note('faults', one.fault);
        const { kind, detail, observed } = one.fault;
        say(`${injected.length} ${kind} ${detail}${observed > 0 ? '' : ' (did not show)'}`);
      },
    };
    if (options.hasMatrix) await runCrashMatrix({ ...injecting, until: options.abort });
    const over = AbortSignal.any([options.abort, AbortSignal.timeout(minutes * 60_000)]);
    await runSchedule({ ...injecting, kinds, until: over });
    await healAll(system);
    const recoveriesMs = options.abort.aborted
      ? []
      : await measureRecovery(system, signals, RECOVERY_ROUNDS);
    await senders.stop();
    await changing.stop();
    const healedAt = Date.now();
    say('healed; waiting for rest');

    const postgres = new pg.Client({ connectionString: system.postgres.url });
    await postgres.connect();
    const redis = system.redis().admin;
    const rest = { postgres, redis, msMax: REST_MS_MAX, apartMs: APART_MS, onWait: throttled(say) };
    const { drainedAt, restedAt } = await untilRest(rest);
    for (const one of repeating) await one.stop();
    await reviewers.stop();
    await sampler.stop();
    const missedBySources = await missed(postgres, folder.path, system);
    const replay = restedAt === null ? null : await repeatAll(system, postgres, rest, say);
    await takeExport();
    await signals.stop();
    await system.stopProcesses();
    await folder.finish({
      ...{
        seed,
        startedAt,
        endedAt: Date.now(),
        healedAt,
        drainedAt,
        replay,
        forged,
        missedBySources,
      },
      receiverTargets: Object.values(TARGETS),
      canaries: [...bodyCanaries, ...system.canaries, ...Object.values(setting.secrets)],
    });
    await postgres.end();
    return await judge(system, folder.path, { injected, impossible, recoveriesMs });
  } finally {
    await system.stop();
  }
}

async function judge(
  system: System,
  path: string,
  seen: Pick<FiguresInput, 'injected' | 'impossible' | 'recoveriesMs'>,
): Promise<CampaignResult> {
  const evidence = await readEvidence(path);
  const redisUrl = `redis://127.0.0.1:${system.redis().port}/0`;
  const world = await openWorld({ databaseUrl: system.postgres.url, redisUrl, evidence });
  try {
    const report = await runChecks(world);
    const violations = report.violations.map(({ name }) => name);
    const effects = system.receiver.effects();
    const figures = figuresOf({ ...seen, evidence, effects, violations });
    await writeFile(join(path, 'figures.json'), `${JSON.stringify(figures, null, 2)}\n`);
    await writeFile(join(path, 'report.txt'), `${printReport(report)}\n${printFigures(figures)}`);
    return { report, figures };
  } finally {
    await world.close();
  }
}

/** Parts the kinds that this machine can do from those that it cannot, each of these with the reason. */
function whatIsPossible(
  system: System,
  chosen: readonly FaultKind[],
): { readonly kinds: readonly FaultKind[]; readonly impossible: readonly string[] } {
  const reasons = new Map(chosen.map((kind) => [kind, kind.whyNot?.(system)]));
  return {
    kinds: chosen.filter((kind) => reasons.get(kind) === undefined),
    impossible: [...reasons].flatMap(([{ name }, why]) => (why ? [`${name} (${why})`] : [])),
  };
}

/** Whatever the last faults have left. */
async function healAll(system: System): Promise<void> {
  system.receiver.misbehave(undefined);
  await system.postgres.free();
  await system.postgres.start();
  await system.redis().start();
  for (const { toPostgres, toRedis, moveClock } of system.instances()) {
    for (const proxy of [toPostgres, toRedis]) {
      proxy.resume();
      proxy.cutNextCommit(undefined);
    }
    await moveClock(0);
  }
}

/** What its sources find missing when they compare what the queue took with what became of it. */
async function missed(postgres: pg.Client, path: string, system: System): Promise<string[]> {
  const { rows } = await postgres.query<{ key: string }>(
    `select source_system || ' ' || external_id as key from audit.event
     union select source_system || ' ' || external_id from audit.dead_letter where queue = 'ingest'`,
  );
  const known = new Set(rows.map(({ key }) => key));
  const lines = (await readFile(join(path, 'ops.jsonl'), 'utf8')).split('\n').filter(Boolean);
  const ops = lines.map(
    (line) => JSON.parse(line) as { path: string; outcome: string; source: string; id: string },
  );
  const taken = ops.filter((op) => op.path === 'queue' && op.outcome === 'ok');
  const missing = new Map(taken.map((op) => [`${op.source} ${op.id}`, op]));
  for (const key of known) missing.delete(key);
  const confirmed: string[] = [];
  for (const [key, { source, id }] of missing) {
    const [url] = system.httpUrls();
    const answer = await fetch(`${url}/v1/events/${eventIdOf(source, id)}`);
    if (answer.status === 404) confirmed.push(key);
  }
  return confirmed;
}

/** Everything is delivered once more, then the queue store is emptied and every process is started again. */
async function repeatAll(
  system: System,
  postgres: pg.Client,
  rest: Parameters<typeof untilRest>[0],
  say: (line: string) => void,
): Promise<{ before: StateDigest; after: StateDigest }> {
  const state = async () => ({
    tables: await tableDigests(postgres),
    effects: system.receiver.effects(),
  });
  const before = await state();
  const repeated = await repeatEverything(postgres, system.redis().admin);
  say(`repeated ${repeated} messages`);
  await untilRest(rest);
  await system.redis().admin.flushall();
  for (const { process } of system.instances()) process.signal('SIGTERM');
  await sleep(AFTER_FLUSH_MS);
  await untilRest(rest);
  return { before, after: await state() };
}

function jobLook(system: System): () => Promise<void> {
  const seen = new Set<string>();
  return () => noteJobs(system.redis().admin, system.folder, seen);
}

function checkpointLook(system: System): () => Promise<void> {
  const seen = new Set<string>();
  return () => system.postgres.withClient((client) => noteCheckpoints(client, system.folder, seen));
}

function policyChange(system: System, setting: Setting): () => Promise<void> {
  let version = 1;
  return async () => {
    version += 1;
    await loadPolicies(system.postgres.url, setting, version);
  };
}

function exporterOf(system: System): () => Promise<void> {
  const exporter = createLedgerExporter(system.folder);
  let last: Promise<void> = Promise.resolve();
  return () => {
    // One after the other, also when two lanes ask at once; and no fault waits for a database that is away.
    last = last
      .then(() => system.postgres.withClient((client) => exporter.take(client)))
      .catch(() => undefined);
    return last;
  };
}

/** Calls `look` again and again; one that fails is followed by the next. */
function repeat(everyMs: number, look: () => Promise<void>): { stop(): Promise<void> } {
  const stopped = new AbortController();
  const running = (async () => {
    while (!stopped.signal.aborted) {
      await sleep(everyMs, undefined, { signal: stopped.signal }).catch(() => undefined);
      if (!stopped.signal.aborted) await look().catch(() => undefined);
    }
  })();
  return {
    async stop() {
      stopped.abort();
      await running;
    },
  };
}

const SAY_MS = 10_000;

function throttled(say: (line: string) => void): (what: string) => void {
  let nextMs = 0;
  return (what) => {
    if (performance.now() < nextMs) return;
    nextMs = performance.now() + SAY_MS;
    say(`waiting: ${what}`);
  };
}
