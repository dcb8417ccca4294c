/**
 * The only wiring: what stands on the foundation (foundation.ts) becomes actors, watches and the HTTP server. It joins and
 * decides nothing else. What is started here stops in the order of dependence, first what takes work.
 */
import { readFile } from 'node:fs/promises';
import { awaitingDecisionActor } from './actors/awaiting-decision.ts';
import { createAdvisoryActor } from './actors/advisory.ts';
import { createDecideInBulk } from './actors/bulk.ts';
import { createClockWatch } from './actors/clock-watch.ts';
import { createDeadLetterCommands } from './actors/dead-letters.ts';
import { createDeadlineWatch } from './actors/deadlines.ts';
import { createDecide } from './actors/decision.ts';
import { createDelegationCommands } from './actors/delegations.ts';
import { createDispatcher, type Dispatcher } from './actors/dispatcher.ts';
import { executionActor } from './actors/execution.ts';
import { armFailpoints, type Failpoint, type PointOf } from './actors/failpoint.ts';
import { faultOf } from './actors/fault.ts';
import { ingestActor } from './actors/ingest.ts';
import { createIntake } from './actors/intake.ts';
import { createLedgerActor } from './actors/ledger.ts';
import { createNotifier } from './actors/notifier.ts';
import { createLedgerHeartbeat, createLedgerProtectionWatch } from './actors/ledger-health.ts';
import { lifeCycleCommands } from './actors/policy-life-cycle.ts';
import { createReadiness } from './actors/readiness.ts';
import { createReconciler } from './actors/reconciler.ts';
import { createResender } from './actors/resend.ts';
import { createRiskActor } from './actors/risk.ts';
import { type RunningActor, type RuntimeOptions, runActor } from './actors/runtime.ts';
import type { Watch } from './actors/watch.ts';
import { createOidcProvider, type OidcProvider } from './admin/oidc.ts';
import { consoleRoutes } from './admin/routes/console.ts';
import { deadLetterRoutes } from './admin/routes/dead-letters.ts';
import { delegationRoutes } from './admin/routes/delegations.ts';
import { policyRoutes } from './admin/routes/policies.ts';
import { eventRoutes } from './admin/routes/events.ts';
import { healthRoutes } from './admin/routes/health.ts';
import { completenessRoutes } from './admin/routes/completeness.ts';
import { evidenceRoutes } from './admin/routes/evidence.ts';
import { ledgerRoutes } from './admin/routes/ledger.ts';
import { openapiRoutes } from './admin/routes/openapi.ts';
import { problemRoutes } from './admin/routes/problems.ts';
import { reviewRoutes } from './admin/routes/reviews.ts';
import { createAdminServer } from './admin/server.ts';
import { isLoopbackHost } from './admin/session.ts';
import { type Config, readSecret } from './config.ts';
import { readOidcFile } from './documents/oidc-document.ts';
import { policyDocument } from './documents/policy-document.ts';
import { type DocumentFault, printFault } from './documents/yaml.ts';
import { overloadOf, summaryOf } from './domain/gap.ts';
import { systemClock } from './domain/time.ts';
import { type Foundation, refuseUnfitServer } from './foundation.ts';
import type { Broker } from './queues/broker.ts';
import { pipeline, type QueueName, queueNames } from './queues/pipeline.ts';
import { sourceKinds } from './sources/sources.ts';
import { openTargets, readTargets } from './targets/file.ts';
import { openNotifications, readNotifications } from './targets/notifications-file.ts';
import type { Target, TargetTools } from './targets/target.ts';

/** Requests that one address may send in a second before it is told to wait. */
const REQUESTS_PER_SECOND_MAX = 2_000;
// Work

export interface Work {
  /** Takes no more jobs, finishes those under way, and resolves. */
  drain(): Promise<void>;
  /** False once an actor has stopped itself. */
  isRunning(): boolean;
}

