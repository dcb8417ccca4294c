/** Words that are found at a glance. The colour says nothing that the word does not say. */
import type { DecisionState } from '../../../domain/decision.ts';
import type { RiskLevel } from '../../../domain/risk-level.ts';
import { epochMsOf, type Timestamp } from '../../../domain/time.ts';
import { type Html, html } from '../html.ts';
import { duration } from './times.ts';

export function levelBadge(level: RiskLevel): Html {
  return html`<span class="badge level-${level.toLowerCase()}">${level}</span>`;
}

export const conflictBadge: Html = html`<span class="badge warning">conflict</span>`;

const stateTones: Readonly<Record<DecisionState, string>> = {
  pending: 'plain',
  approved: 'good',
  override: 'good',
  rejected: 'danger',
  escalated: 'warning',
};
export const stateWords: Readonly<Record<DecisionState, string>> = {
  pending: 'waits for people',
  approved: 'approved',
  override: 'approved by override',
  rejected: 'rejected',
  escalated: 'escalated',
};

export function stateBadge(state: DecisionState): Html {
  return html`<span class="badge ${stateTones[state]}">${stateWords[state]}</span>`;
}

/** From when on a round is shown as due soon, as a part of the time that it has left. */
const SOON = 0.25;

/** Where a round stands between its start and the moment at which it is overdue. */
export function dueBadge(startedAt: Timestamp, dueAt: Timestamp, now: Timestamp): Html {
  const leftMs = epochMsOf(dueAt) - epochMsOf(now);
  if (leftMs <= 0) {
    return html`<span class="badge danger">overdue by ${duration(dueAt, now)}</span>`;
  }
  const allowedMs = epochMsOf(dueAt) - epochMsOf(startedAt);
  const tone = leftMs < SOON * allowedMs ? 'warning' : 'plain';
  return html`<span class="badge ${tone}">due in ${duration(now, dueAt)}</span>`;
}
