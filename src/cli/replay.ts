/** `replay <event id>` and `replay --from --to`: computes recorded answers once more, and compares. */
import type { Command } from 'commander';
import { isUuid } from '../domain/ids.ts';
import { createReplayer, type Difference, replayCauses } from '../domain/replay.ts';
import { parseTimestamp, systemClock } from '../domain/time.ts';
import {
  pinnedVersions,
  recordedRuns,
  type ReplayPlace,
  type ReplayRange,
} from '../stores/audit-replay.ts';
import type { Database } from '../stores/database.ts';
import { withSessions } from './run.ts';
import { CommandError, data, exitCodes, printable, progress, talk } from './terminal.ts';

interface ReplayOptions {
  readonly from?: string;
  readonly to?: string;
}

const PAGE_EVENTS = 500;
const BEGINNING = '1970-01-01T00:00:00Z';

export function addReplayCommand(program: Command): void {
  program
    .command('replay')
    .argument('[event id]', 'one event; without it, a range or all')
    .description(
      'weigh and evaluate stored events again, under the versions of the record, and compare',
    )
    .option('--from <instant>', 'taken in from then on (RFC 3339)')
    .option('--to <instant>', 'taken in before then')
    .addHelpText(
      'after',
      `
Each difference is one line of JSON on standard output, with its cause: ${Object.keys(replayCauses).join(', ')}.
Exit codes: 0 all the same, ${exitCodes.changes} something differs, 1 failed, 2 usage, 4 no such event.`,
    )
    .action((eventId: string | undefined, options: ReplayOptions) => replay(eventId, options));
}

async function replay(eventId: string | undefined, options: ReplayOptions): Promise<void> {
  const range = rangeOf(eventId, options);
  const { events, differing } = await withSessions('replay', (sessions) =>
    replayRange(sessions.of('audit'), range),
  );
  if (events === 0 && eventId !== undefined) {
    throw new CommandError(`No event ${printable(eventId)} has been weighed.`, exitCodes.notFound);
  }
  talk(`${events} events replayed: ${events - differing} the same, ${differing} differ.`);
  if (differing > 0) process.exitCode = exitCodes.changes;
}

function rangeOf(eventId: string | undefined, { from, to }: ReplayOptions): ReplayRange {
  if (eventId === undefined) {
    return {
      from: instantOf(from ?? BEGINNING),
      to: to === undefined ? systemClock.now() : instantOf(to),
    };
  }
  if (from !== undefined || to !== undefined) {
    throw new CommandError('Give an event or a range, not both.', exitCodes.usage);
  }
  if (isUuid(eventId)) return { eventId };
  throw new CommandError(`${printable(eventId)} is no event id.`, exitCodes.notFound);
}

/** @throws CommandError for a text that is no instant. */
export function instantOf(text: string): string {
  const instant = parseTimestamp(text);
  if (instant !== undefined) return instant;
  throw new CommandError(
    `${printable(text)} is no instant: write RFC 3339 with a zone, such as 2026-03-01T00:00:00Z.`,
    exitCodes.usage,
  );
}

/** A page in each transaction, so that a long range holds nothing back in the database. */
async function replayRange(
  audit: Database,
  range: ReplayRange,
): Promise<{ readonly events: number; readonly differing: number }> {
  const shown = progress();
  let after: ReplayPlace | undefined;
  let events = 0;
  let differing = 0;
  for (;;) {
    const { runs, versions } = await audit.transact(async (tx) => {
      const page = await recordedRuns(tx, range, { after, limit: PAGE_EVENTS });
      return { runs: page, versions: await pinnedVersions(tx, page) };
    });
    const replayer = createReplayer(versions);
    for (const run of runs) {
      const differences = await replayer.replay(run);
      events += 1;
      if (differences.length > 0) differing += 1;
      for (const difference of differences) data(lineOf(run.eventId, difference));
    }
    shown.show(`${events} events`);
    after = runs.at(-1);
    if (runs.length < PAGE_EVENTS) break;
  }
  shown.end();
  return { events, differing };
}

function lineOf(eventId: string, difference: Difference): string {
  return JSON.stringify({
    event_id: eventId,
    meaning: replayCauses[difference.cause],
    ...difference,
  });
}