export interface WorkOptions {
  readonly queues: readonly QueueName[];
  /** Where executions go; only the worker of `execution` asks. */
  readonly targets: () => Promise<readonly Target[]>;
  /** An actor has stopped itself because a promise of ours is broken. */
  readonly onHalt: (error: Error) => void;
}

/** Starts actors, each with what belongs to its worker: the ledger's watches, the deadlines, the dispatcher of executions. */
export async function startWork(foundation: Foundation, options: WorkOptions): Promise<Work> {
  const { config, sessions, broker, log } = foundation;
  const { queues } = options;
  const failpoints = armFailpoints(config.failpoints);
  const domains = queues.map((queue) => pipeline[queue].domain);
  await refuseUnfitServer(sessions, domains, log);
  const dispatcher = queues.includes('execution')
    ? openDispatcher(foundation, await options.targets(), failpoints.at('dispatcher'))
    : undefined;
  const watches = [
    ...(queues.includes('ledger') ? ledgerWatches(foundation) : []),
    ...(queues.includes('awaiting-decision') ? [openDeadlineWatch(foundation)] : []),
    ...domains.slice(0, 1).map((domain) => createClockWatch(sessions.of(domain), log)),
  ];

  const run = <Q extends QueueName, Store>(
    actor: RuntimeOptions<Q, Store>['actor'],
    onBatch: () => void = () => undefined,
  ) =>
    runActor({
      actor,
      database: sessions.of(actor.domain),
      broker,
      clock: systemClock,
      log,
      onBatch,
      onHalt: options.onHalt,
      failpoint: failpoints.at(actor.queue),
    });
  const starters: Record<QueueName, () => Promise<RunningActor>> = {
    ingest: () => run(ingestActor),
    risk: () => run(createRiskActor()),
    advisory: () => run(createAdvisoryActor()),
    'awaiting-decision': () => run(awaitingDecisionActor),
    execution: () => run(executionActor, dispatcher?.wake),
    ledger: () =>
      run(
        createLedgerActor({
          onFactConflict: ({ type, id }) =>
            log.error({ type, id }, 'a recorded fact is no longer what its ledger entry says'),
          failpoint: failpoints.at('ledger'),
        }),
      ),
  };
  const actors: RunningActor[] = [];
  const drain = async () => {
    await Promise.all(actors.map((actor) => actor.drain()));
    await dispatcher?.stop();
    await Promise.all(watches.map((watch) => watch.stop()));
  };
  for (const watch of watches) watch.start();
  dispatcher?.start();
  try {
    for (const queue of queues) actors.push(await starters[queue]());
  } catch (error) {
    await drain();
    throw error;
  }
  log.info({ queues, store: broker.store }, 'working');
  return { isRunning: () => actors.every((actor) => actor.isRunning()), drain };
}

function openDeadlineWatch({ sessions, broker, log }: Foundation): Watch {
  const send = broker.sender('awaiting-decision');
  return createDeadlineWatch({ database: sessions.of('decision'), send, log });
}

function openDispatcher(
  { config, sessions, broker, log }: Foundation,
  targets: readonly Target[],
  failpoint: Failpoint<PointOf<'dispatcher'>> | undefined,
): Dispatcher {
  return createDispatcher({
    failpoint,
    database: sessions.of('execution'),
    targets,
    sendToLedger: broker.sender('ledger'),
    needs: config.executionNeeds,
    clock: systemClock,
    log,
  });
}

/** The targets of the configured file. @throws Error with every fault of the file, by line and column. */
export async function configuredTargets({
  config,
  broker,
  log,
}: Foundation): Promise<readonly Target[]> {
  const file = config.targetsFile;
  if (file === undefined) {
    log.warn({}, 'TARGETS_FILE is not set: approved executions wait until their target is known');
    return [];
  }
  return targetsFrom(file, await readFile(file, 'utf8'), {
    readSecret,
    publish: broker.publish,
    log,
  });
}

