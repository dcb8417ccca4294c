/**
 * "Failure is safe", row by row, on the processes of the Procfile: while something is away nothing is decided or
 * delivered that must not be, whoever asks gets a clear answer within a second, and everything goes on by itself when it
 * is back.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../journeys/foundation.ts';
import { openRunFolder } from './journal.ts';
import { EVENT_TYPES } from './load/documents.ts';
import type { ChaosPerson } from './load/reviewers.ts';
import { loadPolicies, loadRiskModel, prepareParties, type Setting } from './load/setting.ts';
import { SOURCES } from './load/submissions.ts';
import { startSystem, type System, untilAtWork } from './system/system.ts';

const ANSWER_MS_MAX = 1_000;
/** A reconciler looks every 30 s, and at what is as old. */
const HEAL_MS_MAX = 120_000;
const TEST_MS_MAX = 300_000;
/** For what would happen if anything did: several claims of a job, several turns of the dispatcher. */
const LONG_ENOUGH_MS = 3_000;

let directory: string;
let system: System;
let setting: Setting;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sentinelops-fail-safe-'));
  system = await startSystem({ folder: await openRunFolder(join(directory, 'run')), directory });
  setting = await prepareParties(system.postgres.url);
  await untilAtWork(system.instances());
}, TEST_MS_MAX);
afterAll(async () => {
  await system.stop();
  await rm(directory, { recursive: true, force: true });
}, TEST_MS_MAX);

interface Answer {
  readonly status: number;
  readonly retryAfter: string | null;
  readonly body: Readonly<Record<string, unknown>>;
  readonly ms: number;
}

