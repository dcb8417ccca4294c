/** `up`, `work`, `admin`: the processes that stay. */
import { type Command, InvalidArgumentError } from 'commander';
import { configuredTargets, type Foundation, startAdmin, startWork } from '../compose.ts';
import { type QueueName, queueNames } from '../queues/pipeline.ts';
import { type Lifetime, type Part, runDaemon } from './run.ts';

export function addDaemonCommands(program: Command): void {
  program
    .command('up')
    .description('run everything in one process: all actors and the HTTP server')
    .action(() =>
      runDaemon('up', async (foundation, lifetime) => [
        await workPart(foundation, queueNames, lifetime),
        await startAdmin(foundation),
      ]),
    );
  program
    .command('work')
    .argument('<queues...>', `one or more of ${queueNames.join(', ')}`, collectQueue)
    .description('run the actors of some queues; start as many of these processes as you like')
    .action((queues: readonly QueueName[]) =>
      runDaemon(`work ${queues.join(' ')}`, async (foundation, lifetime) => [
        await workPart(foundation, [...new Set(queues)], lifetime),
      ]),
    );
  program
    .command('admin')
    .description('run the HTTP server: intake of events, the reviewers’ endpoint')
    .action(() => runDaemon('admin', async (foundation) => [await startAdmin(foundation)]));
}

async function workPart(
  foundation: Foundation,
  queues: readonly QueueName[],
  lifetime: Lifetime,
): Promise<Part> {
  const work = await startWork(foundation, {
    queues,
    targets: () => configuredTargets(foundation),
    onHalt: lifetime.fail,
  });
  return { stop: () => work.drain() };
}

function collectQueue(name: string, collected: readonly QueueName[] = []): QueueName[] {
  const queue = queueNames.find((known) => known === name);
  if (queue === undefined)
    throw new InvalidArgumentError(`The queues are ${queueNames.join(', ')}.`);
  return [...collected, queue];
}
