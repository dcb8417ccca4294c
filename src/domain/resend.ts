/**
 * Which gaps are sent again, and when. What was sent together is sent together again: the same ids make the same job,
 * which a queue that still holds it ignores. So a stage that is behind does not get its backlog twice.
 */
import type { Gap } from './gap.ts';

/** Gaps that make one job. */
export interface Page {
  /** As they were found; never empty. */
  readonly gaps: readonly Gap[];
  /** Before that it is not sent again, by the monotonic clock. */
  readonly dueMs: number;
  /** How long is waited after the next time. */
  readonly waitMs: number;
}

export interface ResendRules {
  /** A younger gap may be a hand-off that is under way. */
  readonly graceMs: number;
  readonly pageMax: number;
}

/** What waits after it was sent again without effect, in the pages in which it was sent. */
export type Resends = readonly Page[];

/** Longer and longer, since whatever does not take them is in trouble already. */
export const RESEND_WAIT_MS_MAX = 15 * 60_000;

/**
 * The pages of a hop: those that were sent before, without what has been taken meanwhile, and new ones of what is open
 * and older than the grace period. `found` is in order of age.
 */
export function planResends(
  before: Resends,
  found: readonly Gap[],
  nowMs: number,
  { graceMs, pageMax }: ResendRules,
): Resends {
  const open = new Map(found.map((gap) => [nameOf(gap), gap]));
  const sent = before.flatMap((page) => {
    const gaps = page.gaps.flatMap((gap) => open.get(nameOf(gap)) ?? []);
    return gaps.length === 0 ? [] : [{ ...page, gaps }];
  });
  for (const { gaps } of sent) for (const gap of gaps) open.delete(nameOf(gap));
  const fresh = [...open.values()].filter(({ ageMs }) => ageMs >= graceMs);
  return [
    ...sent,
    ...pagesOf(fresh, pageMax).map((gaps) => ({ gaps, dueMs: nowMs, waitMs: 2 * graceMs })),
  ];
}

/** The page once it has been sent. */
export function afterSend(page: Page, nowMs: number): Page {
  const waitMs = Math.min(page.waitMs, RESEND_WAIT_MS_MAX);
  return { ...page, dueMs: nowMs + waitMs, waitMs: 2 * waitMs };
}

function pagesOf(gaps: readonly Gap[], pageMax: number): Gap[][] {
  const pages: Gap[][] = [];
  for (let start = 0; start < gaps.length; start += pageMax) {
    pages.push(gaps.slice(start, start + pageMax));
  }
  return pages;
}

function nameOf({ type, id }: Gap): string {
  return `${type} ${id}`;
}
