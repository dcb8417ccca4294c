/** The inbox: what waits for people, the most urgent first. Filters stand in the address, so a view can be kept and sent. */
import { riskLevels } from '../../../domain/risk-level.ts';
import type { Timestamp } from '../../../domain/time.ts';
import type { SavedView } from '../../../stores/access.ts';
import type { Facets, Standing } from '../../../stores/inbox.ts';
import type { ListedReview } from '../../../stores/review.ts';
import { type Html, html, type Part } from '../html.ts';
import { openCount, type Page } from '../layout.ts';
import { conflictBadge, dueBadge, levelBadge, stateBadge } from '../parts/badges.ts';
import { since } from '../parts/times.ts';
import { savedViews } from '../parts/saved-views.ts';
import { text } from '../text.ts';

/** The filters as the address says them; what is not there does not filter. */
export interface InboxQuery {
  readonly state?: 'open' | 'resolved' | 'all';
  readonly level?: string;
  readonly policy?: string;
  readonly source?: string;
  readonly conflict?: 'true' | 'false';
  readonly cursor?: string;
}

export interface InboxPage {
  readonly query: InboxQuery;
  readonly reviews: readonly ListedReview[];
  /** All that the filters let through. */
  readonly count: number;
  /** Where the next page begins; null on the last. */
  readonly next: string | null;
  readonly facets: Facets;
  readonly standing: Standing;
  /** What the person keeps. */
  readonly views: readonly SavedView[];
  readonly formToken: string;
}

export function inboxPage(page: InboxPage): Page {
  const { query, reviews, count, next, standing } = page;
  return {
    title: 'Inbox',
    place: 'Inbox',
    main: html`<h1>Inbox</h1>
    ${levelLinks(page)}
    ${filterForm(page)}
    ${savedViews({ ...page, query: queryOf({ ...query, cursor: undefined }) })}
    ${query.policy !== undefined && html`<p><a href="/console/together?policy=${encodeURIComponent(query.policy)}">Resolve several of ${text(query.policy)} together</a></p>`}
    <div role="status">${newsPart(query, { count, shownAt: standing.now })}</div>
    ${
      reviews.length === 0
        ? emptyInbox(page)
        : html`<ol class="reviews" data-keyboard-list>${reviews.map((review) => row(review, standing.now))}</ol>`
    }
    ${pager(query, next)}`,
  };
}

// The list

function row(review: ListedReview, now: Timestamp): Html {
  const { reviewId, riskLevel, policyTitle, eventSource, eventType, eventSubject, round } = review;
  return html`
      <li class="edge level-${riskLevel.toLowerCase()}">
        <h2><a href="/console/reviews/${reviewId}">${text(policyTitle)}</a></h2>
        <p class="about">${eventSubject !== null && html`<strong>${text(eventSubject)}</strong> `}${text(eventType)}
          from ${text(eventSource)}</p>
        <p class="level">${levelBadge(riskLevel)}</p>
        <p class="badges">${review.conflict && conflictBadge}
          ${round > 1 && html`<span class="badge warning">escalated, round ${round}</span>`} ${progress(review, now)}</p>
        <p class="age">${review.resolvedAt === null ? 'open for ' : 'opened '}${since(review.openedAt, now)}${
          review.resolvedAt !== null && ' ago'
        }</p>
      </li>`;
}

function progress(
  { state, approvals, seats, startedAt, dueAt }: ListedReview,
  now: Timestamp,
): Part {
  if (state !== 'pending') return stateBadge(state);
  const agreed =
    approvals < seats
      ? `${approvals} of ${seats} agreed`
      : `${approvals} agreed, a role is missing`;
  return html`${dueBadge(startedAt, dueAt, now)} ${seats > 1 && html`<span class="badge plain">${agreed}</span>`}`;
}

function emptyInbox({ query, standing }: InboxPage): Html {
  const open = Object.values(standing.openByLevel).reduce((sum, count) => sum + count, 0);
  if (isFiltered(query) && open > 0) {
    return html`<div class="empty">
      <h2>No review fits these filters</h2>
      <p>${open} are open in all. <a href="/console">Show everything that is open</a></p>
    </div>`;
  }
  if (query.cursor !== undefined) {
    return html`<div class="empty"><h2>Nothing more</h2><p><a href="${inboxPath({ ...query, cursor: undefined })}">To the first page</a></p></div>`;
  }
  return html`<div class="empty">
      <h2>Nothing waits for a decision</h2>
      <p>A review opens by itself as soon as an event breaks a policy in force. Until then, look at
        <a href="/console?state=resolved">what was decided</a>, at <a href="/console/policies">the policies in force</a>,
        or at <a href="/console/dead-letters">what could not be taken in</a>.</p>
    </div>`;
}

// Filters

