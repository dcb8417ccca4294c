/** `trace <event id>`: one event from what its source sent to the ledger entries that hold it. */
import type { Command } from 'commander';
import { SYSTEM } from '../domain/decision.ts';
import { isUuid } from '../domain/ids.ts';
import { type AuditTrace, auditTrace, type TraceRow } from '../stores/audit-trace.ts';
import { withSessions } from './run.ts';
import { CommandError, data, exitCodes, json, printable } from './terminal.ts';

export function addTraceCommand(program: Command): void {
  program
    .command('trace')
    .argument('<event id>')
    .description(
      'the life of one event: assessment, evaluation, advisories, decisions, executions, ledger entries',
    )
    .action(async (eventId: string, _options, command: Command) => {
      const trace = isUuid(eventId)
        ? await withSessions('trace', (sessions) =>
            sessions.of('audit').transact((tx) => auditTrace(tx, eventId)),
          )
        : undefined;
      if (trace === undefined) {
        throw new CommandError(
          `No event ${printable(eventId)}. The answer to its intake names its event_id; "deadletter list" shows what was refused.`,
          exitCodes.notFound,
        );
      }
      if (command.optsWithGlobals<{ json?: true }>().json) json(trace);
      else for (const line of linesOf(trace)) data(line);
    });
}

interface Contribution {
  readonly factor: string;
  readonly points: number | string;
  readonly held: boolean | string;
}

/** A timeline in the order of the pipeline; `|` leads what belongs to the line above. */
function* linesOf(trace: AuditTrace): Generator<string> {
  const { event } = trace;
  yield line(
    event['received_at'],
    'EVENT',
    `${text(event['event_type'])} from ${text(event['source_system'])}`,
  );
  yield detail(
    `id ${text(event['external_id'])}, subject ${text(event['subject'])}, ${event['signed'] ? 'signed' : 'unsigned'}`,
  );
  yield detail(`payload ${text(event['payload_reference'])}`);
  for (const row of trace.assessments) yield* assessmentLines(row);
  for (const row of trace.evaluations) {
    yield line(
      row['evaluated_at'],
      'EVALUATION',
      `${text(row['outcome'])}, ${(row['policies'] as unknown[]).length} policies asked`,
    );
  }
  for (const row of trace.advisories) yield* advisoryLines(trace, row);
  yield '';
  yield `state: ${trace.state}`;
  yield '';
  yield 'ledger entries:';
  for (const entry of trace.entries) {
    yield `  ${text(entry['stream'])}/${text(entry['seq']).padEnd(8)} ${text(entry['entry_type']).padEnd(16)} ${text(entry['current_hash'])}`;
  }
}

function* assessmentLines(row: TraceRow): Generator<string> {
  const score = row['risk_score'] === null ? 'no score' : `score ${text(row['risk_score'])}`;
  yield line(
    row['evaluated_at'],
    'RISK',
    `${text(row['risk_level'])}, ${score}, model version ${text(row['risk_model_version'])}`,
  );
  const held = (row['contributions'] as readonly Contribution[]).filter(
    (contribution) => contribution.held === true,
  );
  for (const { factor, points } of held) yield detail(`+${points} ${text(factor)}`);
}

function* advisoryLines(trace: AuditTrace, advisory: TraceRow): Generator<string> {
  yield line(
    advisory['created_at'],
    'ADVISORY',
    `${text(advisory['policy_name'])}@${text(advisory['policy_version'])} (${text(advisory['regulatory_reference'])})`,
  );
  yield* text(advisory['justification_text'], '\n').split('\n').map(detail);
  const of = (rows: readonly TraceRow[], column: string, id: unknown) =>
    rows.filter((row) => row[column] === id);
  for (const decision of of(trace.decisions, 'advisory_id', advisory['advisory_id'])) {
    yield line(
      decision['finalized_at'] ?? decision['escalated_at'] ?? decision['created_at'],
      'DECISION',
      `round ${text(decision['round'])}: ${text(decision['decision_type'])}${decision['option_id'] === null ? '' : ` (${text(decision['option_id'])})`}`,
    );
    if (decision['decision_maker_role'] === SYSTEM)
      yield detail(`${SYSTEM}: ${text(decision['justification'])}`);
    for (const approval of of(trace.approvals, 'decision_id', decision['decision_id'])) {
      yield detail(
        `${text(approval['act'])} by ${text(approval['person'])} as ${text(approval['role'])}: ${text(approval['justification'])}`,
      );
    }
    for (const execution of of(trace.executions, 'decision_id', decision['decision_id'])) {
      yield line(
        execution['completed_at'] ?? execution['requested_at'],
        'EXECUTION',
        `${text(execution['execution_status'])} at ${text(execution['target_system'])}${execution['failure_reason'] === null ? '' : `: ${text(execution['failure_reason'])}`}`,
      );
      for (const attempt of of(trace.attempts, 'execution_id', execution['execution_id'])) {
        yield detail(
          `attempt ${text(attempt['attempt_no'])}: ${text(attempt['outcome'] ?? 'under way')} ${text(attempt['http_status'] ?? '')}`,
        );
      }
    }
  }
}

function line(at: unknown, what: string, words: string): string {
  return `${text(at).slice(0, 23).padEnd(24)}${what.padEnd(12)}${words}`;
}

function detail(words: string): string {
  return `${' '.repeat(24)}| ${words}`;
}

/** Values come from outside: nothing of them may steer the terminal. Line ends survive where `keep` says so. */
function text(value: unknown, keep?: '\n'): string {
  if (keep === undefined || typeof value !== 'string') return printable(value);
  return value.split(keep).map(printable).join(keep);
}
