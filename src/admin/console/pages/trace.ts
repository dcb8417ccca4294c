/** The life of one event as a timeline: every fact in the order in which it came to be, with its ledger entry beside it. */
import type { DecisionState } from '../../../domain/decision.ts';
import type { RiskLevel } from '../../../domain/risk-level.ts';
import type { Timestamp } from '../../../domain/time.ts';
import type { AuditTrace, TraceRow } from '../../../stores/audit-trace.ts';
import { type Html, html, type Part } from '../html.ts';
import type { Page } from '../layout.ts';
import { conflictBadge, levelBadge, stateBadge } from '../parts/badges.ts';
import { code, facts } from '../parts/facts.ts';
import { payload } from '../parts/payload.ts';
import { when } from '../parts/times.ts';
import { prose, text } from '../text.ts';

interface Step {
  readonly at: Timestamp;
  readonly title: Part;
  readonly body: Part;
  /** The fact as the ledger knows it; null for what has no entry of its own. */
  readonly fact: { readonly type: string; readonly id: string } | null;
}

export function tracePage(trace: AuditTrace): Page {
  const { event, state } = trace;
  const eventId = word(event['event_id']);
  const steps = stepsOf(trace).toSorted(byTime);
  return {
    title: `Event ${word(event['external_id'])}`,
    main: html`<p class="crumbs"><a href="/console" data-keyboard-up>Inbox</a></p>
    <h1>The life of an event</h1>
    <p class="badges"><span class="badge plain">${state}</span> ${text(word(event['event_type']))} from ${text(word(event['source_system']))}</p>
    ${payload('The event as it was sent', trace.payload, `/console/events/${eventId}/payload`)}
    <p><a class="alone" href="/console/events/${eventId}/trace" download>Download everything below as JSON</a>
    <a class="alone" href="/console/events/${eventId}/evidence" download>Download the evidence that anybody can verify</a></p>
    <ol class="timeline">${steps.map((step) => stepItem(step, trace))}
    </ol>`,
  };
}

function stepItem({ at, title, body, fact }: Step, trace: AuditTrace): Html {
  return html`
      <li>
        <h2>${title}</h2>
        <p class="muted">${when(at)}</p>
        ${body}
        ${fact !== null && ledgerLine(fact, trace)}
      </li>`;
}

function ledgerLine(fact: NonNullable<Step['fact']>, { entries }: AuditTrace): Html {
  const entry = entries.find(
    (one) => one['entry_type'] === fact.type && one['linked_entity_id'] === fact.id,
  );
  if (entry === undefined) return html`<p class="ledger missing">Not in the ledger yet</p>`;
  return html`<details class="ledger">
          <summary>Ledger entry ${word(entry['stream'])}/${word(entry['seq'])} ${word(entry['entry_type'])}</summary>
          ${facts([
            ['Hash', code(word(entry['current_hash']))],
            ['Follows', code(word(entry['previous_hash']))],
            ['Digest of the row', code(word(entry['entry_digest']))],
            ['Sealed', when(instant(entry['sealed_at']))],
          ])}
        </details>`;
}

// The steps, kind by kind, in the order in which an event meets them

/** Text, so that microseconds count. At the same instant the kinds keep their order. */
function byTime(one: Step, other: Step): number {
  if (one.at === other.at) return 0;
  return one.at < other.at ? -1 : 1;
}

function stepsOf(trace: AuditTrace): readonly Step[] {
  return [
    received(trace.event),
    ...trace.assessments.map(assessed),
    ...trace.evaluations.map(evaluated),
    ...trace.advisories.map(advised),
    ...trace.approvals.map(acted),
    ...trace.decisions.filter((row) => endOf(row) !== null).map(decided),
    ...trace.executions.map(requested),
    ...trace.attempts.map(attempted),
    ...trace.executions.filter((row) => row['completed_at'] !== null).map(completed),
  ];
}

function received(row: TraceRow): Step {
  return {
    at: instant(row['received_at']),
    title: 'Received',
    body: facts([
      ['Id at the source', html`<code class="whole">${text(word(row['external_id']))}</code>`],
      ['Happened', when(instant(row['occurred_at']))],
      ['Signed', row['signed'] === true ? 'yes' : 'no'],
      ['Payload', code(word(row['payload_reference']))],
    ]),
    fact: { type: 'EVENT', id: word(row['event_id']) },
  };
}