function levelLinks({ query, standing }: InboxPage): Html {
  const { openByLevel } = standing;
  const link = (level: string | undefined, words: Part, count: number) => html`
        <li><a href="${inboxPath({ ...query, level, cursor: undefined })}"${
          query.level === level && html` aria-current="true"`
        }>${words} <span class="count">${count}<span class="unseen"> open</span></span></a></li>`;
  const all = Object.values(openByLevel).reduce((sum, count) => sum + count, 0);
  return html`<nav class="levels" aria-label="By risk"><ul>${link(undefined, 'All', all)}${riskLevels
    .toReversed()
    .map((level) => link(level, level, openByLevel[level] ?? 0))}</ul></nav>`;
}

function filterForm({ query, facets }: InboxPage): Html {
  const { state = 'open', level, policy, source, conflict } = query;
  return html`<form class="filters" method="get" action="/console" aria-label="Filters">
      ${level !== undefined && html`<input type="hidden" name="level" value="${level}">`}
      ${select('State', 'state', state, [
        ['open', 'open'],
        ['resolved', 'decided'],
        ['all', 'all'],
      ])}
      ${select('Policy', 'policy', policy, withAny(facets.policies, policy))}
      ${select('Source', 'source', source, withAny(facets.sources, source))}
      ${select('Conflict', 'conflict', conflict, [
        ['', 'any'],
        ['true', 'in conflict'],
        ['false', 'not in conflict'],
      ])}
      <button>Filter</button>
      ${isFiltered(query) && html`<a href="/console">Clear</a>`}
    </form>`;
}

type Choice = readonly [value: string, words: string];

/** The one that is chosen is there even where no open review has it. */
function withAny(names: readonly string[], chosen: string | undefined): readonly Choice[] {
  const all = chosen === undefined || names.includes(chosen) ? names : [chosen, ...names];
  return [['', 'any'], ...all.map((name): Choice => [name, name])];
}

function select(
  label: string,
  name: string,
  chosen: string | undefined,
  choices: readonly Choice[],
): Html {
  return html`<label>${label}
        <select name="${name}">${choices.map(
          ([value, words]) =>
            html`<option value="${value}"${value === (chosen ?? '') && html` selected`}>${words}</option>`,
        )}</select></label>`;
}

function isFiltered({ state = 'open', level, policy, source, conflict }: InboxQuery): boolean {
  return state !== 'open' || [level, policy, source, conflict].some((value) => value !== undefined);
}

/** The address of the inbox under these filters. */
export function inboxPath(
  query: { readonly [Name in keyof InboxQuery]?: string | undefined },
  page = '/console',
): string {
  const search = queryOf(query);
  return search === '' ? page : `${page}?${search}`;
}

function queryOf(query: { readonly [Name in keyof InboxQuery]?: string | undefined }): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== '');
  return new URLSearchParams(given as [string, string][]).toString();
}

function pager(query: InboxQuery, next: string | null): Part {
  if (next === null && query.cursor === undefined) return null;
  return html`<nav class="pager" aria-label="Pages">
      ${query.cursor !== undefined && html`<a href="${inboxPath({ ...query, cursor: undefined })}">First page</a>`}
      ${next !== null && html`<a href="${inboxPath({ ...query, cursor: next })}" rel="next">Next page</a>`}
    </nav>`;
}

// What has changed since the page was made

/** What the reader has on the screen. */
export interface Shown {
  readonly count: number;
  readonly shownAt: Timestamp;
  /** The news that they have been told already. */
  readonly told?: string;
}

export interface News {
  readonly opened: number;
  readonly gone: number;
}

/**
 * Asks for news by itself, every quarter of a minute, and is replaced when there are some. It only tells: neither the
 * list nor the focus moves under the reader's hand.
 */
export function newsPart(query: InboxQuery, { count, shownAt, told }: Shown, news?: Html): Html {
  const search = new URLSearchParams({
    ...query,
    count: String(count),
    shown_at: shownAt,
    ...(told === undefined ? {} : { told }),
  });
  return html`<div id="news" hx-get="/console/inbox/news?${search.toString()}" hx-trigger="every 15s" hx-swap="outerHTML">${news}</div>`;
}

export function newsWords({ opened, gone }: News): string {
  const words = [
    ...(opened > 0 ? [`${opened} new`] : []),
    ...(gone > 0 ? [`${gone} no longer here`] : []),
  ];
  return words.join(', ');
}

/** The part with something to tell, and the count in the frame beside it. */
export function newsFragment(
  query: InboxQuery,
  shown: Shown,
  news: News,
  standing: Standing,
): Html {
  const words = newsWords(news);
  const told =
    words === ''
      ? undefined
      : html`<p class="news">${words}. <a href="${inboxPath(query)}">Show the inbox as it is now</a></p>`;
  return html`${newsPart(query, { ...shown, told: words }, told)}
    <hx-partial hx-target="#open-count" hx-swap="outerHTML">${openCount(standing)}</hx-partial>`;
}
