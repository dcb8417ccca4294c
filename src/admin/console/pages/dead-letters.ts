/** Dead letters: what no stage could take. */
import { problems, isProblemCode } from '../../../domain/problem.ts';
import type { Timestamp } from '../../../domain/time.ts';
import type { DeadLetterSummary } from '../../../stores/audit.ts';
import { type Html, html } from '../html.ts';
import type { Page } from '../layout.ts';
import { when } from '../parts/times.ts';
import { text } from '../text.ts';

export interface DeadLettersPage {
  readonly letters: readonly DeadLetterSummary[];
  readonly state: 'open' | 'all';
  /** Whether there are more than are shown. */
  readonly isCut: boolean;
}

export function deadLettersPage({ letters, state, isCut }: DeadLettersPage): Page {
  return {
    title: 'Dead letters',
    place: 'Dead letters',
    main: html`<h1>Dead letters</h1>
    <p>What was refused, or what no stage could take. Nothing of it is lost: it can be repaired and sent again.</p>
    <nav class="levels" aria-label="By state"><ul>
      <li><a href="/console/dead-letters"${state === 'open' && html` aria-current="true"`}>Open</a></li>
      <li><a href="/console/dead-letters?state=all"${state === 'all' && html` aria-current="true"`}>All</a></li>
    </ul></nav>
    ${letters.length === 0 ? emptyList : letterList(letters)}
    ${isCut && html`<p class="muted">The newest ${letters.length} are shown. The command line lists all: sentinelops deadletter list.</p>`}`,
  };
}

const emptyList = html`<div class="empty"><h2>No dead letters</h2>
      <p>Everything that was sent could be taken in and worked on.</p></div>`;

function letterList(letters: readonly DeadLetterSummary[]): Html {
  return html`<ol class="reviews" data-keyboard-list>${letters.map(
    (letter) => html`
      <li class="edge">
        <h2><a href="/console/dead-letters/${letter.deadLetterId}">${reasonTitle(letter.reason)}</a></h2>
        <p class="about">${text(letter.detail)}</p>
        <p class="badges"><span class="badge plain">${letter.queue}</span> ${stateOf(letter)}
          ${letter.source !== null && html`from <strong>${text(letter.source)}</strong>`}</p>
        <p class="age">${when(letter.createdAt as Timestamp)}</p>
      </li>`,
  )}</ol>`;
}

export function reasonTitle(reason: string): string {
  return isProblemCode(reason) ? problems[reason].title : reason;
}

function stateOf({ state }: DeadLetterSummary): Html {
  return html`<span class="badge ${state === 'open' ? 'warning' : 'plain'}">${state}</span>`;
}
