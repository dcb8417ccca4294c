/** `policy backtest`: a document that is not in force over events on record, with a report as JSON and HTML. */
import { readFile, rename, writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import {
  type BacktestState,
  beginBacktest,
  countRun,
  exampleKinds,
  isOfBacktest,
  reportDigest,
} from '../domain/backtest.ts';
import type { Policy } from '../domain/policy.ts';
import { riskLevels } from '../domain/risk-level.ts';
import { systemClock } from '../domain/time.ts';
import { decisionsOn, recordedRuns } from '../stores/audit-replay.ts';
import type { Database } from '../stores/database.ts';
import { compileDocument, documentsOrExit } from './policy-check.ts';
import { instantOf } from './replay.ts';
import { withSessions } from './run.ts';
import { CommandError, exitCodes, json, progress, table, talk } from './terminal.ts';

interface BacktestOptions {
  readonly from: string;
  readonly to?: string;
  readonly state?: string;
  readonly html?: string;
  readonly json?: true;
}

const PAGE_EVENTS = 500;

export function addPolicyBacktestCommand(policy: Command): void {
  policy
    .command('backtest')
    .argument('<file>', 'a policy document')
    .description('what a document would have said of events on record; reads only')
    .requiredOption('--from <instant>', 'events taken in from then on (RFC 3339)')
    .option('--to <instant>', 'taken in before then; now without it')
    .option('--state <file>', 'kept after every page; a run that was interrupted goes on from it')
    .option('--html <file>', 'a report for people, beside the JSON of --json')
    .action((file: string, _options, command: Command) =>
      backtest(file, command.optsWithGlobals<BacktestOptions>()),
    );
}

async function backtest(file: string, options: BacktestOptions): Promise<void> {
  const { policies } = await documentsOrExit([file]);
  const [document] = policies;
  if (document === undefined || policies.length > 1) {
    throw new CommandError('Name the file of one policy.', exitCodes.usage);
  }
  const policy = compileDocument(document.definition);
  const state = await beginningOf(policy, options);
  const end = await withSessions('policy', (sessions) =>
    runOver(sessions.of('audit'), policy, state, options.state),
  );
  if (options.html !== undefined) await writeFile(options.html, htmlOf(end));
  if (options.json) json({ report: end, report_sha256: reportDigest(end) });
  else show(end);
}

/** From the state that is there, when it is of this backtest; without --to the range of the state goes on. */
async function beginningOf(policy: Policy, options: BacktestOptions): Promise<BacktestState> {
  const from = instantOf(options.from);
  const left = options.state === undefined ? undefined : await stateIn(options.state);
  const to = options.to === undefined ? (left?.to ?? systemClock.now()) : instantOf(options.to);
  const begun = beginBacktest(policy, { from, to });
  if (left === undefined) return begun;
  if (isOfBacktest(left, begun)) return left;
  throw new CommandError(
    `${options.state} is the state of another backtest: ${left.policy} from ${left.from} to ${left.to}. Name another file.`,
  );
}

async function stateIn(file: string): Promise<BacktestState | undefined> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  return text === undefined ? undefined : (JSON.parse(text) as BacktestState);
}

/** A page in each transaction, so that a long range holds nothing back in the database. */
async function runOver(
  audit: Database,
  policy: Policy,
  begun: BacktestState,
  stateFile: string | undefined,
): Promise<BacktestState> {
  const shown = progress();
  let state = begun;
  for (;;) {
    const { from, to } = state;
    const { runs, decisions } = await audit.transact(async (tx) => {
      const page = { after: state.after ?? undefined, limit: PAGE_EVENTS };
      const found = await recordedRuns(tx, { from, to }, page);
      const advisories = found.flatMap((run) =>
        run.advisories.filter(({ policyId }) => policyId === policy.stored.policyId),
      );
      const ids = advisories.map(({ advisoryId }) => advisoryId);
      return { runs: found, decisions: await decisionsOn(tx, ids) };
    });
    for (const run of runs) {
      state = await countRun(state, policy, { ...run, decision: decisions.get(run.eventId) });
    }
    if (stateFile !== undefined) await keepState(stateFile, state);
    shown.show(`${state.counts.events} events`);
    if (runs.length < PAGE_EVENTS) break;
  }
  shown.end();
  return state;
}

/** Whole or not at all: half a state would be counted from twice. */
async function keepState(file: string, state: BacktestState): Promise<void> {
  await writeFile(`${file}.next`, JSON.stringify(state));
  await rename(`${file}.next`, file);
}

const labels: Readonly<Record<keyof BacktestState['counts'], string>> = {
  events: 'events on record',
  kept: 'advisories then and with the document',
  gained: 'advisories only with the document',
  lost: 'advisories only then',
  silent: 'without an advisory either way',
  unknown: 'the document could not answer',
  lostButApproved: 'lost although people acted on it',
  keptButRejected: 'kept although people rejected it',
  seatsThen: 'people who had to agree then',
  seatsWithDraft: 'people who would have to with the document',
};

function show(state: BacktestState): void {
  table(['', 'COUNT'], countRows(state));
  table(['LEVEL', 'GAINED', 'LOST'], levelRows(state));
  for (const kind of exampleKinds.filter((one) => state.examples[one].length > 0)) {
    talk(`${labels[kind]}, such as ${state.examples[kind].join(', ')}`);
  }
  talk(`report SHA-256 ${reportDigest(state)}`);
}

const countRows = ({ counts }: BacktestState) =>
  (Object.keys(labels) as (keyof typeof labels)[]).map((count) => [labels[count], counts[count]]);
const levelRows = ({ levels }: BacktestState) =>
  riskLevels.map((level) => [level, levels[level].gained, levels[level].lost]);

/** Nothing in it comes from an event but ids, which are UUIDs, and the label of a policy, which is a plain name. */
function htmlOf(state: BacktestState): string {
  const rows = (cells: readonly (readonly (string | number)[])[]) =>
    cells
      .map(
        ([head, ...rest]) =>
          `<tr><th scope="row">${head}</th>${rest.map((cell) => `<td>${cell}</td>`).join('')}</tr>`,
      )
      .join('\n');
  const examples = exampleKinds
    .filter((kind) => state.examples[kind].length > 0)
    .map(
      (kind) =>
        `<h2>Events ${labels[kind]}</h2><ul>${state.examples[kind].map((id) => `<li><code>${id}</code></li>`).join('')}</ul>`,
    );
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Backtest of ${state.policy}</title>
<style>body{font:1rem/1.5 system-ui;max-width:50rem;margin:2rem auto;padding:0 1rem}th{text-align:left;padding-right:2rem}td{text-align:right}</style>
<h1>Backtest of ${state.policy}</h1>
<p>Events taken in from ${state.from} to before ${state.to}, under the risk on record. Definition SHA-256 <code>${state.definitionSha256}</code>.</p>
<table>${rows(countRows(state))}</table>
<h2>By risk level</h2>
<table><thead><tr><th>Level</th><th>Gained</th><th>Lost</th></tr></thead>
<tbody>${rows(levelRows(state))}</tbody></table>
${examples.join('\n')}
<p>Report SHA-256 <code>${reportDigest(state)}</code></p>
</html>
`;
}
