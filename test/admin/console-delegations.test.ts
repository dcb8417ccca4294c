import { afterAll, beforeAll, expect, it } from 'vitest';
import { openConsole, type TestConsole, type Visitor } from '../support/console.ts';
import { openReview } from '../support/reviews.ts';

let desk: TestConsole;
let cora: Visitor;
let ada: Visitor;
beforeAll(async () => {
  desk = await openConsole();
  cora = await desk.signedIn('cora', 'Compliance Officer');
  ada = await desk.signedIn('ada', 'Administrator');
});
afterAll(() => desk.close());

const PATH = '/console/delegations';
const lastDay = (days: number) =>
  new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);
const wish = (more: Record<string, string> = {}) => ({
  to: 'ada',
  role: 'Compliance Officer',
  up_to_level: 'MEDIUM',
  last_day: lastDay(3),
  reason: 'on leave',
  ...more,
});

it('what was given is shown to both, used in a review, and taken back', async () => {
  expect((await cora.submit(PATH, PATH, wish())).statusCode).toBe(303);
  expect((await cora.get(PATH)).body).toContain('on leave');
  expect((await ada.get(PATH)).body).toContain('in force');

  const review = await openReview(desk.decision, desk.facts, { policies: ['delegated'] });
  const path = `/console/reviews/${review.reviewId}`;
  const [, capacity = ''] =
    /value="(Compliance Officer [0-9a-f-]{36})"/.exec((await ada.get(path)).body) ?? [];
  const acted = await ada.submit(path, `${path}/decisions`, {
    act: 'approve',
    option: 'restore',
    role: capacity,
    justification: '',
  });
  expect(acted.statusCode).toBe(303);
  expect((await ada.get(path)).body.replaceAll(/<[^>]*>/g, '')).toContain(
    'ada, Compliance Officer for cora, approved restore',
  );

  const [, action = ''] = /action="([^"]+\/revoke)"/.exec((await cora.get(PATH)).body) ?? [];
  expect((await cora.submit(PATH, action, {})).statusCode).toBe(303);
  expect((await cora.get(PATH)).body).toContain('taken back');
});

it('shows the form again, with why not and what was written', async () => {
  const answer = await cora.submit(PATH, PATH, wish({ to: 'nobody', reason: 'because of <this>' }));
  expect(answer.statusCode).toBe(404);
  expect(answer.body).toContain('Unknown person');
  expect(answer.body).toContain('because of &lt;this&gt;');
  const long = await cora.submit(PATH, PATH, wish({ last_day: lastDay(40) }));
  expect(long.body).toContain('Not a delegation that can be given');
});

it('says to those who hold no role that decides that there is nothing to delegate', async () => {
  const ole = await desk.signedIn('ole', 'Operator');
  expect((await ole.get(PATH)).body).toContain('there is nothing to delegate');
});
