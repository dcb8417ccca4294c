/** Where everything stands at this moment. */
import { riskLevels } from '../../../domain/risk-level.ts';
import type { Timestamp } from '../../../domain/time.ts';
import type { Overview } from '../../../stores/audit-overview.ts';
import { ageLimitsH, type Backlog } from '../../../stores/inbox.ts';
import { type Html, html, type Part } from '../html.ts';
import type { Page } from '../layout.ts';
import { levelBadge } from '../parts/badges.ts';
import { code } from '../parts/facts.ts';
import { since, when } from '../parts/times.ts';

/** Jobs of each queue by their state. */
export type QueueStates = Readonly<Record<string, Readonly<Record<string, number>>>>;

export interface DashboardPage {
  readonly backlog: Backlog;
  readonly overview: Overview;
  /** Undefined when the queue store does not answer. */
  readonly queues: QueueStates | undefined;
  readonly ledgerHealthy: boolean;
  readonly now: Timestamp;
}

export function dashboardPage(page: DashboardPage): Page {
  const { backlog, overview, queues } = page;
  return {
    title: 'Dashboard',
    place: 'Dashboard',
    main: html`<h1>Dashboard</h1>
    ${tiles(page)}
    <h2>Open reviews by risk and age</h2>
    ${backlogTable(backlog)}
    <h2>Ledger</h2>
    ${ledgerTable(overview)}
    <h2>Queues</h2>
    ${queues === undefined ? html`<p class="warning-text">The queue store does not answer. Events are still taken in over HTTP.</p>` : queueTable(queues)}
    <p class="muted">As of ${when(page.now)}.</p>`,
  };
}

function tiles({ backlog, overview, ledgerHealthy, now }: DashboardPage): Html {
  const open = backlog.ages.reduce((sum, { counts }) => sum + total(counts), 0);
  const decisions = total(Object.values(overview.decisionsLastDay));
  return html`<ul class="tiles">
      ${tile('Open reviews', html`<a href="/console">${open}</a>`)}
      ${tile('Overdue', backlog.overdue, backlog.overdue > 0)}
      ${tile('Oldest open', backlog.oldestOpenedAt === null ? 'none' : since(backlog.oldestOpenedAt, now))}
      ${tile('Events, last hour', overview.eventsLastHour)}
      ${tile('Decisions, last day', decisions)}
      ${tile('Executions under way', overview.executionsUnderWay)}
      ${tile('Executions failed, last day', overview.executionsFailedLastDay, overview.executionsFailedLastDay > 0)}
      ${tile('Dead letters', html`<a href="/console/dead-letters">${overview.deadLetters}</a>`, overview.deadLetters > 0)}
      ${tile('Ledger', ledgerHealthy ? 'answers' : 'does not answer', !ledgerHealthy)}
    </ul>`;
}

function tile(label: string, value: Part, isBad = false): Html {
  return html`<li class="tile${isBad && ' bad'}"><span class="tile-value">${value}</span> <span class="tile-label">${label}</span></li>`;
}

const ages = [
  ...ageLimitsH.map((hours, index) => {
    const from = ageLimitsH[index - 1];
    return from === undefined ? `under ${hours} h` : `${from} to ${hours} h`;
  }),
  `over ${ageLimitsH.at(-1)} h`,
];

function backlogTable({ ages: rows }: Backlog): Html {
  const most = Math.max(1, ...rows.flatMap(({ counts }) => counts));
  const countsOf = (level: string) =>
    rows.find((row) => row.level === level)?.counts ?? ages.map(() => 0);
  return html`<div class="scroll" tabindex="0" role="group" aria-label="Open reviews by risk and age"><table class="grid">
      <thead><tr><th scope="col">Risk</th>${ages.map((age) => html`<th scope="col" class="number">${age}</th>`)}<th scope="col" class="number">All</th></tr></thead>
      <tbody>${riskLevels.toReversed().map((level) => {
        const counts = countsOf(level);
        return html`
        <tr>
          <th scope="row"><a href="/console?level=${level}">${levelBadge(level)}</a></th>
          ${counts.map((count) => countCell(count, `heat-${heatOf(count, most)}`))}
          <td class="number"><strong>${total(counts)}</strong></td>
        </tr>`;
      })}</tbody>
    </table></div>`;
}

/** Zeros step back, so that the other numbers are seen. */
function countCell(count: number, look = ''): Html {
  return html`<td class="number ${count === 0 ? 'zero' : look}">${count}</td>`;
}

const HEAT_MAX = 4;

/** 1 to 4, by how much of the largest number it is. */
function heatOf(count: number, most: number): number {
  return Math.max(1, Math.round((count / most) * HEAT_MAX));
}

function ledgerTable({ heads }: Overview): Html {
  if (heads.length === 0) return html`<p>The ledger has no entry yet.</p>`;
  return html`<div class="scroll" tabindex="0" role="group" aria-label="Heads of the ledger"><table>
      <thead><tr><th scope="col">Stream</th><th scope="col" class="number">Entries</th><th scope="col">Last entry</th><th scope="col">Head</th></tr></thead>
      <tbody>${heads.map(
        ({ stream, size, hash, sealedAt }) => html`
        <tr><th scope="row">${stream}</th><td class="number">${Number(size).toLocaleString('en')}</td><td>${when(sealedAt)}</td><td>${code(hash)}</td></tr>`,
      )}</tbody>
    </table></div>`;
}

function queueTable(queues: QueueStates): Html {
  const states = [...new Set(Object.values(queues).flatMap((counts) => Object.keys(counts)))];
  return html`<div class="scroll" tabindex="0" role="group" aria-label="Jobs by queue and state"><table class="grid">
      <thead><tr><th scope="col">Queue</th>${states.map((state) => html`<th scope="col" class="number">${state}</th>`)}</tr></thead>
      <tbody>${Object.entries(queues).map(
        ([queue, counts]) => html`
        <tr><th scope="row">${queue}</th>${states.map((state) => countCell(counts[state] ?? 0))}</tr>`,
      )}</tbody>
    </table></div>`;
}

function total(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0);
}
