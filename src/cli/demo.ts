/** `demo`: the main job on real input, in one command. */
import type { Command } from 'commander';
import { migrateAll, openBroker, openSessions } from '../foundation.ts';
import { EXAMPLES_DIRECTORY, type RunningDemo, runDemo } from '../demo/demo.ts';
import { createLog } from '../telemetry/log.ts';
import { loadDocuments } from './documents.ts';
import { configOrExit, onSignals } from './run.ts';
import { CommandError, data, exitCodes, json, progress, table, talk } from './terminal.ts';

interface DemoCommandOptions {
  readonly autoReview?: true;
  readonly exit?: true;
  readonly json?: true;
}

export function addDemoCommand(program: Command): void {
  program
    .command('demo')
    .description('send 329 real GitHub webhooks through every stage to a verified ledger')
    .option(
      '--auto-review',
      'let made-up reviewers resolve everything, and a local receiver take the executions',
    )
    .option('--exit', 'end when all is done, instead of staying up for you to look around')
    .action((_options, command: Command) => demo(command.optsWithGlobals<DemoCommandOptions>()));
}

async function demo(options: DemoCommandOptions): Promise<void> {
  const config = configOrExit();
  const log = createLog({
    level: config.logLevel === 'info' ? 'warn' : config.logLevel,
    role: 'demo',
  });
  const told = Promise.withResolvers<string>();
  const interruption = new AbortController();
  const stopListening = onSignals((signal) => {
    interruption.abort(new CommandError(`Interrupted by ${signal}.`));
    told.resolve(signal);
  });
  const sessions = await openSessions(config, log, { beside: false });
  const store = config.redisUrl === undefined ? 'PostgreSQL' : 'Redis';
  talk(
    `Records in ${sessions.isStartedHere ? 'an embedded PostgreSQL (not for production)' : 'PostgreSQL'}, queues in ${store}.`,
  );
  try {
    interruption.signal.throwIfAborted();
    await migrateAll(config, sessions);
    const broker = await openBroker(config, sessions, log);
    const line = progress();
    try {
      const running = await runDemo(
        { config, sessions, broker, log },
        {
          autoReview: options.autoReview === true,
          interruption: interruption.signal,
          port: options.exit ? 0 : config.adminPort,
          loadExamples: async ({ author, approver }) => {
            await loadDocuments({ config, sessions, broker }, EXAMPLES_DIRECTORY, {
              author: author.personId,
              approver: approver.personId,
            });
          },
          onProgress: ({ sent, of, counts }) =>
            line.show(
              `sent ${sent}/${of}  accepted ${counts.events}  assessed ${counts.assessed}  evaluated ${counts.evaluated}  ` +
                `open reviews ${counts.reviewsOpen}  ledger ${counts.ledgerEntries}`,
            ),
        },
      );
      line.end();
      try {
        await show(running, options);
        if (!options.exit) await told.promise;
      } finally {
        await running.stop();
      }
      if (!running.summary.ledger_ok)
        throw new CommandError('The ledger does not verify.', exitCodes.failed);
    } finally {
      await broker.close();
    }
  } finally {
    await sessions.close();
    stopListening();
  }
}

async function show(running: RunningDemo, options: DemoCommandOptions): Promise<void> {
  const { summary, advisoriesByLevel, ledgerHead } = running;
  if (options.json) {
    json(summary);
    return;
  }
  const levels = Object.entries(advisoriesByLevel).map(([level, count]) => `${count} ${level}`);
  table(
    ['', ''],
    [
      ['accepted', summary.accepted],
      ['duplicates', summary.duplicates],
      ['dead letters', summary.dead_lettered],
      ['assessed', summary.assessed],
      ['cleared: no policy matched', summary.cleared],
      ['advisories', `${summary.advisories} (${levels.join(', ')})`],
      ['open reviews', summary.reviews_open],
      ['decisions', summary.decisions],
      ['executions', summary.executions],
      ['ledger entries', summary.ledger_entries],
      ['ledger head', ledgerHead],
      ['ledger verified', summary.ledger_ok ? 'yes' : 'NO'],
      ['seconds', summary.seconds],
    ],
  );
  if (!options.exit) await explainNext(running);
}

/** One review that a single person may decide, with commands to paste. */
async function explainNext({ url, desk, reviewers }: RunningDemo): Promise<void> {
  const person = reviewers[0]!;
  const review = await desk.first(person, 'LOW');
  data(`\nThe daemon is up at ${url}. Ctrl-C ends it.\n`);
  data(`The console is at ${url}/console. Sign in with the token of any of these, for a day:\n`);
  table(
    ['NAME', 'ROLE', 'TOKEN'],
    reviewers.map(({ name, role, token }) => [name, role, token]),
  );
  data(
    `\nOn the command line you are ${person.name}, ${person.role}:\n\n  export TOKEN=${person.token}\n`,
  );
  data(
    `What waits for people, most urgent first:\n\n  curl -s -H "Authorization: Bearer $TOKEN" ${url}/v1/reviews\n`,
  );
  if (review === undefined) return;
  const option = review.advisory.options[0]?.option;
  data(`One of low risk, which you may decide alone:\n
  curl -s -H "Authorization: Bearer $TOKEN" ${url}/v1/reviews/${review.review_id}\n
  curl -s -H "Authorization: Bearer $TOKEN" -H "Content-Type: application/json" \\
    -d '{"act":"approve","option":"${option}","justification":"Looked into it.","view_digest":"${review.view_digest}"}' \\
    ${url}/v1/reviews/${review.review_id}/decisions\n`);
  data('Then, from another terminal: npm run sentinelops -- status, or -- ledger verify.');
}
