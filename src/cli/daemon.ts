/** `up`, `work`, `admin`: the processes that stay. */
import { type Command, InvalidArgumentError } from 'commander';
import {
  configuredTargets,
  startAdmin,
  startNotifier,
  startReconciler,
  startWork,
  type Work,
} from '../compose.ts';
import { type QueueName, queueNames } from '../queues/pipeline.ts';
import { runDaemon, type StartPart } from './run.ts';
import { startSigning } from './signing.ts';

export function addDaemonCommands(program: Command): void {
  program
    .command('up')
    .description('run everything in one process: all actors and the HTTP server')
    .action(() => runDaemon('up', everyPart()));
  program
    .command('work')
    .argument('<what...>', `one or more of ${workers.join(', ')}`, collectWorker)
    .description(
      'run the actors of some queues, the reconciler or the notifier; start as many of these processes as you like',
    )
    .action((what: readonly Worker[]) =>
      runDaemon(`work ${what.join(' ')}`, workParts([...new Set(what)])),
    );
  program
    .command('admin')
    .description('run the HTTP server: intake of events, the reviewers’ endpoint')
    .action(() => runDaemon('admin', [adminPart]));
}

/** Workers that serve no queue. */
const others = { reconciler: startReconciler, notifier: startNotifier } as const;
type Other = keyof typeof others;
type Worker = QueueName | Other;
const otherNames = Object.keys(others) as Other[];
const workers: readonly Worker[] = [...queueNames, ...otherNames];

function workParts(what: readonly Worker[]): StartPart[] {
  const queues = queueNames.filter((queue) => what.includes(queue));
  return [
    ...(queues.length === 0 ? [] : [workPart(queues)]),
    ...otherNames.filter((name) => what.includes(name)).map((name) => others[name]),
  ];
}

function workPart(
  queues: readonly QueueName[],
  onStart: (work: Work) => void = () => undefined,
): StartPart {
  return async (foundation, fail) => {
    const targets = () => configuredTargets(foundation);
    const work = await startWork(foundation, { queues, targets, onHalt: fail });
    onStart(work);
    return { stop: () => work.drain() };
  };
}

const adminPart: StartPart = (foundation) => startAdmin(foundation);

/** In one process the HTTP server knows how the actors are. */
function everyPart(): StartPart[] {
  let work: Work | undefined;
  const isWorking = () => work?.isRunning() ?? false;
  return [
    signingPart,
    workPart(queueNames, (started) => (work = started)),
    startReconciler,
    startNotifier,
    (foundation) => startAdmin(foundation, { isWorking }),
  ];
}

/**
 * Started first and stopped last, so that it has compared the ledger with what was signed before anything is appended.
 * When it halts the ledger later, the process stays: reading is still allowed.
 */
const signingPart: StartPart = async ({ config, sessions, log }) =>
  config.ledgerSigningKey === undefined
    ? { stop: () => Promise.resolve() }
    : startSigning({ config, sessions, log }, () => undefined);

function collectWorker(name: string, collected: readonly Worker[] = []): Worker[] {
  const worker = workers.find((known) => known === name);
  if (worker === undefined) throw new InvalidArgumentError(`It is one of ${workers.join(', ')}.`);
  return [...collected, worker];
}