async function call(path: string, headers: Record<string, string>, body?: object): Promise<Answer> {
  const startedMs = performance.now();
  const response = await fetch(`${system.httpUrls()[0]}${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const { status } = response;
  const retryAfter = response.headers.get('retry-after');
  const answer = (await response.json()) as Readonly<Record<string, unknown>>;
  return { status, retryAfter, body: answer, ms: performance.now() - startedMs };
}

let sent = 0;

/** Sends an event that a policy takes up. Its risk is low when a model is in force. */
async function submit(): Promise<Answer & { readonly eventId: string }> {
  sent += 1;
  const answer = await call(
    '/v1/events',
    { 'content-type': 'application/cloudevents+json' },
    {
      ...{ specversion: '1.0', source: SOURCES.open, id: `fail-safe-${sent}` },
      ...{ type: EVENT_TYPES.act, subject: `thing-${sent}` },
      data: { act: true, verdict: 'accept', weight: 0 },
    },
  );
  return { ...answer, eventId: String(answer.body['event_id']) };
}

interface Review {
  readonly review_id: string;
  readonly view_digest: string;
  readonly risk_level: string;
}

const personIn = (role: string, index = 0) =>
  setting.people.filter((person) => person.role === role)[index]!;
const headersOf = ({ token }: ChaosPerson) => ({
  authorization: `Bearer ${token}`,
  'content-type': 'application/json',
});

/** Of the event, as the one who may decide about it sees it. */
async function reviewOf(eventId: string): Promise<Review> {
  const { review_id } = await row<{ review_id: string }>(
    `a review of event ${eventId}`,
    `select review_id from audit.review where event_id = '${eventId}'`,
  );
  const { body } = await call(`/v1/reviews/${review_id}`, headersOf(personIn('Administrator')));
  return body as unknown as Review;
}

function act(what: string, person: ChaosPerson, review: Review): Promise<Answer> {
  const justification = `I, ${person.name}, ${what} this.`;
  return call(`/v1/reviews/${review.review_id}/decisions`, headersOf(person), {
    ...{ act: what, role: person.role, option: 'apply', justification },
    view_digest: review.view_digest,
  });
}

/** One administrator is enough for a low risk. */
const approve = (review: Review) => act('approve', personIn('Administrator'), review);

/** The first row that a query finds, waited for while nothing is done to help. */
function row<Row extends object>(what: string, sql: string): Promise<Row> {
  const find = async () => {
    const found = await system.postgres
      .withClient((client) => client.query<Row & pg.QueryResultRow>(sql))
      .catch(() => undefined);
    return found?.rows[0];
  };
  return until(what, find, undefined, HEAL_MS_MAX);
}

const executed = (eventId: string) =>
  row<{ attempts: number }>(
    `the acknowledged execution of event ${eventId} with its entry`,
    `select (select count(*)::integer from audit.attempt t where t.execution_id = x.execution_id) as attempts
     from audit.execution x join audit.ledger_entry l
       on l.entry_type = 'EXECUTION' and l.linked_entity_id = x.execution_id
     where x.event_id = '${eventId}' and x.execution_status = 'acknowledged'`,
  );

/** What may not move while something is away. */
async function deeds() {
  const { finalised, attempts } = await row<{ finalised: number; attempts: number }>(
    'the deeds',
    `select (select count(*)::integer from audit.decision where finalized_at is not null) as finalised,
       (select count(*)::integer from audit.attempt) as attempts`,
  );
  return { finalised, attempts, effects: system.receiver.effects() };
}

const pause = () => new Promise((resolve) => setTimeout(resolve, LONG_ENOUGH_MS));

describe('while no policy is in force', () => {
  it(
    'events are accepted and none is called compliant; they go on when there is one',
    async () => {
      await loadRiskModel(system.postgres.url, setting, 1);
      const { status, ms, eventId } = await submit();
      expect(status).toBe(202);
      expect(ms).toBeLessThan(ANSWER_MS_MAX);
      const assessed = `select from audit.risk_assessment where event_id = '${eventId}'`;
      await row('the assessment', assessed);
      await pause();
      const { evaluations } = await row<{ evaluations: number }>(
        'the evaluations',
        `select count(*)::integer as evaluations from audit.evaluation`,
      );
      expect(evaluations).toBe(0);
      expect(await deeds()).toEqual({ finalised: 0, attempts: 0, effects: 0 });

      await loadPolicies(system.postgres.url, setting, 1);
      const review = await reviewOf(eventId);
      expect(review.risk_level).toBe('LOW');
      expect(await approve(review)).toMatchObject({ status: 201 });
      await executed(eventId);
    },
    TEST_MS_MAX,
  );
});

describe('while no risk model is in force', () => {
  /** No command of ours takes a model out of force without another one. */
  const retire = () =>
    system.postgres.withClient((client) =>
      client.query(`update risk.risk_model set status = 'superseded', active_to = clock_timestamp()
        where status = 'active'`),
    );

  it(
    'an event has an unknown risk, which only an override acts on, and the next one is weighed again',
    async () => {
      const before = await deeds();
      await retire();
      try {
        const { status, eventId } = await submit();
        expect(status).toBe(202);
        const review = await reviewOf(eventId);
        expect(review.risk_level).toBe('UNKNOWN');
        for (const role of ['Administrator', 'Senior Authority']) {
          expect(await act('approve', personIn(role), review)).toMatchObject({ status: 201 });
        }
        const refused = await act('approve', personIn('Compliance Officer'), review);
        expect(refused).toMatchObject({ status: 422 });
        expect(refused.ms).toBeLessThan(ANSWER_MS_MAX);
        await pause();
        expect(await deeds()).toEqual(before);
        const overriding = await act('override', personIn('Governance Board', 1), review);
        expect(overriding).toMatchObject({ status: 201 });
        await executed(eventId);
      } finally {
        await loadRiskModel(system.postgres.url, setting, 2);
      }
      expect((await reviewOf((await submit()).eventId)).risk_level).toBe('LOW');
    },
    TEST_MS_MAX,
  );
});

describe('while the ledger does not answer', () => {
  it(
    'nothing is finalised and nothing is sent, and people are told why',
    async () => {
      const { eventId } = await submit();
      const review = await reviewOf(eventId);
      await system.postgres.withClient(async (client) => {
        await client.query('begin; lock table ledger.ledger_entry in access exclusive mode');
        await row('a ledger out of health', `select from audit.ledger_health where not healthy`);
        const before = await deeds();
        const refused = await approve(review);
        expect(refused).toMatchObject({ status: 503, retryAfter: expect.any(String) });
        expect(refused.body['type']).toMatch(/ledger.unavailable/);
        expect(refused.ms).toBeLessThan(ANSWER_MS_MAX);
        expect((await submit()).status).toBe(202);
        await pause();
        expect(await deeds()).toEqual(before);
        await client.query('rollback');
      });
      await row('a healthy ledger', `select from audit.ledger_health where healthy`);
      expect(await approve(review)).toMatchObject({ status: 201 });
      await executed(eventId);
    },
    TEST_MS_MAX,
  );
});

describe('while the target fails', () => {
  it(
    'what was approved is tried again, visibly, until it has its effect once',
    async () => {
      const { eventId } = await submit();
      const before = await deeds();
      system.receiver.misbehave('answers 500');
      expect(await approve(await reviewOf(eventId))).toMatchObject({ status: 201 });
      await row(
        'an attempt that failed',
        `select from audit.attempt t join audit.execution x using (execution_id)
         where x.event_id = '${eventId}' and t.outcome is not null and x.completed_at is null`,
      );
      expect(system.receiver.effects()).toBe(before.effects);
      system.receiver.misbehave(undefined);
      expect((await executed(eventId)).attempts).toBeGreaterThan(1);
      expect(system.receiver.effects()).toBe(before.effects + 1);
    },
    TEST_MS_MAX,
  );
});

describe('while the queue store is away', () => {
  it(
    'HTTP goes on accepting events and decisions, nothing is delivered, and all of it goes on by itself',
    async () => {
      const review = await reviewOf((await submit()).eventId);
      const { effects } = await deeds();
      await system.redis().kill();
      const decided = await approve(review);
      const accepted = await submit();
      for (const { status, ms } of [decided, accepted]) {
        expect(status).toBeGreaterThanOrEqual(200);
        expect(status).toBeLessThan(300);
        expect(ms).toBeLessThan(ANSWER_MS_MAX);
      }
      await pause();
      expect(system.receiver.effects()).toBe(effects);

      await system.redis().start();
      expect((await reviewOf(accepted.eventId)).risk_level).toBe('LOW');
      await until(
        'the delivery of what was decided meanwhile',
        async () => (system.receiver.effects() === effects + 1 ? true : undefined),
        undefined,
        HEAL_MS_MAX,
      );
    },
    TEST_MS_MAX,
  );
});

describe('while Postgres is away', () => {
  it(
    'nothing is accepted or decided, everybody is told to come again, and nothing is lost',
    async () => {
      const { eventId } = await submit();
      const review = await reviewOf(eventId);
      const { effects } = await deeds();
      const underWay = await submit();
      await system.postgres.shutDown('immediate');
      const refusals = [await submit(), await approve(review)];
      for (const refused of refusals) {
        expect(refused).toMatchObject({ status: 503, retryAfter: expect.any(String) });
        expect(refused.ms).toBeLessThan(ANSWER_MS_MAX);
      }
      await pause();
      expect(system.receiver.effects()).toBe(effects);

      await system.postgres.start();
      expect((await reviewOf(underWay.eventId)).risk_level).toBe('LOW');
      const approved = await until(
        'an approval',
        async () => {
          const answer = await approve(review);
          return answer.status === 503 ? undefined : answer;
        },
        undefined,
        HEAL_MS_MAX,
      );
      expect(approved).toMatchObject({ status: 201 });
      await executed(eventId);
    },
    TEST_MS_MAX,
  );
});
