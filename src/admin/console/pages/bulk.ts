/** Several reviews of one policy, resolved with one justification; and what became of each. */
import { JUSTIFICATION_CHARACTERS_MAX } from '../../../domain/approval.ts';
import { isDecidingRole } from '../../../domain/authority.ts';
import type { BulkAnswer } from '../../../domain/bulk.ts';
import { isRefusal, type Refusal } from '../../../domain/problem.ts';
import type { OpenCase } from '../../../stores/decision.ts';
import type { Person } from '../../../stores/identity.ts';
import type { ListedReview } from '../../../stores/review.ts';
import { type Html, html, type Part } from '../html.ts';
import type { Page } from '../layout.ts';
import { levelBadge, stateBadge } from '../parts/badges.ts';
import { reasonOf, refusalNotice } from '../parts/notice.ts';
import { block } from '../parts/payload.ts';
import { when } from '../parts/times.ts';
import { jsonText, text } from '../text.ts';

export interface BulkPage {
  /** The name of the policy. */
  readonly policy: string;
  readonly listed: readonly ListedReview[];
  readonly cases: readonly OpenCase[];
  readonly person: Person;
  readonly formToken: string;
  readonly refusal?: Refusal | undefined;
}

export function bulkPage(page: BulkPage): Page {
  const { policy, listed, cases, refusal } = page;
  const byId = new Map(cases.map((one) => [one.standing.reviewId, one]));
  const open = listed.flatMap((review) => {
    const found = byId.get(review.reviewId);
    return found === undefined ? [] : [{ review, found }];
  });
  return {
    title: `Resolve together: ${policy}`,
    place: 'Inbox',
    main: html`<p class="crumbs"><a href="/console">Inbox</a></p>
    <h1>Resolve together: ${text(policy)}</h1>
    ${refusal !== undefined && refusalNotice(refusal)}
    <p>One justification for several reviews of this policy. Each gets a decision, a digest and a ledger entry of its own.
      Reviews of HIGH risk and above, and those in conflict, are not here: they are read one by one.</p>
    ${open.length === 0 ? html`<p>No open review of this policy can be resolved together with others.</p>` : form(page, open)}`,
  };
}

interface Row {
  readonly review: ListedReview;
  readonly found: OpenCase;
}

function form({ policy, person, formToken }: BulkPage, open: readonly Row[]): Html {
  const names = new Set(
    open.flatMap(({ found }) => found.advisory.options.map(({ option }) => option)),
  );
  const roles = person.roles.filter(isDecidingRole);
  return html`<form method="post" action="/console/together" data-keep-alive>
      <button class="unseen" name="act" value="" tabindex="-1" aria-hidden="true"></button>
      <input type="hidden" name="form_token" value="${formToken}">
      <input type="hidden" name="policy" value="${policy}">
      <ol class="reviews">${open.map(row)}</ol>
      <label for="option">What is to be done</label>
      <select id="option" name="option"><option value="">nothing: reject</option>${[...names].map((name) => html`<option>${name}</option>`)}</select>
      ${
        roles.length > 1 &&
        html`<label for="role">You act as</label>
      <select id="role" name="role" required><option value="">choose one</option>${roles.map((role) => html`<option>${role}</option>`)}</select>`
      }
      <label for="justification">Justification for all of them</label>
      <textarea id="justification" name="justification" rows="3" required maxlength="${JUSTIFICATION_CHARACTERS_MAX}"></textarea>
      <p class="permanent"><strong>What you do here is permanent.</strong> It is recorded under your name for each review.</p>
      <p><button class="primary" name="act" value="approve">Approve those chosen</button>
        <button name="act" value="reject">Reject those chosen</button></p>
    </form>`;
}

function row({ review, found }: Row, index: number): Html {
  const { reviewId, riskLevel, eventSubject, eventType, eventSource, openedAt } = review;
  const { standing, advisory } = found;
  return html`
        <li class="edge level-${riskLevel.toLowerCase()}">
          <label><input type="checkbox" name="review" value="${reviewId} ${standing.viewDigest}" id="review-${index}">
            ${eventSubject !== null && html`<strong>${text(eventSubject)}</strong> `}${text(eventType)} from ${text(eventSource)}</label>
          <p>${levelBadge(riskLevel)} <span class="muted">opened ${when(openedAt)}</span>
            <a href="/console/reviews/${reviewId}">Read it</a></p>
          <details><summary>The exact commands</summary>${advisory.options.map(
            ({ title, command }) =>
              block(`Command of ${title}, review ${index + 1}`, jsonText(command)),
          )}</details>
        </li>`;
}

export function bulkResultPage({ results }: BulkAnswer, policy: string): Page {
  const refused = results.filter(({ answer }) => isRefusal(answer)).length;
  return {
    title: 'Resolved together',
    place: 'Inbox',
    main: html`<p class="crumbs"><a href="/console">Inbox</a></p>
    <h1>Resolved together: ${text(policy)}</h1>
    <p>${results.length - refused} of ${results.length} acts were recorded.</p>
    <ol>${results.map(
      ({ reviewId, answer }) =>
        html`<li><a href="/console/reviews/${reviewId}">Review ${reviewId}</a>: ${outcome(answer)}</li>`,
    )}</ol>`,
  };
}

function outcome(answer: BulkAnswer['results'][number]['answer']): Part {
  return isRefusal(answer) ? reasonOf(answer) : stateBadge(answer.state);
}
