/** `status`: where the pipeline stands. */
import type { Command } from 'commander';
import { summaryOf } from '../domain/gap.ts';
import { queueNames } from '../queues/pipeline.ts';
import { openAuditStore } from '../stores/audit.ts';
import { openGapStore } from '../stores/gaps.ts';
import { withFoundation } from './run.ts';
import { data, json, table } from './terminal.ts';

export function addStatusCommand(program: Command): void {
  program
    .command('status')
    .description('events, reviews, executions, ledger and queues, in numbers')
    .action(async (_options, command: Command) => {
      const status = await withFoundation('status', async ({ sessions, broker }) => {
        const { counts, heads, overdue } = await sessions.of('audit').transact(async (tx) => {
          const audit = openAuditStore(tx);
          const overdueRounds = await openGapStore(tx).overdue();
          return {
            counts: await audit.counts(),
            heads: await audit.ledgerHeads(),
            overdue: overdueRounds,
          };
        });
        const gaps = summaryOf(await sessions.gaps.look('everything'));
        const queues = await Promise.all(
          queueNames.map(async (queue) => ({ queue, ...(await broker.counts(queue)) })),
        );
        return { store: broker.store, counts, gaps, overdue, heads, queues };
      });
      if (command.optsWithGlobals<{ json?: true }>().json) {
        json(status);
        return;
      }
      const { counts, gaps, overdue, heads, queues } = status;
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
          ['reviews past their time', overdue.length],
          ['dead letters', counts.deadLetters],
        ],
      );
      data('');
      table(
        ['RECORDED WITHOUT ITS', 'OPEN', 'OLDEST, S'],
        gaps.map(({ hop, open, oldestMs }) => [
          hop,
          open,
          oldestMs === null ? null : Math.round(oldestMs / 1_000),
        ]),
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
