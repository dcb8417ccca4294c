/** What the whole depends on and whether it is there, what lags behind, and whether people are told. */
import type { GapSummary } from '../../../domain/gap.ts';
import type { Timestamp } from '../../../domain/time.ts';
import type { RouteStanding } from '../../../stores/audit-notifications.ts';
import type { Readiness } from '../../routes/health.ts';
import { type Html, html, type Part } from '../html.ts';
import type { Page } from '../layout.ts';
import { since, when } from '../parts/times.ts';
import { text } from '../text.ts';

export interface HealthPage {
  readonly checks: Readiness;
  readonly gaps: readonly GapSummary[];
  readonly routes: readonly RouteStanding[];
  readonly now: Timestamp;
}

export function healthPage({ checks, gaps, routes, now }: HealthPage): Page {
  const behind = gaps.filter(({ open }) => open > 0);
  const faults = Object.values(checks).filter((reason) => reason !== null).length;
  return {
    title: 'Health',
    place: 'Health',
    main: html`<h1>Health</h1>
    <p>${
      faults === 0
        ? html`<span class="badge good">ready</span> All that it depends on is there, and nothing is behind.`
        : html`<span class="badge danger">not ready</span> ${faults === 1 ? 'One thing is' : `${faults} things are`} not as it should be.`
    } The same for programs: <code>/readyz</code>.</p>
    ${checkTable(checks)}
    <h2>Gaps</h2>
    <p>What is recorded and has no successor yet. The reconciler sends it again by itself.</p>
    ${behind.length === 0 ? html`<p>Nothing lags behind.</p>` : gapTable(behind)}
    <h2>Notifications, last day</h2>
    ${routes.length === 0 ? html`<p>Nobody was told of anything. <code>NOTIFICATIONS_FILE</code> says who is.</p>` : routeTable(routes, now)}
    <p class="muted">As of ${when(now)}.</p>`,
  };
}

function checkTable(checks: Readiness): Html {
  return scrolling(
    'What it depends on',
    html`<thead><tr><th scope="col">Part</th><th scope="col">State</th></tr></thead>
      <tbody>${Object.entries(checks).map(
        ([name, reason]) => html`
        <tr><th scope="row">${name.replaceAll('_', ' ')}</th>
          <td>${reason === null ? html`<span class="badge good">ok</span>` : html`<span class="badge danger">fails</span> ${text(reason)}`}</td></tr>`,
      )}</tbody>`,
  );
}

function gapTable(gaps: readonly GapSummary[]): Html {
  return scrolling(
    'Gaps by what is missing',
    html`<thead><tr><th scope="col">Missing</th><th scope="col" class="number">How many</th><th scope="col">Oldest for</th></tr></thead>
      <tbody>${gaps.map(
        ({ hop, open, oldestMs }) => html`
        <tr><th scope="row">${hop.replaceAll('-', ' ')}</th><td class="number">${open}</td><td>${Math.round((oldestMs ?? 0) / 1_000)} s</td></tr>`,
      )}</tbody>`,
  );
}

function routeTable(routes: readonly RouteStanding[], now: Timestamp): Html {
  return scrolling(
    'Notifications by route',
    html`<thead><tr><th scope="col">Route</th><th scope="col" class="number">Sent</th><th scope="col" class="number">Waiting</th>
        <th scope="col" class="number">Given up</th><th scope="col">Last trouble</th></tr></thead>
      <tbody>${routes.map(
        ({ route, sentLastDay, waiting, oldestWaitingAt, givenUpLastDay, detail }) => html`
        <tr><th scope="row">${text(route)}</th><td class="number">${sentLastDay}</td>
          <td class="number">${waiting}${oldestWaitingAt !== null && html` <span class="muted">for ${since(oldestWaitingAt, now)}</span>`}</td>
          <td class="number">${givenUpLastDay}</td><td>${detail !== null && text(detail)}</td></tr>`,
      )}</tbody>`,
  );
}

function scrolling(label: string, rows: Part): Html {
  return html`<div class="scroll" tabindex="0" role="group" aria-label="${label}"><table>${rows}</table></div>`;
}
