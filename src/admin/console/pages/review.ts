/** One review: everything that a decision relies on, and the place to decide. */
import type { Contribution } from '../../../domain/risk.ts';
import type { Evidence } from '../../../domain/rules.ts';
import type { ReviewParts } from '../../review-documents.ts';
import { type Html, html, type Part } from '../html.ts';
import type { Page } from '../layout.ts';
import { conflictBadge, levelBadge, stateBadge, stateWords } from '../parts/badges.ts';
import { contributionTables, evidenceTable } from '../parts/evidence.ts';
import { code, facts } from '../parts/facts.ts';
import { notice } from '../parts/notice.ts';
import { payload } from '../parts/payload.ts';
import { since, when } from '../parts/times.ts';
import { prose, text } from '../text.ts';
import { decisionPanel, type DecisionPanel } from './review-decision.ts';
import { changeNotice, historySection } from './review-history.ts';

export type ReviewPage = DecisionPanel;

export function reviewPage(page: ReviewPage): Page {
  const { parts, acts, refused } = page;
  const { file, found } = parts;
  const { event, policy } = file;
  return {
    title: policy.title,
    place: 'Inbox',
    main: html`<p class="crumbs"><a href="/console" data-keyboard-up>Inbox</a></p>
    <h1>${text(policy.title)}</h1>
    <p class="badges">${levelBadge(found.standing.riskLevel)} ${stateBadge(found.standing.state)}
      ${found.advisory.conflict && conflictBadge}
      <span class="muted">opened ${since(file.openedAt, found.now)} ago</span>
      <a class="jump" href="#decision">To the decision</a></p>
    ${refused !== undefined && changeNotice(parts, acts, refused)}
    ${conflictNotice(parts)}
    <div class="desk">
      <div class="grounds">
        ${eventSection(parts)}
        ${policySection(parts)}
        ${riskSection(parts)}
        ${historySection(parts, acts)}
        <p class="muted">Review ${code(file.reviewId)}, advisory ${code(file.advisory.advisoryId)} version ${
          file.advisory.version
        }, event ${code(event.eventId)}</p>
      </div>
      ${decisionPanel(page)}
    </div>`,
  };
}

function conflictNotice({ found, contradictions }: ReviewParts): Part {
  if (!found.advisory.conflict) return null;
  const others = html`<ul>${contradictions.map(
    ({ reviewId, policyName, priorityLevel, state }) =>
      html`<li><a href="/console/reviews/${reviewId}">${text(policyName)}</a>, priority ${priorityLevel}: ${stateWords[state]}</li>`,
  )}</ul>`;
  return notice(
    'warning',
    'Policies contradict each other on this event',
    'What they recommend for the same resource cannot both be done, so they are decided together: to approve one rejects the others, to reject or escalate one does so to all. It takes one role higher than usual. Read them all first.',
    others,
  );
}

function eventSection({ file: { event } }: ReviewParts): Html {
  return html`<section>
          <h2>What happened</h2>
          ${facts([
            [
              'Subject',
              event.subject === null
                ? html`<em>none</em>`
                : html`<strong>${text(event.subject)}</strong>`,
            ],
            ['Type', text(event.type)],
            ['Source', text(event.source)],
            ['Happened', when(event.occurredAt)],
            ['Received', when(event.receivedAt)],
            ['Id at the source', html`<code class="whole">${text(event.id)}</code>`],
          ])}
          ${payload('The event as it was sent', event.data, `/console/events/${event.eventId}/payload`)}
          <p><a href="/console/events/${event.eventId}">The life of this event, with its ledger entries</a></p>
        </section>`;
}

function policySection({ file: { policy, advisory } }: ReviewParts): Html {
  // Stored by the advisory actor in this shape, and covered by the row's digest since.
  const evidence = advisory.conditions as unknown as readonly Evidence[];
  const label = `${policy.name}, version ${policy.version}`;
  return html`<section>
          <h2>Why it is here</h2>
          ${
            advisory.basis === 'unknown' &&
            html`<p class="warning-text">The policy could not be evaluated in full. That is not the same as compliant: only an override can act on it.</p>`
          }
          ${facts([
            [
              'Policy',
              html`<a href="/console/policies/${policy.name}?version=${policy.version}">${text(label)}</a>`,
            ],
            ['Serves', text(policy.regulatoryReference)],
          ])}
          ${prose(policy.description.trim())}
          ${evidence.length > 0 && evidenceTable('Its conditions, and what they found', evidence)}
          <details><summary>The advisory in words</summary>${prose(advisory.justification)}</details>
        </section>`;
}

function riskSection({ file: { assessment }, found }: ReviewParts): Html {
  const contributions = assessment.contributions as unknown as readonly Contribution[];
  const { modelVersion } = found.advisory;
  return html`<section>
          <h2>Risk</h2>
          <p>${levelBadge(assessment.level)} ${
            assessment.score === null
              ? 'The event could not be weighed, and is not taken as harmless.'
              : html`Score <strong>${Number(assessment.score)}</strong>`
          } <span class="muted">${
            modelVersion === null
              ? 'No risk model was in force.'
              : html`by version ${modelVersion} of the risk model`
          }</span></p>
          ${contributionTables(assessment.score, contributions)}
        </section>`;
}
