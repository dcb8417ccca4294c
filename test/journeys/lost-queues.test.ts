/**
 * The queue store refuses, is emptied while nobody works, and is emptied under load: nothing that was answered with 202
 * and nothing that people decided is lost, and nobody has to lift a hand.
 */
import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import type pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createDecide } from '../../src/actors/decision.ts';
import { createGapWatch } from '../../src/actors/gap-watch.ts';
import { createReconciler } from '../../src/actors/reconciler.ts';
import { createResender } from '../../src/actors/resend.ts';
import { startAdmin, startWork } from '../../src/compose.ts';
import { isRefusal } from '../../src/domain/problem.ts';
import { silentLog } from '../../src/domain/log.ts';
import type { PersonId, ReviewId } from '../../src/domain/ids.ts';
import { queueNames } from '../../src/queues/pipeline.ts';
import type { Target } from '../../src/targets/target.ts';
import { modelOf, policyOf } from '../support/documents.ts';
import { queueStores } from '../support/queue-stores.ts';
import { type OwnRedis, startRedis } from '../support/redis.ts';
import { openWeighedDatabase, type WeighedDatabase } from '../support/weighed.ts';
import { type JourneyGround, openGround, until } from './foundation.ts';

const TEST_MS_MAX = 180_000;
const EVENTS = 60;

/** A queue store of this test alone, so that it may be broken. */
interface FragileStore {
  refuse(): Promise<void>;
  recover(): Promise<void>;
  empty(): Promise<void>;
}

function fragileRedis(redis: Redis): FragileStore {
  return {
    refuse: async () => void (await redis.config('SET', 'maxmemory', '1')),
    recover: async () => void (await redis.config('SET', 'maxmemory', '0')),
    empty: async () => void (await redis.flushall()),
  };
}

function fragilePostgres(client: pg.Client): FragileStore {
  return {
    refuse: async () =>
      void (await client.query('revoke insert on bullmq.job from sentinelops_queue')),
    recover: async () =>
      void (await client.query('grant insert on bullmq.job to sentinelops_queue')),
    empty: async () => void (await client.query('delete from bullmq.job')),
  };
}

