/** What became of decisions at their targets. It is read only: an execution is never started or repeated by hand. */
import type { ExecutionState, ListedExecution } from '../../../stores/audit-executions.ts';
import { type Html, html, type Part } from '../html.ts';
import type { Page } from '../layout.ts';
import { when } from '../parts/times.ts';
import { text } from '../text.ts';

export interface ExecutionsPage {
  readonly executions: readonly ListedExecution[];
  readonly state: ExecutionState;
  /** Whether there are more than are shown. */
  readonly isCut: boolean;
}

const states: readonly (readonly [ExecutionState, string])[] = [
  ['all', 'All'],
  ['open', 'Under way'],
  ['failed', 'Failed'],
];

export function executionsPage({ executions, state, isCut }: ExecutionsPage): Page {
  return {
    title: 'Executions',
    place: 'Executions',
    main: html`<h1>Executions</h1>
    <p>What people approved, and what its target said. Nothing here can be started or repeated by hand.</p>
    <nav class="levels" aria-label="By state"><ul>${states.map(
      ([name, words]) => html`
      <li><a href="/console/executions?state=${name}"${name === state && html` aria-current="true"`}>${words}</a></li>`,
    )}
    </ul></nav>
    ${
      executions.length === 0
        ? empty(state)
        : html`<ol class="reviews" data-keyboard-list>${executions.map(row)}</ol>`
    }
    ${isCut && html`<p class="muted">The newest ${executions.length} are shown.</p>`}`,
  };
}

function empty(state: ExecutionState): Html {
  const words = {
    all: 'Nothing was executed yet',
    open: 'Nothing is under way',
    failed: 'No execution has failed',
  }[state];
  return html`<div class="empty"><h2>${words}</h2>
      <p>An execution begins by itself when people have approved and the ledger has recorded it. Look at
        <a href="/console">what waits for people</a>.</p></div>`;
}

const tones: Readonly<Record<string, string>> = {
  acknowledged: 'good',
  logged: 'good',
  failed: 'danger',
};

function row(one: ListedExecution): Html {
  const { status, target, attempts, policyTitle, eventSubject, eventId, reviewId } = one;
  return html`
      <li class="edge">
        <h2><a href="/console/events/${eventId}">${text(policyTitle)}</a></h2>
        <p class="about">${eventSubject !== null && html`<strong>${text(eventSubject)}</strong> `}at target ${text(target)},
          <a href="/console/reviews/${reviewId}">its review</a></p>
        <p class="badges"><span class="badge ${tones[status] ?? 'plain'}">${status}</span>
          ${one.failureReason !== null && html`<span class="badge danger">${one.failureReason.replaceAll('_', ' ')}</span>`}
          <span class="badge plain">${attempts} ${attempts === 1 ? 'attempt' : 'attempts'}</span></p>
        <p class="age">${lastWord(one)}</p>
      </li>`;
}

function lastWord({ completedAt, nextAttemptAt, requestedAt }: ListedExecution): Part {
  if (completedAt !== null) return html`ended ${when(completedAt)}`;
  if (nextAttemptAt !== null) return html`next attempt ${when(nextAttemptAt)}`;
  return html`asked ${when(requestedAt)}`;
}
