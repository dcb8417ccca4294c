import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDecide } from '../../src/actors/decision.ts';
import type { Decide } from '../../src/domain/approval.ts';
import { silentLog } from '../../src/domain/log.ts';
import { refuse } from '../../src/domain/problem.ts';
import {
  hiddenFields,
  openConsole,
  readable,
  type TestConsole,
  type Visitor,
} from '../support/console.ts';
import { openReview, openReviews, type ReviewToDecide } from '../support/reviews.ts';

let desk: TestConsole;
let decide: Decide;
const people: Record<string, Visitor> = {};
beforeAll(async () => {
  desk = await openConsole({ decide: (request) => decide(request) });
  decide = createDecide({ database: desk.decision, send: async () => {}, log: silentLog });
  people['ada'] = await desk.signedIn('ada', 'Administrator');
  people['sue'] = await desk.signedIn('sue', 'Senior Authority');
  people['cora'] = await desk.signedIn('cora', 'Compliance Officer');
  people['bob'] = await desk.signedIn('bob', 'Governance Board');
  people['aud'] = await desk.signedIn('aud', 'Auditor');
  people['ole'] = await desk.signedIn('ole', 'Operator');
  people['both'] = await desk.signedIn('both', 'Administrator', 'Senior Authority');
});
afterAll(() => desk.close());

const pathOf = ({ reviewId }: ReviewToDecide) => `/console/reviews/${reviewId}`;
const actionOf = (review: ReviewToDecide) => `${pathOf(review)}/decisions`;
const approving = { act: 'approve', option: 'restore', justification: 'Looked into it.' };

async function pageOf(name: string, review: ReviewToDecide): Promise<string> {
  const response = await people[name]!.get(pathOf(review));
  expect(response.statusCode, readable(response.body)).toBe(200);
  return response.body;
}

/** What the person reads after the act. */
async function act(name: string, review: ReviewToDecide, fields: Record<string, string>) {
  const visitor = people[name]!;
  const answer = await visitor.submit(pathOf(review), actionOf(review), {
    justification: '',
    ...fields,
  });
  return { status: answer.statusCode, said: readable(answer.body), page: answer.body };
}

async function stateOf({ reviewId }: ReviewToDecide): Promise<string> {
  const { rows } = await desk.client.query<{ state: string }>(
    'select decision_type as state from decision.decision where review_id = $1 order by round desc limit 1',
    [reviewId],
  );
  return rows[0]!.state;
}

/** The acts whose buttons can be pressed. */
const possibleActs = (page: string) =>
  [...page.matchAll(/<button[^>]*name="act" value="([a-z]+)"([^>]*)>/g)]
    .filter(([, , more]) => !more!.includes('disabled'))
    .map(([, name]) => name);

describe('a review', () => {
  it('shows all that a decision relies on', async () => {
    const review = await openReview(desk.decision, desk.facts, {
      level: 'MEDIUM',
      data: { repository: { name: '<script>alert(1)</script>' }, note: 'a\u202eb' },
    });
    const page = await pageOf('ada', review);
    const said = readable(page);
    expect(said).toContain('MEDIUM waits for people');
    expect(said).toContain('branch-protection, version 1');
    expect(said).toContain('SOC 2 CC6.1');
    expect(said).toContain('Score 12.5');
    expect(said).toContain('To restore restore at target access-control');
    expect(said).toContain('"action": "restore", "branch": "main"');
    expect(said).toContain('It takes 2 people of at least 2 different roles; 0 of 2 agreed.');
    expect(said).toContain(
      'a person of the role Administrator a person of the role Senior Authority',
    );
    expect(said).toContain('What you do here is permanent.');
    expect(page).toContain(`name="view_digest" value="${review.viewDigest}"`);
    expect(page).not.toContain('<script>alert');
    expect(page).toContain('a\\u202Eb');
  });

  it('says of a conflict which reviews are at odds, and leads to them', async () => {
    const [one, other] = await openReviews(desk.decision, desk.facts, {
      conflict: true,
      policies: ['open-it', 'close-it'],
      effects: ['restore', 'restrict'],
    });
    const page = await pageOf('ada', one!);
    expect(readable(page)).toContain('Policies contradict each other on this event');
    expect(page).toContain(`href="${pathOf(other!)}"`);
  });

  it('is for those who decide and for Auditors', async () => {
    const review = await openReview(desk.decision, desk.facts);
    expect((await people['ole']!.get(pathOf(review))).statusCode).toBe(403);
    expect(possibleActs(await pageOf('aud', review))).toEqual([]);
    expect((await people['ada']!.get('/console/reviews/x')).statusCode).toBe(404);
    const unknown = '/console/reviews/00000000-0000-8000-8000-000000000000';
    expect((await people['ada']!.get(unknown)).statusCode).toBe(404);
  });

  it('says of every button that cannot be pressed why', async () => {
    const review = await openReview(desk.decision, desk.facts, { level: 'MEDIUM' });
    const auditor = await pageOf('aud', review);
    expect(readable(auditor)).toContain(
      'Approve Not within your authority: you hold no role that decides.',
    );
    expect(auditor).not.toContain('name="justification"');
    const page = await pageOf('ada', review);
    expect(possibleActs(page)).toEqual(['approve', 'reject', 'escalate']);
    expect(readable(page)).toContain(
      'Override Not within your authority: an override takes a Compliance Officer',
    );
    expect(possibleActs(await pageOf('cora', review))).toEqual(['escalate']);
  });

  it('is not decided by Enter in a field, which presses the first button', async () => {
    const review = await openReview(desk.decision, desk.facts);
    const page = await pageOf('ada', review);
    const form = page.slice(page.indexOf('/decisions"'));
    expect(/<button[^>]*>/.exec(form)![0]).toContain('name="act" value=""');
    const refused = await act('ada', review, { ...approving, act: '' });
    expect(refused).toMatchObject({
      status: 422,
      said: expect.stringContaining('Nothing was pressed'),
    });
    expect(refused.page).toContain('Looked into it.</textarea>');
    expect(await stateOf(review)).toBe('pending');
  });
});

