/**
 * Every way to act × every principal × every state × every level, against a golden table. The API and the console must
 * both give the answer that the table has; a way in that asks somebody else shows here.
 *
 * A cell is tried for real where it is refused. What is allowed is read from the review as its person is shown it, which
 * tries each act the way it is tried (domain/approval.ts): to record it would change the state for the cells after it.
 */
import type { FastifyInstance } from 'fastify';
import type pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createDecideInBulk } from '../../src/actors/bulk.ts';
import { createDecide } from '../../src/actors/decision.ts';
import { createDelegationCommands } from '../../src/actors/delegations.ts';
import { createReviewerCommands } from '../../src/actors/reviewers.ts';
import { consoleRoutes } from '../../src/admin/routes/console.ts';
import { reviewRoutes } from '../../src/admin/routes/reviews.ts';
import { createAdminServer } from '../../src/admin/server.ts';
import { decidingRoles, type Role, roles } from '../../src/domain/authority.ts';
import { type Act, acts } from '../../src/domain/judgement.ts';
import { type PersonId, personIdOf } from '../../src/domain/ids.ts';
import { silentLog } from '../../src/domain/log.ts';
import { isRefusal, problems } from '../../src/domain/problem.ts';
import { type RiskLevel, riskLevels } from '../../src/domain/risk-level.ts';
import type { Database } from '../../src/stores/database.ts';
import { openDecisionStore } from '../../src/stores/decision.ts';
import { createVisitor, type Visitor } from '../support/console.ts';
import { cloneDatabase, type TestDatabase } from '../support/database.ts';
import { type Facts, openFacts } from '../support/facts.ts';
import { openReview, type ReviewToDecide, saying } from '../support/reviews.ts';

/** Each with what they hold; beside them the author of the policy, and whom the event is about. */
const principals: Readonly<Record<string, readonly Role[]>> = {
  ...Object.fromEntries(roles.map((role) => [role, [role]])),
  'no role': [],
  'every role': roles,
  author: decidingRoles,
  subject: decidingRoles,
  escalator: decidingRoles,
};
const nameOf = (principal: string): string =>
  principal === 'author' ? 'policy.author' : principal.toLowerCase().replaceAll(' ', '.');

const states = ['pending', 'escalated', 'approved', 'rejected', 'override'] as const;
type State = (typeof states)[number];

let database: TestDatabase;
let decision: Database;
let client: pg.Client;
let facts: Facts;
let server: FastifyInstance;
const tokens = new Map<string, string>();
const browsers = new Map<string, Visitor>();
/** Of the forms in each browser. */
const formTokens = new Map<string, string>();

beforeAll(async () => {
  database = await cloneDatabase();
  decision = database.open('decision');
  const identity = database.open('identity');
  client = await database.superuser();
  facts = await openFacts(client);
  const decide = createDecide({ database: decision, send: async () => {}, log: silentLog });
  const decideInBulk = createDecideInBulk(decide, decision);
  const shared = { identity, decision, decide, decideInBulk };
  server = await createAdminServer({
    routes: [
      reviewRoutes(shared),
      consoleRoutes({
        ...shared,
        audit: database.open('audit'),
        delegations: createDelegationCommands(identity),
        queueStates: async () => ({}),
        readiness: async () => ({ postgres: null, ledger: null }),
        gaps: () => [],
        isOnLoopback: true,
        log: silentLog,
        isTransient: () => false,
      }),
    ],
    log: silentLog,
    isTransient: () => false,
    requestsPerSecondMax: 100_000,
  });
  const commands = createReviewerCommands(identity);
  for (const [principal, held] of Object.entries(principals)) {
    const issued = await commands.add({ name: nameOf(principal), roles: held });
    if (isRefusal(issued)) throw new Error(issued.detail);
    tokens.set(principal, issued.token);
    const browser = createVisitor(server);
    await browser.signIn({ token: issued.token });
    browsers.set(principal, browser);
    const page = await browser.get('/console/delegations');
    const [, formToken = ''] = /name="form_token" value="([^"]+)"/.exec(page.body) ?? [];
    formTokens.set(principal, formToken);
  }
  for (const [index, role] of [...decidingRoles, ...decidingRoles].entries()) {
    await facts.person(`crew${index}`, role);
  }
});
afterAll(async () => {
  await server.close();
  await database.close();
});

const crew = (index: number): PersonId => personIdOf(`crew${index}`);

/** A review of that level about the subject, brought to the state by people who are none of the principals. */
async function reviewIn(state: State, level: RiskLevel): Promise<ReviewToDecide> {
  const review = await openReview(decision, facts, { level, subject: 'user/subject' });
  const decide = createDecide({ database: decision, send: async () => {}, log: silentLog });
  const act = (personId: PersonId, what: Act, more: { role?: Role } = {}) =>
    decide({ ...saying(what, review), ...more, reviewId: review.reviewId, personId });
  if (state === 'rejected') await act(crew(0), 'reject');
  if (state === 'escalated') {
    await act(personIdOf('escalator'), 'escalate', { role: 'Administrator' });
  }
  if (state === 'approved' || state === 'override') {
    // Where an override has a seat it comes first; where it has none, at MEDIUM, the round ends approved.
    const first = state === 'override' || level === 'UNKNOWN' ? 'override' : 'approve';
    for (const index of [2, 3]) await act(crew(index), first);
    for (const index of [0, 1, 4]) await act(crew(index), 'approve');
  }
  return review;
}

