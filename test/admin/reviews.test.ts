import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from 'fastify';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDecideInBulk } from '../../src/actors/bulk.ts';
import { createDecide } from '../../src/actors/decision.ts';
import { createReviewerCommands, type ReviewerCommands } from '../../src/actors/reviewers.ts';
import { reviewRoutes } from '../../src/admin/routes/reviews.ts';
import { createAdminServer } from '../../src/admin/server.ts';
import type { Decide } from '../../src/domain/approval.ts';
import { type Role, roles } from '../../src/domain/authority.ts';
import { type Act, acts } from '../../src/domain/judgement.ts';
import type { PersonId } from '../../src/domain/ids.ts';
import { silentLog } from '../../src/domain/log.ts';
import { isRefusal, type Problem, problems, refuse } from '../../src/domain/problem.ts';
import { riskLevels } from '../../src/domain/risk-level.ts';
import type { Database } from '../../src/stores/database.ts';
import { cloneDatabase, type TestDatabase } from '../support/database.ts';
import { type Facts, openFacts, SOURCE } from '../support/facts.ts';
import { openReview, openReviews, type ReviewToDecide } from '../support/reviews.ts';

let database: TestDatabase;
let decision: Database;
let client: pg.Client;
let facts: Facts;
let commands: ReviewerCommands;
let server: FastifyInstance;
let decide: Decide;
const tokens: Record<string, string> = {};
const ids: Record<string, PersonId> = {};

beforeAll(async () => {
  database = await cloneDatabase();
  decision = database.open('decision');
  client = await database.superuser();
  facts = await openFacts(client);
  commands = createReviewerCommands(database.open('identity'));
  decide = createDecide({ database: decision, send: async () => {}, log: silentLog });
  server = await createAdminServer({
    routes: [
      reviewRoutes({
        identity: database.open('identity'),
        decision,
        decide: (request) => decide(request),
        decideInBulk: (request) => createDecideInBulk(decide, decision)(request),
      }),
    ],
    log: silentLog,
    isTransient: () => false,
    requestsPerSecondMax: 10_000,
  });
  await addPerson('ada', 'Administrator');
  await addPerson('sue', 'Senior Authority');
  await addPerson('cora', 'Compliance Officer');
  await addPerson('bob', 'Governance Board');
  await addPerson('ole', 'Operator');
  await addPerson('aud', 'Auditor');
  await addPerson('nil');
  await addPerson('both', 'Administrator', 'Senior Authority');
  await addPerson('policy.author', 'Compliance Officer');
});
afterAll(async () => {
  await server.close();
  await database.close();
});

async function addPerson(name: string, ...held: Role[]): Promise<void> {
  const issued = await commands.add({ name, roles: held });
  if (isRefusal(issued)) throw new Error(issued.detail);
  tokens[name] = issued.token;
  ids[name] = issued.personId;
}

