import { afterAll, beforeAll, expect, it } from 'vitest';
import type { OidcProvider } from '../../src/admin/oidc.ts';
import {
  createVisitor,
  openConsole,
  readable,
  type TestConsole,
  type Visitor,
} from '../support/console.ts';
import { openReview, type ReviewToDecide } from '../support/reviews.ts';

const PASSWORD = 'five plain words are enough';
const LONG_AGO_S = 600;

let desk: TestConsole;
let token: string;

/** Lets `cora` in, who proved who she is some while ago. */
const provider: OidcProvider = {
  start: async () => new URL('https://login.example.org'),
  finish: async () => ({
    issuer: 'https://login.example.org',
    subject: 'cora-1',
    name: 'cora',
    roles: ['Compliance Officer'],
    authenticatedAtS: Math.floor(Date.now() / 1_000) - LONG_AGO_S,
  }),
};

beforeAll(async () => {
  desk = await openConsole({ provider });
  token = await desk.addPerson('cora', 'Compliance Officer');
  await desk.commands.setPassword('cora', PASSWORD);
  await desk.commands.link({
    name: 'cora',
    issuer: 'https://login.example.org',
    subject: 'cora-1',
  });
});
afterAll(() => desk.close());

async function signedInLongAgo(): Promise<Visitor> {
  const visitor = createVisitor(desk.server);
  await visitor.get('/console/sign-in/provider');
  expect((await visitor.get('/console/sign-in/return?code=x')).statusCode).toBe(303);
  return visitor;
}

async function act(visitor: Visitor, { reviewId }: ReviewToDecide, fields: Record<string, string>) {
  const path = `/console/reviews/${reviewId}`;
  const answer = await visitor.submit(path, `${path}/decisions`, {
    act: 'reject',
    justification: 'It is harmless.',
    ...fields,
  });
  return { status: answer.statusCode, said: readable(answer.body), page: answer.body };
}

async function stateOf({ reviewId }: ReviewToDecide): Promise<string> {
  const { rows } = await desk.client.query<{ state: string }>(
    'select decision_type as state from decision.decision where review_id = $1',
    [reviewId],
  );
  return rows[0]!.state;
}

it.each(['HIGH', 'CRITICAL', 'UNKNOWN'] as const)(
  'at %s whoever signed in long ago proves once more who they are, and loses nothing that was written',
  async (level) => {
    const review = await openReview(desk.decision, desk.facts, {
      level,
      basis: level === 'UNKNOWN' ? 'unknown' : 'matched',
    });
    const visitor = await signedInLongAgo();
    const refused = await act(visitor, review, {});
    expect(refused.status).toBe(403);
    expect(refused.said).toContain('Prove once more who you are');
    expect(refused.page).toContain('It is harmless.</textarea>');
    expect(await stateOf(review)).toBe('pending');
    expect((await act(visitor, review, { proof: 'a wrong password of mine' })).status).toBe(401);
    expect(await stateOf(review)).toBe('pending');

    const before = visitor.cookies();
    expect((await act(visitor, review, { proof: PASSWORD })).status).toBe(303);
    expect(await stateOf(review)).toBe('rejected');
    // The session is a new one, and the old one proves nothing any more.
    expect(visitor.cookies()).not.toBe(before);
    const old = await desk.server.inject({ url: '/console', headers: { cookie: before } });
    expect(old.statusCode).toBe(303);
    expect((await visitor.get('/console')).statusCode).toBe(200);
  },
);

it('a token proves it as well, when it is one of the same person', async () => {
  const review = await openReview(desk.decision, desk.facts, { level: 'HIGH' });
  const visitor = await signedInLongAgo();
  const other = await desk.addPerson('bob', 'Governance Board');
  expect((await act(visitor, review, { proof: other })).status).toBe(401);
  expect((await act(visitor, review, { proof: token })).status).toBe(303);
  expect(await stateOf(review)).toBe('rejected');
});

it('below HIGH, and right after a sign-in, nobody is asked', async () => {
  const low = await openReview(desk.decision, desk.facts, { level: 'LOW' });
  expect((await act(await signedInLongAgo(), low, {})).status).toBe(303);
  const high = await openReview(desk.decision, desk.facts, { level: 'HIGH' });
  const visitor = createVisitor(desk.server);
  await visitor.signIn({ name: 'cora', password: PASSWORD });
  const page = await visitor.get(`/console/reviews/${high.reviewId}`);
  expect(page.body).not.toContain('name="proof"');
  expect((await act(visitor, high, {})).status).toBe(303);
});
