/** `reconcile`: one pass over everything by hand, whether or not a reconciler runs. */
import type { Command } from 'commander';
import { createResender, type HopPlan, type HopReport } from '../actors/resend.ts';
import { withFoundation } from './run.ts';
import { json, table, talk } from './terminal.ts';

export function addReconcileCommand(program: Command): void {
  program
    .command('reconcile')
    .description('send again what is recorded and has had no successor for too long')
    .option('--dry-run', 'only show what would be sent')
    .addHelpText(
      'after',
      `
A reconciler does this by itself: "up" and "work reconciler" run one. It is safe beside them, and safe to repeat: every
stage absorbs what it has done before.`,
    )
    .action(({ dryRun }: { readonly dryRun?: true }, command: Command) => {
      const { json: asJson } = command.optsWithGlobals<{ json?: true }>();
      return withFoundation('reconcile', async ({ sessions, broker, log }) => {
        const resender = createResender({ broker, log });
        const plans = await resender.plan(await sessions.gaps.look('everything'));
        if (dryRun) showPlans(plans, asJson === true);
        else showReports(await resender.send(plans), asJson === true);
      });
    });
}

function showPlans(plans: readonly HopPlan[], asJson: boolean): void {
  const due = plans.flatMap(({ queue, due: pages }) =>
    pages.flatMap(({ gaps }) => gaps.map(({ type, id, since }) => ({ queue, type, id, since }))),
  );
  if (asJson) {
    json(due);
    return;
  }
  if (due.length === 0) talk('Nothing would be sent.');
  else {
    table(
      ['QUEUE', 'KIND', 'ID', 'SINCE'],
      due.map(({ queue, type, id, since }) => [queue, type, id, since]),
    );
  }
  explain(plans);
}

function showReports(reports: readonly HopReport[], asJson: boolean): void {
  if (asJson) {
    json(reports.map(({ hop, state, open, sent }) => ({ hop, state, open, sent })));
    return;
  }
  table(
    ['MISSING', 'OPEN', 'SENT AGAIN'],
    reports.map(({ hop, open, sent }) => [hop, open, sent]),
  );
  explain(reports);
}

/** Why something that is open is not sent. */
function explain(hops: readonly Pick<HopPlan, 'hop' | 'state' | 'open'>[]): void {
  for (const { hop, state, open } of hops) {
    if (open === 0 || state === 'served') continue;
    talk(
      state === 'busy'
        ? `${hop}: the queue has a backlog, and what waits there is not lost.`
        : `${hop}: the queue store does not answer.`,
    );
  }
}
