/** Processes that end or stop exactly at a boundary of theirs, instead of wherever a signal finds them. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type FailpointPlace, failpoints } from '../../../src/actors/failpoint.ts';
import { idlePolicy, riskModel } from '../load/documents.ts';
import { AUTHOR, people } from '../load/reviewers.ts';
import { type Instance, type Kind, type System, untilAtWork } from '../system/system.ts';
import { anything } from '../watch/signals.ts';
import type { FaultKind, Harm } from './fault.ts';

/** What each kind of process passes. */
const places: Readonly<Record<Kind, readonly FailpointPlace[]>> = {
  admin: ['intake', 'decision'],
  ingest: ['ingest'],
  risk: ['risk'],
  advisory: ['advisory'],
  'awaiting-decision': ['awaiting-decision'],
  ledger: ['ledger'],
  execution: ['execution', 'dispatcher'],
  reconciler: ['reconciler'],
  signer: ['signer'],
};
const pointsOf = (kind: Kind) =>
  places[kind].flatMap((place) => failpoints[place].map((point) => `${place}.${point}`));

/** By chance: some points are passed by what a fault leaves behind, and by nothing else. */
const REACHED_MS_MAX = 12_000;
const POLL_MS = 50;
/** A worker's lock lapses after 6 s, and 2 s later its job is found. */
const BEYOND_LOCK_MS = 9_000;

/** Starts a process of the formation again with one failpoint armed. */
async function arm({ process }: Instance, armed: string): Promise<void> {
  const before = process.starts();
  process.arm({ SENTINELOPS_FAILPOINTS: armed });
  process.signal('SIGTERM');
  await until(() => process.starts() > before, REACHED_MS_MAX);
}

async function until(isSo: () => boolean | Promise<boolean>, msMax: number): Promise<boolean> {
  const untilMs = performance.now() + msMax;
  while (performance.now() < untilMs) {
    if (await isSo()) return true;
    await sleep(POLL_MS);
  }
  return false;
}

async function crashAt(instance: Instance, armed: string, msMax: number): Promise<Harm> {
  const before = instance.process.crashes();
  await arm(instance, armed);
  const isCrashed = await until(() => instance.process.crashes() > before, msMax);
  return isCrashed ? { detail: armed, kills: 1, bites: 1 } : disarmed(instance, armed);
}

/** A point that was not reached in time would act when nobody expects it any more. */
function disarmed({ process }: Instance, armed: string): Harm {
  process.signal('SIGTERM');
  return { detail: `${armed} was not reached`, bites: 0 };
}

const crashed: FaultKind = {
  name: 'process: crashed at a failpoint',
  lane: 'process',
  weight: 8,
  inject(system, random) {
    const instance = random.pick(system.formation());
    const armed = `${random.pick(pointsOf(instance.kind))}:crash:${random.between(1, 3)}`;
    return crashAt(instance, armed, REACHED_MS_MAX);
  },
};

const stopped: FaultKind = {
  name: 'process: stopped at a failpoint',
  lane: 'process',
  weight: 2,
  async inject(system, random) {
    const instance = random.pick(system.formation());
    const armed = `${random.pick(pointsOf(instance.kind))}:pause:${random.between(1, 3)}`;
    await arm(instance, armed);
    if (!(await until(() => isStopped(instance), REACHED_MS_MAX))) return disarmed(instance, armed);
    const pid = instance.process.pid();
    const successor = await system.add(instance.kind);
    await untilAtWork([successor]);
    await sleep(BEYOND_LOCK_MS);
    if (instance.process.pid() === pid) instance.process.signal('SIGCONT');
    await system.remove(successor);
    return { detail: armed, bites: anything };
  },
};

async function isStopped({ process }: Instance): Promise<boolean> {
  const stat = await readFile(`/proc/${process.pid()}/stat`, 'utf8').catch(() => '');
  return /\) T /.test(stat);
}

export const failpointFaults: readonly FaultKind[] = [crashed, stopped];

// The matrix: every point once

/** For rare ones, such as those of an execution. */
const MATRIX_REACHED_MS_MAX = 90_000;
const IN_ORDER: readonly Kind[] = [
  ...(['ingest', 'risk', 'advisory', 'signer', 'reconciler', 'admin'] as const),
  ...(['awaiting-decision', 'ledger', 'execution'] as const),
];

/**
 * A crash at every failpoint there is, in lanes that may run beside each other: one for each kind of process. Where people
 * decide comes before what their decisions set going.
 */
export const crashPoints: ReadonlyMap<string, readonly FaultKind[]> = new Map([
  ...IN_ORDER.map(
    (kind) => [kind, pointsOf(kind).map((point) => crashPoint(kind, point))] as const,
  ),
  [
    'policy',
    failpoints.policy.map((point, index) => policyCrashPoint(`policy.${point}`, index + 1)),
  ] as const,
]);

function crashPoint(kind: Kind, point: string): FaultKind {
  return {
    name: `crash: ${point}`,
    lane: 'process',
    weight: 1,
    async inject(system) {
      const instance = system.formation().find((one) => one.kind === kind)!;
      const leavesGaps = point === 'reconciler.mid_resend' || point === 'reconciler.resent';
      const losses = leavesGaps ? { losesJobsFrom: await leaveGaps(system) } : {};
      return { ...(await crashAt(instance, `${point}:crash`, MATRIX_REACHED_MS_MAX)), ...losses };
    },
  };
}

const STANDSTILL_MS = 3_000;

/** Lets events wait for a worker that stands still, and loses their jobs: the reconciler has something to send. */
async function leaveGaps(system: System): Promise<number> {
  const worker = system.formation().find(({ kind }) => kind === 'advisory')!;
  const pid = worker.process.pid();
  worker.process.signal('SIGSTOP');
  await sleep(STANDSTILL_MS);
  await system.redis().admin.flushall();
  if (worker.process.pid() === pid) worker.process.signal('SIGCONT');
  return 0;
}

/** The command that puts policies into force ends there, and is given once more. */
function policyCrashPoint(point: string, version: number): FaultKind {
  return {
    name: `crash: ${point}`,
    lane: 'process',
    weight: 1,
    async inject(system) {
      const folder = await policyFolder(system, version);
      const command = [
        ...['policy', 'load', folder, '--author', AUTHOR],
        ...['--approver', people.find(({ role }) => role === 'Compliance Officer')!.name],
      ];
      // Risk models come first, and there is nothing new among them.
      const first = await system.command(command, { SENTINELOPS_FAILPOINTS: `${point}:crash:2` });
      const again = await system.command(command);
      const bites = first.signal === 'SIGKILL' && again.code === 0 ? 1 : 0;
      return { detail: bites ? '' : again.output, kills: 1, bites };
    },
  };
}

async function policyFolder(system: System, version: number): Promise<string> {
  const folder = join(system.folder.path, 'documents', `${version}`);
  const documents = { 'risk-models': riskModel, policies: idlePolicy(version) };
  for (const [kind, document] of Object.entries(documents)) {
    await mkdir(join(folder, kind), { recursive: true });
    // JSON is YAML.
    await writeFile(join(folder, kind, 'one.yaml'), JSON.stringify(document));
  }
  return folder;
}