function assessed(row: TraceRow): Step {
  const score = row['risk_score'];
  return {
    at: instant(row['evaluated_at']),
    title: html`Weighed ${levelBadge(row['risk_level'] as RiskLevel)}`,
    body: html`<p>${score === null ? 'No score' : `Score ${Number(score)}`}${
      row['risk_model_version'] !== null &&
      `, version ${word(row['risk_model_version'])} of the risk model`
    }</p>`,
    fact: { type: 'RISK_ASSESSMENT', id: word(row['assessment_id']) },
  };
}

function evaluated(row: TraceRow): Step {
  const asked = row['policies'] as readonly { readonly policy: string; readonly result: string }[];
  const ofNote = asked.filter(({ result }) => result !== 'not matched');
  return {
    at: instant(row['evaluated_at']),
    title: 'Policy versions asked',
    body: html`<p>Asked: ${asked.length}. Not matched: ${asked.length - ofNote.length}.</p>
        ${ofNote.length > 0 && html`<ul>${ofNote.map(({ policy, result }) => html`<li>${text(policy)}: ${result}</li>`)}</ul>`}`,
    // What advisories say of it is in their entries; an evaluation has one of its own when there are none.
    fact:
      row['outcome'] === 'NO_MATCH' ? { type: 'EVALUATION', id: word(row['evaluation_id']) } : null,
  };
}

function advised(row: TraceRow): Step {
  return {
    at: instant(row['created_at']),
    title: html`Advisory: ${text(word(row['policy_title']))} ${row['conflict'] === true && conflictBadge}`,
    body: html`<p>${text(`${word(row['policy_name'])}, version ${word(row['policy_version'])}`)};
          serves ${text(word(row['regulatory_reference']))}</p>`,
    fact: { type: 'ADVISORY', id: word(row['advisory_id']) },
  };
}

function acted(row: TraceRow): Step {
  const option = row['option_id'];
  return {
    at: instant(row['approved_at']),
    title: html`${text(word(row['person']))}: ${word(row['act'])}${option !== null && html` ${text(word(option))}`}`,
    body: html`<p>as ${word(row['role'])}</p>${quoted(row['justification'])}`,
    fact: null,
  };
}

function endOf(row: TraceRow): unknown {
  return row['finalized_at'] ?? row['escalated_at'];
}

function decided(row: TraceRow): Step {
  const bySystem = row['decision_maker_id'] === null ? 'By the system, in want of a decision ' : '';
  return {
    at: instant(endOf(row)),
    title: html`${bySystem || 'Decided '}${stateBadge(row['decision_type'] as DecisionState)}`,
    body: facts([
      ['Round', word(row['round'])],
      ['Shown to them', code(word(row['view_digest']))],
      ...(row['expires_at'] === null
        ? []
        : [['May be executed until', when(instant(row['expires_at']))] as const]),
    ]),
    fact: { type: 'DECISION', id: word(row['decision_id']) },
  };
}

function requested(row: TraceRow): Step {
  return {
    at: instant(row['requested_at']),
    title: html`Execution asked of ${text(word(row['target_system']))}`,
    body: html`<p>Command ${code(word(row['command_sha256']))}</p>`,
    fact: null,
  };
}

function attempted(row: TraceRow): Step {
  const status = row['http_status'];
  return {
    at: instant(row['started_at']),
    title: html`Attempt ${word(row['attempt_no'])}: ${row['outcome'] === null ? 'under way' : word(row['outcome'])}`,
    body: html`<p>${status !== null && html`HTTP ${word(status)}. `}${row['detail'] !== null && text(word(row['detail']))}</p>`,
    fact: null,
  };
}

function completed(row: TraceRow): Step {
  const reason = row['failure_reason'];
  return {
    at: instant(row['completed_at']),
    title: html`Execution ${word(row['execution_status'])}`,
    body: reason !== null && html`<p class="warning-text">${word(reason).replaceAll('_', ' ')}</p>`,
    fact: { type: 'EXECUTION', id: word(row['execution_id']) },
  };
}

function quoted(justification: unknown): Part {
  return word(justification) !== '' && html`<blockquote>${prose(word(justification))}</blockquote>`;
}

// Columns of the audit views, which are text, numbers and instants

function word(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

const instant = (value: unknown): Timestamp => value as Timestamp;