async function shownDigest({ reviewId }: ReviewToDecide): Promise<string> {
  const found = await decision.transact((tx) => openDecisionStore(tx).caseOf(reviewId, crew(0)));
  return found!.open.viewDigest;
}

interface Shown {
  readonly you: {
    readonly acts: readonly {
      readonly act: Act;
      readonly allowed: boolean;
      readonly roles: readonly Role[];
      readonly why_not: { readonly code: string } | null;
    }[];
  };
}

/** By the API: what the review says that the person may do; the code of the refusal where they may not look. */
async function shownTo(principal: string, { reviewId }: ReviewToDecide): Promise<Shown | string> {
  const answer = await server.inject({
    url: `/v1/reviews/${reviewId}`,
    headers: { authorization: `Bearer ${tokens.get(principal)}` },
  });
  return answer.statusCode === 200 ? answer.json<Shown>() : answer.json<{ code: string }>().code;
}

async function triedByApi(principal: string, act: Act, review: ReviewToDecide, digest: string) {
  const answer = await server.inject({
    method: 'POST',
    url: `/v1/reviews/${review.reviewId}/decisions`,
    headers: {
      authorization: `Bearer ${tokens.get(principal)}`,
      'content-type': 'application/json',
    },
    payload: {
      act,
      view_digest: digest,
      justification: 'because',
      ...(act === 'approve' || act === 'override' ? { option: 'restore' } : {}),
    },
  });
  return answer.json<{ code?: string }>().code ?? 'allowed';
}

/** By the form of a review, whether or not the person would be shown it. */
async function triedByConsole(principal: string, act: Act, review: ReviewToDecide, digest: string) {
  return browsers.get(principal)!.post(`/console/reviews/${review.reviewId}/decisions`, {
    form_token: formTokens.get(principal)!,
    view_digest: digest,
    shown_at: '',
    act,
    option: act === 'approve' || act === 'override' ? 'restore' : '',
    justification: 'because',
  });
}

/** One line for each principal, with a column for each act. */
async function rowsOf(state: State, level: RiskLevel): Promise<string[]> {
  const review = await reviewIn(state, level);
  const digest = await shownDigest(review);
  const rows: string[] = [];
  for (const principal of Object.keys(principals)) {
    const shown = await shownTo(principal, review);
    const cells: string[] = [];
    for (const act of acts) {
      const permission =
        typeof shown === 'string' ? undefined : shown.you.acts.find((one) => one.act === act);
      if (permission?.allowed === true) {
        cells.push(`${act}: as ${permission.roles.toSorted().join(', ')}`);
        continue;
      }
      const code = await triedByApi(principal, act, review, digest);
      if (permission !== undefined)
        expect(permission.why_not?.code, `${principal} ${act}`).toBe(code);
      const answer = await triedByConsole(principal, act, review, digest);
      expect(answer.statusCode, `${state} ${level} ${principal} ${act}`).toBe(
        // Whoever may not look at a review is not told by the console what became of it.
        typeof shown === 'string' ? 403 : problems[code as keyof typeof problems].status,
      );
      cells.push(`${act}: ${code}`);
    }
    const looks = typeof shown === 'string' ? shown : 'yes';
    rows.push([`${level} ${state}, ${principal}`, `look: ${looks}`, ...cells].join(' | '));
  }
  return rows;
}

it.each(riskLevels)(
  '%s: everybody may do what the golden table says, by every way, and nothing else',
  async (level) => {
    const rows: string[] = [];
    for (const state of states) rows.push(...(await rowsOf(state, level)));
    expect(rows).toHaveLength(states.length * Object.keys(principals).length);
    await expect(`${rows.join('\n')}\n`).toMatchFileSnapshot(`authority.${level}.golden.txt`);
  },
  240_000,
);

it('what was refused has left nothing behind: every act is of those who brought the reviews to their states', async () => {
  const { rows: strangers } = await client.query(
    `select p.name, a.act from decision.approval a join identity.person p using (person_id)
     where p.name not like 'crew%' and not (p.name = 'escalator' and a.act = 'escalate')`,
  );
  expect(strangers).toEqual([]);
});

it('nobody acts without a token, with a wrong one, or without a session', async () => {
  const review = await reviewIn('pending', 'LOW');
  const url = `/v1/reviews/${review.reviewId}/decisions`;
  const body = { act: 'reject', justification: 'x', view_digest: review.viewDigest };
  for (const authorization of [undefined, 'Bearer so_0123456789abcdef_x', 'Basic YTpi']) {
    const headers = authorization === undefined ? {} : { authorization };
    const answer = await server.inject({ method: 'POST', url, headers, payload: body });
    expect(answer.statusCode).toBe(401);
  }
  const stranger = createVisitor(server);
  const answer = await stranger.post(`/console/reviews/${review.reviewId}/decisions`, {});
  expect([303, 403]).toContain(answer.statusCode);
});