describe.each(queueStores)('when the queues on $name fail', (store) => {
  let weighed: WeighedDatabase;
  let ground: JourneyGround;
  let own: OwnRedis | undefined;
  let redis: Redis | undefined;
  let queues: FragileStore;
  const stops: (() => Promise<void>)[] = [];

  beforeAll(async () => {
    weighed = await openWeighedDatabase();
    await weighed.load(
      [policyOf('watch')],
      // Low risk, which one person may decide alone.
      [modelOf({ thresholds: { MEDIUM: 70, HIGH: 80, CRITICAL: 90 } })],
    );
    if (store.name === 'redis') {
      own = await startRedis();
      redis = new Redis(own.url);
      queues = fragileRedis(redis);
    } else {
      queues = fragilePostgres(weighed.client);
    }
    ground = await openGround({ ...store, redisUrl: async () => own?.url }, weighed.test);
  });
  afterEach(async () => {
    for (const stop of stops.splice(0).toReversed()) await stop();
  });
  afterAll(async () => {
    redis?.disconnect();
    await ground.close();
    await own?.stop();
  });

  async function startActors(): Promise<void> {
    const target: Target = {
      name: 'audit-log',
      kind: 'log',
      idempotent: true,
      deliver: () => Promise.resolve({ kind: 'acknowledged', detail: 'done', answer: {} }),
    };
    const work = await startWork(ground, {
      queues: queueNames,
      targets: () => Promise.resolve([target]),
      onHalt: (error) => {
        throw error;
      },
    });
    stops.push(work.drain);
  }

  function startQuickReconciler(): void {
    const { broker, sessions } = ground;
    const database = sessions.single('audit');
    const reconciler = createReconciler({
      database,
      gaps: createGapWatch({ database, log: silentLog }),
      resender: createResender({ broker, log: silentLog, graceMs: 2_000, graceEmptyMs: 200 }),
      broker,
      log: silentLog,
      timing: { intervalMs: 500, soonMs: 200, askMs: 100 },
    });
    reconciler.start();
    stops.push(async () => {
      await reconciler.stop();
      await database.close();
    });
  }

  async function startHttp(): Promise<(bad: boolean) => Promise<number>> {
    const admin = await startAdmin(ground, { port: 0 });
    stops.push(admin.stop);
    return async (bad) => {
      const response = await fetch(`${admin.url}/v1/events`, {
        method: 'POST',
        headers: { 'content-type': 'application/cloudevents+json' },
        body: JSON.stringify({
          specversion: '1.0',
          source: 'acme',
          id: randomUUID(),
          type: 'com.example.thing',
          subject: 'a thing',
          data: { bad },
        }),
      });
      return response.status;
    };
  }

  const send = (post: (bad: boolean) => Promise<number>, count: number) =>
    Promise.all(Array.from({ length: count }, (_, index) => post(index % 10 === 0)));

  /** Everything that was accepted is evaluated, has its review where one is due, and is in the ledger. */
  async function everythingSettled(): Promise<void> {
    await until(
      'the end of every event',
      async () => {
        const { events, evaluated, advisories, reviews, unledgered } = await ground.counts();
        const advised = Object.values(advisories).reduce((sum, count) => sum + count, 0);
        const isDone = evaluated === events && reviews === advised && unledgered === 0;
        return isDone ? true : undefined;
      },
      ground.counts,
      TEST_MS_MAX,
    );
  }

  it(
    'events over HTTP are accepted all the same, and go on once the store takes jobs again',
    async () => {
      await startActors();
      startQuickReconciler();
      const post = await startHttp();
      await queues.refuse();
      try {
        expect(new Set(await send(post, EVENTS))).toEqual(new Set([202]));
        expect(await ground.counts()).toMatchObject({ events: EVENTS, assessed: 0 });
      } finally {
        await queues.recover();
      }
      await everythingSettled();
    },
    TEST_MS_MAX,
  );

  it(
    'what waited in them while nobody worked is sent again',
    async () => {
      const post = await startHttp();
      expect(new Set(await send(post, EVENTS))).toEqual(new Set([202]));
      expect((await ground.broker.backlog('risk')).jobs).toBeGreaterThan(0);
      await queues.empty();
      expect((await ground.broker.backlog('risk')).jobs).toBe(0);
      await startActors();
      startQuickReconciler();
      await everythingSettled();
      expect(await ground.counts()).toMatchObject({ events: 2 * EVENTS, assessed: 2 * EVENTS });
    },
    TEST_MS_MAX,
  );

  it(
    'nothing is lost under load, however often they are emptied',
    async () => {
      await startActors();
      startQuickReconciler();
      const post = await startHttp();
      for (let round = 0; round < 5; round += 1) {
        const [statuses] = await Promise.all([send(post, EVENTS), queues.empty()]);
        expect(new Set(statuses)).toEqual(new Set([202]));
        await queues.empty();
      }
      await everythingSettled();
      expect(await ground.counts()).toMatchObject({ events: 7 * EVENTS, deadLetters: 0 });
    },
    TEST_MS_MAX,
  );

  it(
    'what people decided meanwhile is recorded and executed, once',
    async () => {
      await startActors();
      const decide = createDecide({
        database: ground.sessions.of('decision'),
        send: () => Promise.reject(new Error('Connection is closed.')),
        log: silentLog,
      });
      const { rows: open } = await weighed.client.query<{ id: ReviewId; digest: string }>(
        `select review_id as id, view_digest as digest from decision.decision where decision_type = 'pending'`,
      );
      const person = await administrator();
      await until('the heartbeat of the ledger', async () => {
        const { rows } = await weighed.client.query<{ healthy: boolean }>(
          'select healthy from audit.ledger_health',
        );
        return rows[0]?.healthy === true ? true : undefined;
      });
      for (const { id, digest } of open) {
        const answer = await decide({
          personId: person,
          reviewId: id,
          act: 'approve',
          option: 'mend',
          role: undefined,
          justification: 'Looked into it.',
          viewDigest: digest,
        });
        if (isRefusal(answer)) throw new Error(answer.detail);
      }
      startQuickReconciler();
      await until(
        'the end of every execution',
        async () => {
          const { executions, unledgered } = await ground.counts();
          const isDone = executions['acknowledged'] === open.length && unledgered === 0;
          return isDone ? true : undefined;
        },
        ground.counts,
      );
      expect(open.length).toBe((7 * EVENTS) / 10);
      expect(await ground.verdict()).toMatchObject({ status: 'OK' });
    },
    TEST_MS_MAX,
  );

  async function administrator(): Promise<PersonId> {
    const { rows } = await weighed.client.query<{ id: PersonId }>(
      `with made as (
         insert into identity.person (person_id, name) values (gen_random_uuid(), 'carol') returning person_id)
       insert into identity.role_grant (person_id, role) select person_id, 'Administrator' from made
       returning person_id as id`,
    );
    return rows[0]!.id;
  }
});