/** A request of `name`, or of nobody. */
async function request(
  name: string | undefined,
  url: string,
  body?: object | string,
): Promise<LightMyRequestResponse> {
  const options: InjectOptions = {
    method: body === undefined ? 'GET' : 'POST',
    url,
    headers: {
      ...(name === undefined ? {} : { authorization: `Bearer ${tokens[name]}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { payload: body }),
  };
  return server.inject(options);
}

const decideAs = (name: string, review: ReviewToDecide, body: object) =>
  request(name, `/v1/reviews/${review.reviewId}/decisions`, {
    view_digest: review.viewDigest,
    ...body,
  });
const approving = { act: 'approve', option: 'restore' };

/** The problem in an answer, which must be one of the table and say what to do. */
function problemIn(response: LightMyRequestResponse): Problem {
  expect(response.headers['content-type']).toMatch(/^application\/problem\+json/);
  const problem = response.json<Problem>();
  expect(response.statusCode).toBe(problem.status);
  expect(problem.status).toBe(problems[problem.code].status);
  expect(problem.remedy).toBe(problems[problem.code].remedy);
  return problem;
}

describe('who is let in', () => {
  const places = () => [
    request(undefined, '/v1/reviews'),
    request(undefined, '/v1/reviews/x'),
    request(undefined, '/v1/reviews/x/decisions', { act: 'approve' }),
  ];

  it('nobody without a token, before anything of the request is looked at', async () => {
    for (const response of await Promise.all(places())) {
      expect(problemIn(response).code).toBe('token_missing');
      expect(response.headers['www-authenticate']).toBe('Bearer');
    }
  });

  it.each([
    ['a token that nobody was given', () => `Bearer so_0123456789abcdef_${'a'.repeat(43)}`],
    [
      'the secret of another',
      () => `Bearer ${tokens['ada']!.slice(0, 20)}${tokens['bob']!.slice(20)}`,
    ],
    ['a token with a letter changed', () => `Bearer ${tokens['ada']!.slice(0, -1)}-`],
    ['another scheme', () => `Basic ${tokens['ada']}`],
    ['no scheme', () => `${tokens['ada']}`],
    ['nonsense', () => 'Bearer \u00e4'],
  ])('nor with %s', async (_, authorization) => {
    const response = await server.inject({
      url: '/v1/reviews',
      headers: { authorization: authorization() },
    });
    expect(problemIn(response)).toMatchObject({ code: 'token_invalid', status: 401 });
  });

  it('nor once the token is revoked, has expired, or its person is disabled', async () => {
    await addPerson('revoked', 'Administrator');
    await addPerson('expired', 'Administrator');
    await addPerson('disabled', 'Administrator');
    for (const name of ['revoked', 'expired', 'disabled']) {
      expect((await request(name, '/v1/reviews')).statusCode).toBe(200);
    }
    await commands.revoke({ name: 'revoked' });
    await client.query('alter table identity.api_token disable trigger user');
    await client.query(
      `update identity.api_token set created_at = now() - interval '90 days', expires_at = now() where person_id = $1`,
      [ids['expired']],
    );
    await client.query('alter table identity.api_token enable trigger user');
    await client.query(`update identity.person set disabled_at = now() where name = 'disabled'`);
    for (const name of ['revoked', 'expired', 'disabled']) {
      expect(problemIn(await request(name, '/v1/reviews')).code).toBe('token_invalid');
    }
  });

  it('a person without a role to nothing, an Operator to the list, an Auditor to everything', async () => {
    const review = await openReview(decision, facts);
    const statuses = async (name: string) => [
      (await request(name, '/v1/reviews')).statusCode,
      (await request(name, `/v1/reviews/${review.reviewId}`)).statusCode,
      (await decideAs(name, review, approving)).statusCode,
    ];
    expect(await statuses('nil')).toEqual([403, 403, 403]);
    expect(await statuses('ole')).toEqual([200, 403, 403]);
    expect(await statuses('aud')).toEqual([200, 200, 403]);
  });
});

describe('GET /v1/reviews', () => {
  interface Page {
    readonly reviews: readonly { readonly review_id: string; readonly risk_level: string }[];
    readonly next_cursor: string | null;
  }
  const page = async (query: string): Promise<Page> => {
    const response = await request('ada', `/v1/reviews?${query}`);
    expect(response.statusCode, response.body).toBe(200);
    return response.json<Page>();
  };
  const idsOn = async (query: string) => (await page(query)).reviews.map((one) => one.review_id);
  /** All pages behind each other. */
  const everyPage = async (query: string, limit: number): Promise<string[]> => {
    const found: string[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const after: string = cursor === '' ? '' : `&cursor=${cursor}`;
      const { reviews, next_cursor }: Page = await page(`${query}&limit=${limit}${after}`);
      expect(reviews.length).toBeLessThanOrEqual(limit);
      found.push(...reviews.map((one) => one.review_id));
      cursor = next_cursor;
    }
    return found;
  };

  it('lists what is open, by risk and then by age', async () => {
    await facts.policy('ordered');
    const opened: ReviewToDecide[] = [];
    for (const level of ['LOW', 'HIGH', 'UNKNOWN', 'HIGH', 'CRITICAL', 'MEDIUM'] as const) {
      opened.push(await openReview(decision, facts, { level, policies: ['ordered'] }));
    }
    const order = [2, 4, 1, 3, 5, 0].map((index) => opened[index]!.reviewId);
    expect(await idsOn('policy=ordered')).toEqual(order);
    expect(await everyPage('policy=ordered', 1)).toEqual(order);
    expect(await everyPage('policy=ordered', 4)).toEqual(order);
    expect(await everyPage('policy=ordered&state=all', 2)).toEqual(
      opened.map((one) => one.reviewId).toReversed(),
    );
  });

  it('says of each what it is about and where it stands', async () => {
    await facts.policy('summary', { priority: 2 });
    const review = await openReview(decision, facts, { level: 'HIGH', policies: ['summary'] });
    await decideAs('ada', review, approving);
    const { reviews } = await page('policy=summary');
    expect(reviews).toEqual([
      {
        review_id: review.reviewId,
        event_id: review.eventId,
        advisory_id: review.advisoryId,
        risk_level: 'HIGH',
        priority_level: 2,
        conflict: false,
        opened_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/),
        resolved_at: null,
        policy: { name: 'summary', version: 1, title: 'A policy' },
        event: { source: SOURCE, type: 'example.changed', subject: null },
        round: 1,
        state: 'pending',
        approvals: 1,
      },
    ]);
  });

  it('filters by state, level, event and conflict', async () => {
    const filtered = { policies: ['filtered'] };
    const low = await openReview(decision, facts, filtered);
    const high = await openReview(decision, facts, { ...filtered, level: 'HIGH' });
    const torn = await openReview(decision, facts, { ...filtered, conflict: true });
    await decideAs('ada', low, { act: 'reject', justification: 'harmless' });
    const found = (query: string) => idsOn(`policy=filtered&${query}`);
    expect(await found('state=resolved')).toEqual([low.reviewId]);
    expect(await found('state=open&level=HIGH')).toEqual([high.reviewId]);
    expect(await found('level=LOW')).toEqual([torn.reviewId]);
    expect(await found('state=all&conflict=true')).toEqual([torn.reviewId]);
    expect(await found('state=all&conflict=false')).toEqual([high.reviewId, low.reviewId]);
    expect(await idsOn(`event=${high.eventId}`)).toEqual([high.reviewId]);
    expect(await found('event=00000000-0000-8000-8000-000000000000')).toEqual([]);
    expect(await idsOn('policy=no-such-policy')).toEqual([]);
  });

  it.each([
    ['state=closed', 'querystring.state is none of open, resolved, all'],
    ['level=low', 'querystring.level is none of LOW, MEDIUM, HIGH, CRITICAL, UNKNOWN'],
    ['limit=0', 'limit is not a number from 1 to 200'],
    ['limit=201', 'limit is not a number from 1 to 200'],
    ['limit=ten', 'limit is not a number from 1 to 200'],
    ['conflict=yes', 'querystring.conflict is none of true, false'],
    ['event=1', 'querystring.event'],
    ['sort=age', 'querystring has no member sort'],
  ])('refuses %s and says why', async (query, detail) => {
    const problem = problemIn(await request('ada', `/v1/reviews?${query}`));
    expect(problem.code).toBe('bad_request');
    expect(problem.detail).toContain(detail);
  });

  it('takes a cursor only for the list that it is of', async () => {
    for (const level of ['LOW', 'HIGH'] as const) {
      await openReview(decision, facts, { level, policies: ['paged'] });
    }
    const { next_cursor: cursor } = await page('policy=paged&limit=1');
    for (const query of [
      `state=all&cursor=${cursor}`,
      'cursor=x',
      `cursor=${Buffer.from('["urgency",1,"now","x"]').toString('base64url')}`,
      `cursor=${Buffer.from('["urgency",99999999999,"2026-01-01T00:00:00Z","x"]').toString('base64url')}`,
    ]) {
      expect(problemIn(await request('ada', `/v1/reviews?${query}`)).code).toBe('bad_cursor');
    }
  });
});

describe('GET /v1/reviews/:id', () => {
  const read = async (name: string, { reviewId }: ReviewToDecide) => {
    const response = await request(name, `/v1/reviews/${reviewId}`);
    expect(response.statusCode, response.body).toBe(200);
    return response.json<Record<string, unknown>>();
  };

  it('shows all that a decision relies on', async () => {
    await facts.policy('shown', { priority: 1 });
    const review = await openReview(decision, facts, {
      level: 'MEDIUM',
      policies: ['shown'],
      data: { repository: { name: 'a' }, count: 2 },
    });
    await decideAs('ada', review, { ...approving, justification: 'It is right.' });
    expect(await read('sue', review)).toMatchObject({
      review_id: review.reviewId,
      risk_level: 'MEDIUM',
      priority_level: 1,
      conflict: false,
      resolved_at: null,
      event: {
        source: SOURCE,
        type: 'example.changed',
        data: { repository: { name: 'a' }, count: 2 },
      },
      assessment: { score: '12.5000', level: 'MEDIUM', model_version: 1, contributions: [] },
      policy: { name: 'shown', version: 1, regulatory_reference: 'SOC 2 CC6.1' },
      advisory: {
        basis: 'matched',
        justification: 'The branch main is not protected any more.',
        conditions: [],
        options: [
          {
            option: 'restore',
            title: 'To restore',
            target: 'access-control',
            command: { action: 'restore', branch: 'main' },
          },
          { option: 'ignore' },
        ],
      },
      decision: {
        round: 1,
        state: 'pending',
        required_authority: { seats: [['Administrator'], ['Senior Authority']], roles: 2 },
        seats_needed: [['Senior Authority']],
        missing: ['seats_open'],
        approvals: [
          {
            person_id: ids['ada'],
            name: 'ada',
            role: 'Administrator',
            act: 'approve',
            option: 'restore',
            justification: 'It is right.',
            in_office: true,
          },
        ],
        option: null,
        finalized_at: null,
      },
      escalation_chain: [{ round: 1, state: 'pending', decided_by: null }],
      contradictions: [],
      view_digest: review.viewDigest,
      you: {
        name: 'sue',
        roles: ['Senior Authority'],
        acts: [
          { act: 'approve', allowed: true, roles: ['Senior Authority'], why_not: null },
          { act: 'reject', allowed: true },
          {
            act: 'override',
            allowed: false,
            roles: [],
            why_not: { code: 'not_authorised', remedy: problems.not_authorised.remedy },
          },
          { act: 'escalate', allowed: true },
        ],
      },
    });
  });

  it('names the reviews of the same event that contradict it, highest priority first', async () => {
    await facts.policy('open-it', { priority: 4 });
    await facts.policy('close-it', { priority: 2 });
    await facts.policy('shut-it', { priority: 3 });
    const [open, close, shut] = await openReviews(decision, facts, {
      policies: ['open-it', 'close-it', 'shut-it'],
      conflict: true,
      effects: ['restore', 'restrict', 'restrict'],
    });
    expect(await read('ada', open!)).toMatchObject({
      conflict: true,
      contradictions: [
        { review_id: close!.reviewId, policy: 'close-it', priority_level: 2, state: 'pending' },
        { review_id: shut!.reviewId, policy: 'shut-it', priority_level: 3, state: 'pending' },
      ],
    });
  });

  it('shows the chain of escalations, and who decided in the end', async () => {
    const review = await openReview(decision, facts);
    await decideAs('ada', review, { act: 'escalate', justification: 'Not mine to say.' });
    const { view_digest } = await read('sue', review);
    await decideAs('sue', review, { ...approving, justification: 'Fine.', view_digest });
    expect(await read('aud', review)).toMatchObject({
      decision: { round: 2, state: 'approved', option: 'restore', seats_needed: [], missing: [] },
      escalation_chain: [
        {
          round: 1,
          state: 'escalated',
          decided_by: { name: 'ada', role: 'Administrator' },
          justification: 'Administrator: Not mine to say.',
        },
        { round: 2, state: 'approved', decided_by: { name: 'sue', role: 'Senior Authority' } },
      ],
    });
  });

  it('says of someone who has left office that their approval does not count', async () => {
    await addPerson('leaver', 'Administrator');
    const review = await openReview(decision, facts, { level: 'MEDIUM' });
    await decideAs('leaver', review, approving);
    await commands.revoke({ name: 'leaver', roles: ['Administrator'] });
    expect(await read('ada', review)).toMatchObject({
      decision: {
        approvals: [{ name: 'leaver', in_office: false }],
        seats_needed: [['Administrator'], ['Senior Authority']],
      },
    });
  });

  it('what it says one may do is what one may do', async () => {
    for (const level of riskLevels) {
      for (const name of ['ada', 'sue', 'cora', 'bob', 'policy.author']) {
        for (const act of acts) {
          const review = await openReview(decision, facts, { level });
          const { you } = (await read(name, review)) as {
            you: { acts: { act: Act; allowed: boolean; why_not: { code: string } | null }[] };
          };
          const told = you.acts.find((one) => one.act === act)!;
          const option = act === 'approve' || act === 'override' ? { option: 'restore' } : {};
          const response = await decideAs(name, review, { act, justification: 'so', ...option });
          const place = `${level} ${name} ${act}`;
          expect(response.statusCode === 201, place).toBe(told.allowed);
          if (!told.allowed) expect(problemIn(response).code, place).toBe(told.why_not!.code);
        }
      }
    }
  }, 60_000);

  it.each(['00000000-0000-8000-8000-000000000000', 'x', '%00'])('does not know %s', async (id) => {
    expect(problemIn(await request('ada', `/v1/reviews/${id}`)).code).toBe('unknown_review');
    expect(
      problemIn(
        await request('ada', `/v1/reviews/${id}/decisions`, {
          ...approving,
          view_digest: '0'.repeat(64),
        }),
      ).code,
    ).toBe('unknown_review');
  });
});

describe('POST /v1/reviews/:id/decisions', () => {
  it('answers an act with 201 and the state of the round, its repeat with 200 and the same', async () => {
    const review = await openReview(decision, facts, { level: 'MEDIUM' });
    const first = await decideAs('ada', review, approving);
    expect(first.statusCode).toBe(201);
    expect(first.json()).toMatchObject({
      review_id: review.reviewId,
      round: 1,
      state: 'pending',
      seats_needed: [['Senior Authority']],
      missing: ['seats_open'],
      option: null,
      finalized_at: null,
      expires_at: null,
    });
    const repeat = await decideAs('ada', review, approving);
    expect(repeat.statusCode).toBe(200);
    expect(repeat.json()).toEqual(first.json());
    const last = await decideAs('sue', review, approving);
    expect(last.statusCode).toBe(201);
    expect(last.json()).toMatchObject({ state: 'approved', seats_needed: [], option: 'restore' });
    expect((await decideAs('sue', review, approving)).json()).toEqual(last.json());
  });

  it.each([
    ['not_authorised', 403, 'LOW', 'aud', approving],
    ['author_excluded', 403, 'LOW', 'policy.author', approving],
    ['role_not_held', 403, 'LOW', 'ada', { ...approving, role: 'Governance Board' }],
    ['role_required', 422, 'MEDIUM', 'both', approving],
    ['view_changed', 409, 'LOW', 'ada', { ...approving, view_digest: '0'.repeat(64) }],
    ['option_required', 422, 'LOW', 'ada', { act: 'approve' }],
    ['unknown_option', 422, 'LOW', 'ada', { act: 'approve', option: 'delete' }],
    ['justification_required', 422, 'LOW', 'ada', { act: 'reject' }],
    ['justification_required', 422, 'LOW', 'cora', { ...approving, act: 'override' }],
    ['override_required', 422, 'UNKNOWN', 'bob', approving],
  ] as const)('refuses with %s, %i', async (code, status, level, name, body) => {
    const review = await openReview(decision, facts, { level });
    expect(problemIn(await decideAs(name, review, body))).toMatchObject({ code, status });
    const { rows } = await client.query(
      'select from decision.approval a join decision.decision d using (decision_id) where d.review_id = $1',
      [review.reviewId],
    );
    expect(rows).toEqual([]);
  });

  it('refuses with 409 what others have settled or said otherwise', async () => {
    const review = await openReview(decision, facts, { level: 'HIGH' });
    await decideAs('ada', review, approving);
    const code = async (name: string, body: object) =>
      problemIn(await decideAs(name, review, body)).code;
    expect(await code('ada', { act: 'reject', justification: 'no' })).toBe('already_acted');
    expect(await code('cora', { act: 'approve', option: 'ignore' })).toBe('other_option');
    await decideAs('cora', review, approving);
    expect(await code('bob', approving)).toBe('already_decided');
  });

  it('names the digest of what the review says now to whoever was shown something else', async () => {
    const review = await openReview(decision, facts);
    await decideAs('ada', review, { act: 'escalate', justification: 'higher' });
    const problem = problemIn(await decideAs('sue', review, approving));
    expect(problem.code).toBe('view_changed');
    const { current_view_digest: digest } = problem as { current_view_digest?: string };
    const now = await decideAs('sue', review, { ...approving, view_digest: digest });
    expect(now.json()).toMatchObject({ round: 2, state: 'approved' });
  });

  it('refuses with 503 while the ledger does not answer', async () => {
    const review = await openReview(decision, facts);
    await facts.ledgerBeat(6);
    const response = await decideAs('ada', review, approving);
    const { you } = (await request('ada', `/v1/reviews/${review.reviewId}`)).json() as {
      you: { acts: { allowed: boolean }[] };
    };
    await facts.ledgerBeat(-3_600);
    expect(problemIn(response)).toMatchObject({ code: 'ledger_unavailable', status: 503 });
    expect(response.headers['retry-after']).toBeDefined();
    expect(you.acts.some(({ allowed }) => allowed)).toBe(false);
  });

  it.each<[Record<string, unknown>, string]>([
    [{ act: undefined }, `body must have required property 'act'`],
    [{ view_digest: undefined }, `body must have required property 'view_digest'`],
    [{ act: 'abstain' }, 'body.act is none of approve, reject, override, escalate'],
    [{ role: 'Source' }, `body.role is none of ${roles.join(', ')}`],
    [{ justification: 7 }, 'body.justification must be string'],
    [{ justification: 'x'.repeat(4_001) }, 'body.justification must NOT have more than 4000'],
    [{ option: '' }, 'body.option must NOT have fewer than 1'],
    [{ view_digest: 'x' }, 'body.view_digest must match'],
    [{ person: 'bob' }, 'body has no member person'],
  ])('refuses a body with %j with 400', async (wrong, detail) => {
    const review = await openReview(decision, facts);
    const problem = problemIn(await decideAs('ada', review, { ...approving, ...wrong }));
    expect(problem.code).toBe('bad_request');
    expect(problem.detail).toContain(detail);
  });

  it.each([
    ['not json', 'not_json'],
    ['"text"', 'bad_request'],
    ['null', 'bad_request'],
    ['{"act":"approve","act":"reject"}', 'duplicate_key'],
  ])('refuses the body %s', async (body, code) => {
    const { reviewId } = await openReview(decision, facts);
    const response = await request('ada', `/v1/reviews/${reviewId}/decisions`, body);
    expect(problemIn(response).code).toBe(code);
  });

  it('refuses a justification that cannot be stored', async () => {
    const review = await openReview(decision, facts);
    const response = await decideAs('ada', review, { ...approving, justification: 'a\u0000b' });
    expect(problemIn(response)).toMatchObject({ code: 'bad_string', status: 422 });
  });

  it('breaks the connection when nobody knows whether the act was recorded', async () => {
    const real = decide;
    decide = async () => refuse('outcome_unknown', 'the database did not say what it did');
    try {
      const url = await server.listen({ host: '127.0.0.1', port: 0 });
      const review = await openReview(decision, facts);
      const answer = fetch(`${url}/v1/reviews/${review.reviewId}/decisions`, {
        method: 'POST',
        headers: { authorization: `Bearer ${tokens['ada']}`, 'content-type': 'application/json' },
        body: JSON.stringify({ ...approving, view_digest: review.viewDigest }),
      });
      await expect(answer).rejects.toThrow('fetch failed');
    } finally {
      decide = real;
    }
  });
});
