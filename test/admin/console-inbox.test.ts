import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openConsole, readable, type TestConsole, type Visitor } from '../support/console.ts';
import { openReview, openReviews, saying } from '../support/reviews.ts';
import { createDecide } from '../../src/actors/decision.ts';
import { silentLog } from '../../src/domain/log.ts';
import { isRefusal } from '../../src/domain/problem.ts';
import { personIdOf } from '../../src/domain/ids.ts';
import { SOURCE } from '../support/facts.ts';

let desk: TestConsole;
let ada: Visitor;
beforeAll(async () => {
  desk = await openConsole();
  ada = await desk.signedIn('ada', 'Administrator');
});
afterAll(() => desk.close());

/** The reviews that a page lists, in its order. */
const listed = (page: string) =>
  [...page.matchAll(/<h2><a href="\/console\/reviews\/([^"]+)"/g)].map(([, id]) => id!);
const inbox = async (query = '') => {
  const response = await ada.get(`/console${query}`);
  expect(response.statusCode, readable(response.body)).toBe(200);
  return response.body;
};

async function reject(reviewId: string): Promise<void> {
  const decide = createDecide({ database: desk.decision, send: async () => {}, log: silentLog });
  const { rows } = await desk.client.query<{ view_digest: string }>(
    'select view_digest from decision.decision where review_id = $1',
    [reviewId],
  );
  const answer = await decide({
    ...saying('reject', { viewDigest: rows[0]!.view_digest }),
    personId: personIdOf('ada'),
    reviewId: reviewId as never,
  });
  if (isRefusal(answer)) throw new Error(answer.detail);
}

describe('the inbox', () => {
  it('says what to do when nothing waits', async () => {
    const page = await inbox();
    expect(readable(page)).toContain('Nothing waits for a decision');
    expect(page).toContain('href="/console?state=resolved"');
  });

  it('lists what is open by risk and then by age, and counts it', async () => {
    const low = await openReview(desk.decision, desk.facts, { level: 'LOW' });
    const high = await openReview(desk.decision, desk.facts, {
      level: 'HIGH',
      policies: ['strict'],
    });
    const later = await openReview(desk.decision, desk.facts, { level: 'HIGH', conflict: true });
    const page = await inbox();
    expect(listed(page)).toEqual([high.reviewId, later.reviewId, low.reviewId]);
    const said = readable(page);
    expect(said).toContain('Inbox 3 open');
    expect(said).toContain('HIGH 2 open MEDIUM 0 open LOW 1 open');
    expect(said).toContain(`example.changed from ${SOURCE}`);
    expect(said).toMatch(/HIGH due in 23 h \d+ min 0 of 2 agreed/);
  });

  it('filters by what stands in its address', async () => {
    const ids = async (query: string) => listed(await inbox(query));
    expect(await ids('?level=LOW')).toHaveLength(1);
    expect(await ids('?policy=strict')).toHaveLength(1);
    expect(await ids(`?source=${encodeURIComponent(SOURCE)}`)).toHaveLength(3);
    expect(await ids('?source=another')).toHaveLength(0);
    expect(await ids('?conflict=true')).toHaveLength(1);
    // As a form sends it.
    expect(await ids('?state=open&policy=strict&source=&conflict=')).toHaveLength(1);
    const none = readable(await inbox('?level=CRITICAL'));
    expect(none).toContain('No review fits these filters');
    expect(none).toContain('3 are open in all');
  });

  it('offers the filters that there are, and shows those that are set', async () => {
    const page = await inbox(`?policy=strict&state=all`);
    expect(page).toContain('<option value="strict" selected>');
    expect(page).toContain('<option value="branch-protection">');
    expect(page).toContain(`<option value="${SOURCE}">`);
    expect(page).toContain('<option value="all" selected>');
    expect(await inbox('?level=HIGH')).toContain('href="/console?level=HIGH" aria-current="true"');
  });

  it('shows what was decided when it is asked to', async () => {
    const review = await openReview(desk.decision, desk.facts, { policies: ['decided'] });
    await reject(review.reviewId);
    expect(listed(await inbox('?policy=decided'))).toEqual([]);
    const page = await inbox('?policy=decided&state=resolved');
    expect(listed(page)).toEqual([review.reviewId]);
    expect(readable(page)).toContain('rejected');
  });

  it('pages on', async () => {
    for (let opened = 0; opened < 51; opened += 1) {
      await openReview(desk.decision, desk.facts, { level: 'MEDIUM', policies: ['many'] });
    }
    const first = await inbox('?policy=many');
    expect(listed(first)).toHaveLength(50);
    const next = /<a href="([^"]+)" rel="next">/.exec(first)![1]!.replaceAll('&amp;', '&');
    const second = (await ada.get(next)).body;
    expect(listed(second)).toHaveLength(1);
    expect(listed(first)).not.toContain(listed(second)[0]);
    expect(second).toContain('First page');
    expect(second).not.toContain('rel="next"');
    expect((await ada.get('/console?cursor=x')).statusCode).toBe(400);
  });

  it.each(['?level=low', '?state=closed', '?conflict=yes'])('refuses %s', async (query) => {
    const response = await ada.get(`/console${query}`);
    expect(response.statusCode).toBe(400);
    expect(readable(response.body)).toContain('Bad request');
  });

  it('warns when nothing can be decided', async () => {
    await desk.facts.ledgerBeat(60);
    expect(readable(await inbox())).toContain('The ledger does not answer');
    await desk.facts.ledgerBeat(-3_600);
    expect(readable(await inbox())).not.toContain('The ledger does not answer');
  });
});

describe('news of the inbox', () => {
  const newsOf = (page: string) => /hx-get="([^"]+)"/.exec(page)![1]!.replaceAll('&amp;', '&');

  it('are none as long as nothing changes', async () => {
    const page = await inbox('?policy=quiet');
    expect((await ada.get(newsOf(page))).statusCode).toBe(204);
  });

  it('say what came and what went, once each', async () => {
    const [first] = await openReviews(desk.decision, desk.facts, { policies: ['busy'] });
    const page = await inbox('?policy=busy');
    await openReview(desk.decision, desk.facts, { policies: ['busy'] });
    await openReview(desk.decision, desk.facts, { policies: ['elsewhere'] });
    const told = await ada.get(newsOf(page));
    expect(told.statusCode).toBe(200);
    expect(readable(told.body)).toContain('1 new. Show the inbox as it is now');
    expect(told.body).toContain('href="/console?policy=busy"');
    expect(told.body).toMatch(/id="open-count">\d+</);
    // The reader has been told; the same is no news.
    expect((await ada.get(newsOf(told.body))).statusCode).toBe(204);
    await reject(first!.reviewId);
    const again = await ada.get(newsOf(told.body));
    expect(readable(again.body)).toContain('1 new, 1 no longer here.');
  });
});
