/** The policies: what is watched, under which control. */
import type { ListedPolicy } from '../../../stores/audit-policies.ts';
import { type Html, html } from '../html.ts';
import type { Page } from '../layout.ts';
import { text } from '../text.ts';

export function policiesPage(policies: readonly ListedPolicy[]): Page {
  const inForce = policies.filter(({ status }) => status === 'active').length;
  return {
    title: 'Policies',
    place: 'Policies',
    main: html`<h1>Policies</h1>
    ${
      policies.length === 0
        ? emptyList
        : html`<p>${inForce} in force, the most important first. Versions never change; a new one takes the place of the old.</p>
    ${policyTable(policies)}`
    }`,
  };
}

const emptyList = html`<div class="empty"><h2>No policy yet</h2>
      <p>Until there is one, events wait: without a policy nothing can be said about them. Load some with
        <code>sentinelops policy load</code>.</p></div>`;

function policyTable(policies: readonly ListedPolicy[]): Html {
  return html`<div class="scroll" tabindex="0" role="group" aria-label="Policies"><table>
      <thead><tr>
        <th scope="col">Policy</th><th scope="col">Serves</th><th scope="col" class="number">Version</th>
        <th scope="col">Status</th><th scope="col" class="number">Priority</th><th scope="col" class="number">Open</th>
      </tr></thead>
      <tbody data-keyboard-list>${policies.map(
        (policy) => html`
        <tr>
          <th scope="row"><a href="/console/policies/${encodeURIComponent(policy.name)}">${text(policy.title)}</a><br>
            <span class="muted">${text(policy.name)}</span></th>
          <td>${text(policy.regulatoryReference)}</td>
          <td class="number">${policy.version}</td>
          <td>${statusBadge(policy.status)}</td>
          <td class="number">${policy.priorityLevel}</td>
          <td class="number">${openLink(policy)}</td>
        </tr>`,
      )}</tbody>
    </table></div>`;
}

function openLink({ name, openReviews }: ListedPolicy): Html {
  if (openReviews === 0) return html`0`;
  return html`<a href="/console?policy=${encodeURIComponent(name)}">${openReviews}<span class="unseen"> open reviews</span></a>`;
}

export function statusBadge(status: ListedPolicy['status']): Html {
  return html`<span class="badge ${status === 'active' ? 'good' : 'plain'}">${status}</span>`;
}