/** The targets that a text defines. */
export async function targetsFrom(
  file: string,
  text: string,
  tools: TargetTools,
): Promise<readonly Target[]> {
  const reading = readTargets(file, text);
  if ('definition' in reading) return openTargets(reading.definition, tools);
  throw faultyFile('targets', reading.faults);
}

function ledgerWatches({ sessions, log }: Foundation): readonly Watch[] {
  const database = sessions.of('ledger');
  return [
    createLedgerHeartbeat({
      database,
      onFailure: (error) =>
        log.warn({ error }, 'the ledger does not answer: nothing can be finalised'),
    }),
    createLedgerProtectionWatch({
      database,
      onWeakened: (state) =>
        log.error({ ...state }, 'the protection of the ledger is not what it was'),
      onFailure: (error) =>
        log.warn({ error }, 'the protection of the ledger could not be compared'),
    }),
  ];
}

// Notifications

/** Starts to tell people of reviews, by the configured file; without one it has nothing to do. */
export async function startNotifier({ config, sessions, broker, log }: Foundation): Promise<{
  /** Ends what is under way and resolves. */
  stop(): Promise<void>;
}> {
  const file = config.notificationsFile;
  if (file === undefined) {
    log.warn({}, 'NOTIFICATIONS_FILE is not set: nobody is told of reviews');
    return { stop: () => Promise.resolve() };
  }
  await refuseUnfitServer(sessions, ['decision'], log);
  const reading = readNotifications(file, await readFile(file, 'utf8'));
  if ('faults' in reading) throw faultyFile('notifications', reading.faults);
  const tools = { readSecret, publish: broker.publish, log };
  const notifier = createNotifier({
    database: sessions.of('decision'),
    ...(await openNotifications(reading.definition, tools)),
    clock: systemClock,
    log,
    failpoint: armFailpoints(config.failpoints).at('notifier'),
  });
  notifier.start();
  return notifier;
}

function faultyFile(name: string, faults: readonly DocumentFault[]): Error {
  return new Error(`The ${name} file has faults:\n${faults.map(printFault).join('\n')}`);
}

// Gaps

/** Starts a reconciler. Of all that run on a database one is at work. */
export async function startReconciler({ config, sessions, broker, log }: Foundation): Promise<{
  /** Finishes what is under way and resolves. */
  stop(): Promise<void>;
}> {
  await refuseUnfitServer(sessions, ['audit'], log);
  const database = sessions.single('audit');
  const { gaps } = sessions;
  const failpoint = armFailpoints(config.failpoints).at('reconciler');
  const resender = createResender({ broker, log, failpoint });
  const reconciler = createReconciler({ database, gaps, resender, broker, log, failpoint });
  reconciler.start();
  return {
    async stop() {
      await reconciler.stop();
      await database.close();
    },
  };
}

// Admin

export interface Admin {
  /** Where it listens. */
  readonly url: string;
  /** Takes no more requests, answers those under way, and resolves. */
  stop(): Promise<void>;
}

export interface AdminOptions {
  /** ADMIN_PORT when not given. */
  readonly port?: number;
  /** False once an actor of this process has stopped itself; the actors of other processes are theirs to watch. */
  readonly isWorking?: () => boolean;
}

