import { afterAll, beforeAll, expect, it } from 'vitest';
import { openConsole, type TestConsole, type Visitor } from '../support/console.ts';
import { openReview, type ReviewToDecide } from '../support/reviews.ts';

let desk: TestConsole;
let ada: Visitor;
beforeAll(async () => {
  desk = await openConsole();
  ada = await desk.signedIn('ada', 'Administrator');
});
afterAll(() => desk.close());

const PATH = '/console/together';
const pageOf = (policy: string) => `${PATH}?policy=${policy}`;
const shown = ({ reviewId, viewDigest }: ReviewToDecide) => `${reviewId} ${viewDigest}`;

async function stateOf({ reviewId }: ReviewToDecide): Promise<string> {
  const { rows } = await desk.client.query<{ state: string }>(
    'select decision_type as state from decision.decision where review_id = $1',
    [reviewId],
  );
  return rows[0]!.state;
}

it('offers the open reviews of a policy that are below HIGH and not in conflict', async () => {
  const policies = ['offered'];
  const low = await openReview(desk.decision, desk.facts, { policies });
  const high = await openReview(desk.decision, desk.facts, { policies, level: 'HIGH' });
  const torn = await openReview(desk.decision, desk.facts, { policies, conflict: true });
  const { body } = await ada.get(pageOf('offered'));
  expect(body).toContain(`value="${shown(low)}"`);
  for (const { reviewId } of [high, torn]) expect(body).not.toContain(reviewId);
});

it('resolves those that were chosen, and says what became of each', async () => {
  const policies = ['chosen'];
  const review = await openReview(desk.decision, desk.facts, { policies });
  const other = await openReview(desk.decision, desk.facts, { policies });
  const answer = await ada.submit(pageOf('chosen'), PATH, {
    review: shown(review),
    act: 'approve',
    option: 'restore',
    justification: 'The release of today.',
  });
  expect(answer.statusCode).toBe(200);
  expect(answer.body).toContain('1 of 1 acts were recorded');
  expect([await stateOf(review), await stateOf(other)]).toEqual(['approved', 'pending']);
});

it('shows the page again, with why not, when nothing was chosen or pressed', async () => {
  const policies = ['again'];
  const review = await openReview(desk.decision, desk.facts, { policies });
  const act = { option: '', justification: 'x' };
  const none = await ada.submit(pageOf('again'), PATH, { ...act, act: 'reject' });
  expect(none.statusCode).toBe(422);
  expect(none.body).toContain('Not a number of reviews to resolve together');
  const entered = await ada.submit(pageOf('again'), PATH, {
    ...act,
    act: '',
    review: shown(review),
  });
  expect(entered.body).toContain('Nothing was pressed');
  expect(await stateOf(review)).toBe('pending');
});

it('is for those who may look at reviews', async () => {
  const ole = await desk.signedIn('ole', 'Operator');
  expect((await ole.get(pageOf('again'))).statusCode).toBe(403);
});
