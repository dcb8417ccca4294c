/** What people have done on a review: all of it, and what of it is news to a person who was about to decide. */
import type { Act } from '../../../domain/judgement.ts';
import { SYSTEM } from '../../../domain/decision.ts';
import { epochMsOf, parseTimestamp } from '../../../domain/time.ts';
import type { ActInRound } from '../../../stores/review.ts';
import type { ReviewParts } from '../../review-documents.ts';
import { type Html, html, type Part } from '../html.ts';
import { stateBadge, stateWords } from '../parts/badges.ts';
import { refusalNotice } from '../parts/notice.ts';
import { seatList } from '../parts/seats.ts';
import { when } from '../parts/times.ts';
import { prose, text } from '../text.ts';
import type { RefusedAct } from './review-decision.ts';

export function historySection({ chain }: ReviewParts, acts: readonly ActInRound[]): Html {
  return html`<section>
          <h2>Rounds and acts</h2>
          <ol class="rounds">${chain.map(
            (round) => html`
            <li>
              <h3>Round ${round.round} ${stateBadge(round.state)}</h3>
              <p class="muted">started ${when(round.createdAt)}${
                round.state === 'pending' &&
                html`, to be decided by ${when(round.dueAt)}: after that it goes a role higher`
              }</p>
              ${round.warnedAt !== null && html`<p class="warning-text">Warned of its deadline ${when(round.warnedAt)}</p>`}
              ${actList(acts.filter((act) => act.round === round.round))}
              ${round.makerRole === SYSTEM && html`<p><strong>${SYSTEM}</strong> escalated it.</p><blockquote>${prose(round.justification ?? '')}</blockquote>`}
            </li>`,
          )}</ol>
        </section>`;
}

function actList(acts: readonly ActInRound[]): Html {
  if (acts.length === 0) return html`<p>Nobody has acted yet.</p>`;
  return html`<ul class="acts">${acts.map(
    (act) => html`
                <li>${actSentence(act)} ${when(act.approvedAt)}
                  ${act.justification !== '' && html`<blockquote>${prose(act.justification)}</blockquote>`}</li>`,
  )}</ul>`;
}

const past: Readonly<Record<Act, string>> = {
  approve: 'approved',
  reject: 'rejected it',
  override: 'overrode, for',
  escalate: 'escalated it',
};

function actSentence({ personName, role, onBehalfOfName, act, optionId }: ActInRound): Html {
  const whose = onBehalfOfName !== null && html` for ${text(onBehalfOfName)}`;
  return html`<strong>${text(personName)}</strong>, ${role}${whose}, ${past[act]}${
    optionId !== null && html` <strong>${text(optionId)}</strong>`
  }`;
}

/** Why an act was refused; when that is because the review has moved on, with what has happened to it meanwhile. */
export function changeNotice(
  { found, chain }: ReviewParts,
  acts: readonly ActInRound[],
  { refusal, shownAt }: RefusedAct,
): Part {
  const shown = parseTimestamp(shownAt);
  const isNews = (at: ActInRound['approvedAt']) =>
    shown !== undefined && epochMsOf(at) >= epochMsOf(shown);
  const meanwhile = acts.filter(({ approvedAt }) => isNews(approvedAt));
  const newRound = chain.find(({ createdAt, round }) => round > 1 && isNews(createdAt));
  if (meanwhile.length === 0 && newRound === undefined) return refusalNotice(refusal);
  const { standing } = found;
  return refusalNotice(
    refusal,
    html`<h3>Since you opened it</h3>
      ${actList(meanwhile)}
      <p>The review is now in round ${standing.round}: ${stateWords[standing.state]}.</p>
      ${newRound !== undefined && html`<p>This round takes:</p>${seatList(standing.requirement.seats)}`}`,
  );
}