/** The HTTP server: intake for sources, the reviewers' endpoint. Listening once it resolves. */
export async function startAdmin(
  { config, sessions, broker, log }: Foundation,
  options: AdminOptions = {},
): Promise<Admin> {
  await refuseUnfitServer(sessions, ['event', 'decision', 'identity', 'audit'], log);
  const failpoints = armFailpoints(config.failpoints);
  const atIntake = failpoints.at('intake');
  const toRisk = broker.sender('risk');
  const toLedger = broker.sender('ledger');
  const intake = createIntake({
    database: sessions.of('event'),
    handOn: async (eventIds) => {
      await Promise.all([
        toRisk(eventIds.map((eventId) => ({ eventId }))),
        toLedger(eventIds.map((id) => ({ type: 'EVENT', id }))),
      ]);
    },
    clock: systemClock,
    log,
    failpoint: atIntake,
  });
  const decide = createDecide({
    database: sessions.of('decision'),
    send: broker.sender('awaiting-decision'),
    log,
    failpoint: failpoints.at('decision'),
  });
  const isTransient = (error: unknown) => ['transient', 'contended'].includes(faultOf(error));
  const decision = sessions.of('decision');
  const identity = sessions.of('identity');
  const delegations = createDelegationCommands(identity);
  const decideInBulk = createDecideInBulk(decide, decision);
  const audit = sessions.of('audit');
  const { gaps } = sessions;
  const { port = config.adminPort, isWorking } = options;
  const readiness = createReadiness({ database: audit, broker, gaps, isWorking });
  const server = await createAdminServer({
    routes: [
      healthRoutes(readiness),
      eventRoutes({
        intake,
        kinds: sourceKinds,
        audit,
        overload: () => overloadOf(gaps.latest()?.found),
        onReplied: atIntake && (() => atIntake('replied')),
      }),
      reviewRoutes({ decide, decideInBulk, decision, identity }),
      delegationRoutes({ identity, delegations }),
      deadLetterRoutes({
        identity,
        audit,
        commands: createDeadLetterCommands({ database: sessions.of('event'), broker, log }),
      }),
      policyRoutes({
        identity,
        audit,
        commands: lifeCycleCommands({
          policy: sessions.of('policy'),
          risk: sessions.of('risk'),
          send: toLedger,
        }),
        read: (value) => policyDocument.check(value),
      }),
      consoleRoutes({
        decide,
        decideInBulk,
        delegations,
        decision,
        identity,
        audit,
        queueStates: () => statesOfQueues(broker),
        readiness,
        gaps: () => summaryOf(gaps.latest()?.found ?? new Map()),
        provider: await configuredProvider(config),
        isOnLoopback: isLoopbackHost(config.adminHost),
        log,
        isTransient,
      }),
      ledgerRoutes({ audit }),
      evidenceRoutes({ identity, audit }),
      completenessRoutes({ identity, audit }),
      problemRoutes,
      openapiRoutes,
    ],
    log,
    isTransient,
    requestsPerSecondMax: REQUESTS_PER_SECOND_MAX,
  });
  const url = await server.listen({ host: config.adminHost, port });
  log.info({ url }, 'listening');
  const clock = createClockWatch(audit, log);
  gaps.start();
  clock.start();
  return {
    url,
    async stop() {
      await server.close();
      await clock.stop();
    },
  };
}

/** @throws Error with every fault of the file, by line and column. */
async function configuredProvider({ oidcFile }: Config): Promise<OidcProvider | undefined> {
  if (oidcFile === undefined) return undefined;
  const reading = readOidcFile(oidcFile, await readFile(oidcFile, 'utf8'));
  if ('faults' in reading) throw faultyFile('OIDC', reading.faults);
  const { definition } = reading;
  return createOidcProvider({
    issuer: definition.issuer,
    clientId: definition.client_id,
    clientSecret: await readSecret(definition.client_secret),
    redirectUrl: new URL('/console/sign-in/return', definition.console_url).href,
    signature: definition.signature ?? 'RS256',
    nameClaim: definition.name_claim ?? 'preferred_username',
    rolesClaim: definition.roles_claim ?? 'groups',
    scopes: definition.scopes ?? ['profile'],
    roles: definition.roles,
    loopback: definition.loopback === true,
  });
}

async function statesOfQueues(
  broker: Broker,
): Promise<Readonly<Record<QueueName, Readonly<Record<string, number>>>>> {
  const states = await Promise.all(
    queueNames.map(async (queue) => [queue, await broker.counts(queue)] as const),
  );
  return Object.fromEntries(states) as Record<QueueName, Readonly<Record<string, number>>>;
}
