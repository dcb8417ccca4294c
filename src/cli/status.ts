/** `status`: where the pipeline stands. */
import type { Command } from 'commander';
import { queueNames } from '../queues/pipeline.ts';
import { openAuditStore } from '../stores/audit.ts';
import { withFoundation } from './run.ts';
import { data, json, table } from './terminal.ts';

export function addStatusCommand(program: Command): void {
  program
    .command('status')
    .description('events, reviews, executions, ledger and queues, in numbers')
    .action(async (_options, command: Command) => {
      const status = await withFoundation('status', async ({ sessions, broker }) => {
        const { counts, heads } = await sessions.of('audit').transact(async (tx) => {
          const audit = openAuditStore(tx);
          return { counts: await audit.counts(), heads: await audit.ledgerHeads() };
        });
        const queues = await Promise.all(
          queueNames.map(async (queue) => ({ queue, ...(await broker.counts(queue)) })),
        );
        return { store: broker.store, counts, heads, queues };
      });
      if (command.optsWithGlobals<{ json?: true }>().json) {
        json(status);
        return;
      }
      const { counts, heads, queues } = status;
      table(
        ['STAGE', 'COUNT'],
        [
          ['events accepted', counts.events],
          ['assessed', counts.assessed],
          ['evaluated', counts.evaluated],
          ['cleared (no policy matched)', counts.cleared],
          ['advisories', inWords(counts.advisories)],
          ['reviews open', inWords(counts.reviewsOpenByLevel)],
          ['decisions', inWords(counts.decisions)],
          ['executions', inWords(counts.executions)],
          ['ledger entries', counts.ledgerEntries],
          ['facts without an entry yet', counts.unledgered],
          ['dead letters', counts.deadLetters],
        ],
      );
      data('');
      table(
        [`QUEUE (on ${status.store})`, 'WAITING', 'ACTIVE', 'DELAYED', 'FAILED'],
        queues.map(({ queue, ...states }) => {
          const of = states as Readonly<Record<string, number>>;
          return [
            queue,
            of['waiting'] ?? 0,
            of['active'] ?? 0,
            of['delayed'] ?? 0,
            of['failed'] ?? 0,
          ];
        }),
      );
      data('');
      table(
        ['LEDGER STREAM', 'SIZE', 'HEAD'],
        heads.map(({ stream, size, hash }) => [stream, size, hash]),
      );
    });
}

function inWords(counts: Readonly<Record<string, number>>): string {
  const parts = Object.entries(counts).map(([name, count]) => `${count} ${name}`);
  return parts.length === 0 ? '0' : parts.join(', ');
}