describe('deciding', () => {
  it('takes two people where two are needed, and is final then', async () => {
    const review = await openReview(desk.decision, desk.facts, { level: 'MEDIUM' });
    expect(readable(await pageOf('ada', review))).toContain(
      'With your approval it still waits for others.',
    );
    expect((await act('ada', review, approving)).status).toBe(303);
    const between = readable(await pageOf('sue', review));
    expect(between).toContain('1 of 2 agreed');
    expect(between).toContain('ada, Administrator, approved restore');
    expect(between).toContain('Looked into it.');
    expect(between).toContain('Yours is the last approval that is needed');
    expect((await act('sue', review, approving)).status).toBe(303);
    const page = await pageOf('ada', review);
    expect(readable(page)).toContain('approved This is final and cannot be changed.');
    expect(possibleActs(page)).toEqual([]);
    expect(await stateOf(review)).toBe('approved');
  });

  it('lets nobody act twice in a round', async () => {
    const review = await openReview(desk.decision, desk.facts, { level: 'MEDIUM' });
    await act('ada', review, approving);
    const page = await pageOf('ada', review);
    expect(possibleActs(page)).toEqual([]);
    expect(readable(page)).toContain('You have acted in this round');
  });

  it('rejects and escalates with a justification only', async () => {
    const review = await openReview(desk.decision, desk.facts);
    for (const name of ['reject', 'escalate']) {
      const refused = await act('ada', review, { act: name });
      expect(refused.status).toBe(422);
      expect(refused.said).toContain('Justification required');
    }
    expect(await stateOf(review)).toBe('pending');
    expect((await act('ada', review, { act: 'escalate', justification: 'Above me.' })).status).toBe(
      303,
    );
    const next = readable(await pageOf('sue', review));
    expect(next).toContain('Round 1 escalated');
    expect(next).toContain('Round 2 waits for people');
    expect((await act('sue', review, { act: 'reject', justification: 'Harmless.' })).status).toBe(
      303,
    );
    expect(await stateOf(review)).toBe('rejected');
  });

  it('keeps what was written and chosen when it is refused', async () => {
    const review = await openReview(desk.decision, desk.facts);
    const refused = await act('both', review, {
      act: 'approve',
      option: 'ignore',
      role: '',
      justification: 'I have <looked> into it.',
    });
    expect(refused.status).toBe(422);
    expect(refused.said).toContain('Role required');
    expect(refused.page).toContain('I have &lt;looked&gt; into it.</textarea>');
    expect(refused.page).toMatch(/value="ignore"[^>]* checked/);
    const done = await act('both', review, { ...approving, role: 'Senior Authority' });
    expect(done.status).toBe(303);
  });

  it('needs an option, and the one that others have approved', async () => {
    const review = await openReview(desk.decision, desk.facts, { level: 'MEDIUM' });
    const none = await act('ada', review, { act: 'approve' });
    expect(none).toMatchObject({
      status: 422,
      said: expect.stringContaining('Choose what is to be done.'),
    });
    await act('ada', review, approving);
    const page = await pageOf('sue', review);
    expect(page).toMatch(/value="restore"[^>]* checked/);
    expect(page).toMatch(/value="ignore"[^>]* disabled/);
    expect(readable(page)).toContain('Others have approved another option in this round.');
    expect((await act('sue', review, { ...approving, option: 'ignore' })).status).toBe(409);
  });

  it('acts on an unknown risk by override only', async () => {
    const review = await openReview(desk.decision, desk.facts, {
      level: 'UNKNOWN',
      basis: 'unknown',
    });
    const page = await pageOf('cora', review);
    expect(possibleActs(page)).toEqual(['reject', 'override', 'escalate']);
    expect(readable(page)).toContain(
      'Approve Only an override can act on this: the risk is unknown.',
    );
  });

  it('refuses a justification of more than 4,000 characters', async () => {
    const review = await openReview(desk.decision, desk.facts);
    const long = await act('ada', review, { ...approving, justification: 'x'.repeat(4_001) });
    expect(long.status).toBe(422);
    // A browser sends two characters for a line break.
    const lines = 'x\r\n'.repeat(2_000);
    expect((await act('ada', review, { ...approving, justification: lines })).status).toBe(303);
  });
});

