/** Who acts for whom: what a person let others do in a role of theirs, and what others let them do. */
import { isDecidingRole } from '../../../domain/authority.ts';
import { DELEGATION_DAYS_MAX, type ListedDelegation } from '../../../domain/delegation.ts';
import type { Refusal } from '../../../domain/problem.ts';
import type { Person } from '../../../stores/identity.ts';
import { type Html, html, type Part } from '../html.ts';
import type { Page } from '../layout.ts';
import { refusalNotice } from '../parts/notice.ts';
import { when } from '../parts/times.ts';
import { text } from '../text.ts';

export interface DelegationsPage {
  readonly person: Person;
  readonly delegations: readonly ListedDelegation[];
  readonly formToken: string;
  readonly refusal?: Refusal | undefined;
  /** What was asked for, so that it need not be written again. */
  readonly fields?: Readonly<Record<'to' | 'role' | 'up_to_level' | 'last_day' | 'reason', string>>;
}

export function delegationsPage(page: DelegationsPage): Page {
  const { person, delegations, formToken, refusal } = page;
  const given = delegations.filter(({ delegator }) => delegator === person.personId);
  const received = delegations.filter(({ delegate }) => delegate === person.personId);
  return {
    title: 'Who acts for whom',
    main: html`<p class="crumbs"><a href="/console">Inbox</a></p>
    <h1>Who acts for whom</h1>
    ${refusal !== undefined && refusalNotice(refusal)}
    <h2>Who may act for you</h2>
    ${table('Who may act for you', given, (one) => one.delegateName, formToken)}
    ${delegationForm(page)}
    <h2>For whom you may act</h2>
    ${table('For whom you may act', received, (one) => one.delegatorName)}`,
  };
}

/** With `formToken`, each that counts can be taken back. */
function table(
  label: string,
  rows: readonly ListedDelegation[],
  nameOf: (row: ListedDelegation) => string,
  formToken?: string,
): Html {
  if (rows.length === 0) return html`<p>Nobody.</p>`;
  return html`<div class="scroll" tabindex="0" role="group" aria-label="${label}"><table>
      <thead><tr><th scope="col">Person</th><th scope="col">Role</th><th scope="col">Up to</th><th scope="col">Until</th><th scope="col">Why</th><th scope="col">State</th></tr></thead>
      <tbody>${rows.map(
        (row) => html`
        <tr><th scope="row">${text(nameOf(row))}</th><td>${row.role}</td><td>${row.upToLevel}</td><td>${when(row.endsAt)}</td>
          <td>${text(row.reason)}</td><td>${state(row, formToken)}</td></tr>`,
      )}</tbody>
    </table></div>`;
}

function state(row: ListedDelegation, formToken: string | undefined): Part {
  if (!row.isRunning) return row.revokedAt === null ? 'does not count' : 'taken back';
  if (formToken === undefined) return 'in force';
  return html`<form method="post" action="/console/delegations/${row.delegationId}/revoke">
            <input type="hidden" name="form_token" value="${formToken}"><button>Take back</button></form>`;
}

function delegationForm({ person, formToken, fields }: DelegationsPage): Html {
  const roles = person.roles.filter(isDecidingRole);
  if (roles.length === 0)
    return html`<p>You hold no role that decides, so there is nothing to delegate.</p>`;
  const levels = ['LOW', 'MEDIUM', 'HIGH', 'CRITICAL'];
  return html`<form method="post" action="/console/delegations" class="card">
      <h3>Let somebody act for you</h3>
      <input type="hidden" name="form_token" value="${formToken}">
      <label for="to">Name of the person</label>
      <input id="to" name="to" required maxlength="100" autocapitalize="none" value="${fields?.to}">
      <label for="role">In your role</label>
      <select id="role" name="role">${roles.map((role) => option(role, fields?.role))}</select>
      <label for="up_to_level">Up to the risk level</label>
      <select id="up_to_level" name="up_to_level">${levels.map((level) => option(level, fields?.up_to_level))}</select>
      <label for="last_day">Last day (UTC), at most ${DELEGATION_DAYS_MAX} days from now</label>
      <input id="last_day" name="last_day" type="date" required value="${fields?.last_day}">
      <label for="reason">Why</label>
      <input id="reason" name="reason" required maxlength="500" value="${fields?.reason}">
      <p class="hint">What they do is recorded under their name, and yours. In one round either of you acts, never both.
        What you may not decide, they may not decide for you.</p>
      <button class="primary">Delegate</button>
    </form>`;
}

function option(value: string, chosen: string | undefined): Html {
  return html`<option${value === chosen && html` selected`}>${value}</option>`;
}