describe('a review that has moved on', () => {
  /** Opens the page, lets `meanwhile` happen, and then sends what the page had. */
  async function actLate(
    name: string,
    review: ReviewToDecide,
    fields: Record<string, string>,
    meanwhile: () => Promise<unknown>,
  ) {
    const visitor = people[name]!;
    const { body } = await visitor.get(pathOf(review));
    await meanwhile();
    const answer = await visitor.post(actionOf(review), {
      ...hiddenFields(body, actionOf(review)),
      justification: '',
      ...fields,
    });
    return { status: answer.statusCode, said: readable(answer.body) };
  }

  it('answers 409 and tells who has decided since it was opened', async () => {
    const review = await openReview(desk.decision, desk.facts);
    const late = await actLate('sue', review, approving, () =>
      act('ada', review, { act: 'reject', justification: 'It is a test system.' }),
    );
    expect(late.status).toBe(409);
    expect(late.said).toContain('Already decided');
    expect(late.said).toContain('Since you opened it ada, Administrator, rejected it');
    expect(late.said).toContain('It is a test system.');
    expect(late.said).toContain('The review is now in round 1: rejected.');
  });

  it('answers 409 and tells of the round that has begun, with whom it takes', async () => {
    const review = await openReview(desk.decision, desk.facts, { level: 'HIGH' });
    const late = await actLate('cora', review, approving, () =>
      act('ada', review, { act: 'escalate', justification: 'Above us.' }),
    );
    expect(late.status).toBe(409);
    expect(late.said).toContain('Not what you were shown');
    expect(late.said).toContain('ada, Administrator, escalated it');
    expect(late.said).toContain('The review is now in round 2: waits for people.');
    expect(late.said).toContain('This round takes: a person of the role Governance Board');
    const { rows } = await desk.client.query(
      'select 1 from decision.approval a join decision.decision d using (decision_id) where d.review_id = $1',
      [review.reviewId],
    );
    expect(rows).toHaveLength(1);
  });

  it('records nothing of what was shown otherwise', async () => {
    const review = await openReview(desk.decision, desk.facts);
    const { status, said } = await act('ada', review, {
      ...approving,
      view_digest: 'f'.repeat(64),
    });
    expect(status).toBe(409);
    expect(said).toContain('Not what you were shown');
    expect(await stateOf(review)).toBe('pending');
  });

  it('of which a role was taken meanwhile is not decided', async () => {
    const review = await openReview(desk.decision, desk.facts);
    people['gone'] = await desk.signedIn('gone', 'Administrator');
    const late = await actLate('gone', review, approving, () =>
      desk.commands.revoke({ name: 'gone', roles: ['Administrator'] }),
    );
    expect(late.status).toBe(403);
    expect(await stateOf(review)).toBe('pending');
  });
});

describe('when something does not answer', () => {
  it('the ledger: deciding is disabled, says so, and is refused', async () => {
    const review = await openReview(desk.decision, desk.facts);
    const { body } = await people['ada']!.get(pathOf(review));
    await desk.facts.ledgerBeat(60);
    try {
      const page = await pageOf('ada', review);
      expect(possibleActs(page)).toEqual([]);
      expect(readable(page)).toContain('Nothing can be decided until it does');
      const answer = await people['ada']!.post(actionOf(review), {
        ...hiddenFields(body, actionOf(review)),
        ...approving,
      });
      expect(answer.statusCode).toBe(503);
      expect(await stateOf(review)).toBe('pending');
    } finally {
      await desk.facts.ledgerBeat(-3_600);
    }
  });

  it.each([
    [refuse('unavailable', 'the database does not answer'), 503, 'Nothing was recorded.'],
    [
      refuse('outcome_unknown', 'the database did not say what it did'),
      500,
      'It may or may not have been recorded.',
    ],
  ])('the command: %j', async (refusal, status, words) => {
    const real = decide;
    decide = async () => refusal;
    try {
      const answer = await act('ada', await openReview(desk.decision, desk.facts), approving);
      expect(answer).toMatchObject({ status, said: expect.stringContaining(words) });
    } finally {
      decide = real;
    }
  });
});
