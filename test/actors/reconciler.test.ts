import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createGapWatch } from '../../src/actors/gap-watch.ts';
import {
  createReconciler,
  type PassReport,
  type Reconciler,
  type ReconcilerOptions,
} from '../../src/actors/reconciler.ts';
import { createResender } from '../../src/actors/resend.ts';
import { silentLog } from '../../src/domain/log.ts';
import type { Broker } from '../../src/queues/broker.ts';
import type { Database } from '../../src/stores/database.ts';
import { cloneDatabase, type TestDatabase } from '../support/database.ts';
import { type Facts, openFacts } from '../support/facts.ts';
import { queueStores } from '../support/queue-stores.ts';

/** So short that a test need not wait, and so long that nothing happens by itself. */
const QUICK = { intervalMs: 20, soonMs: 20, askMs: 20 };
const RARE = { intervalMs: 3_600_000, soonMs: 3_600_000, askMs: 20 };

describe.each(queueStores)('a reconciler on $name', (store) => {
  let clone: TestDatabase;
  let database: Database;
  let client: pg.Client;
  let facts: Facts;
  let broker: Broker;
  let running: Reconciler[];
  let passes: PassReport[];
  let sent: string[];
  let look: () => void;
  let stopTaking: () => Promise<void>;

  beforeEach(async () => {
    clone = await cloneDatabase();
    database = clone.open('audit');
    client = await clone.superuser();
    facts = await openFacts(client);
    broker = await store.connect(clone);
    running = [];
    passes = [];
    sent = [];
    look = () => undefined;
    const taking = await broker.consume('awaiting-decision', async ({ content }) => {
      const { messages } = content as { messages: { id: string }[] };
      sent.push(...messages.map(({ id }) => id));
      look();
      await Promise.resolve();
    });
    stopTaking = taking.stop;
  });
  afterEach(async () => {
    await Promise.all(running.map((reconciler) => reconciler.stop()));
    await stopTaking();
    await broker.close();
    await clone.close();
  });

  function start(options: Partial<ReconcilerOptions> = {}, graceMs = 0): Reconciler {
    const reconciler = createReconciler({
      database,
      gaps: createGapWatch({ database, log: silentLog }),
      resender: createResender({ broker, log: silentLog, graceMs: 1_000, graceEmptyMs: graceMs }),
      broker,
      log: silentLog,
      timing: QUICK,
      onPass: (report) => {
        passes.push(report);
        look();
      },
      ...options,
    });
    running.push(reconciler);
    reconciler.start();
    return reconciler;
  }

  /** Resolves when `is` holds; looked at after every pass and every job that arrives. */
  const until = (is: () => boolean) =>
    new Promise<void>((resolve) => {
      const before = look;
      look = () => {
        before();
        if (is()) resolve();
      };
      look();
    });

  it('sends again what was committed and never handed on', async () => {
    const { evaluationId } = await facts.evaluation();
    start();
    await until(() => sent.includes(evaluationId));
  });

  it('leaves alone what is younger than the grace period', async () => {
    await facts.evaluation();
    start({}, 3_600_000);
    await until(() => passes.length >= 3);
    expect(passes.every(({ hops }) => hops.every((hop) => hop.sent === 0))).toBe(true);
    expect(passes[0]!.hops.find(({ hop }) => hop === 'review')?.open).toBe(1);
  });

  it('looks at everything as soon as it leads, so nothing is too old for it', async () => {
    const { evaluationId } = await facts.evaluation();
    await client.query('alter table advisory.advisory disable trigger user');
    await client.query(`update advisory.advisory set created_at = created_at - interval '30 days'`);
    start({ timing: RARE });
    await until(() => sent.includes(evaluationId) && passes.length >= 2);
    expect(passes.map(({ range }) => range)).toEqual(['recent', 'everything']);
    expect(passes[0]!.hops.find(({ hop }) => hop === 'review')).toMatchObject({ open: 0, sent: 0 });
  });

  it('looks at once when the queues are found empty, whatever its interval', async () => {
    await broker.sender('risk')([{ eventId: randomUUID() }]);
    start({ timing: RARE });
    await until(() => passes.length >= 2);
    const { evaluationId } = await facts.evaluation();
    const consumer = await broker.consume('risk', () => Promise.resolve());
    await until(() => sent.includes(evaluationId));
    await consumer.stop();
  });

  it('leads alone; another one takes over when its session is lost', async () => {
    const first = start();
    await expect.poll(() => first.isLeading()).toBe(true);
    const second = start();
    await until(() => passes.length >= 5);
    expect(second.isLeading()).toBe(false);
    await client.query(
      `select pg_terminate_backend(pid) from pg_locks join pg_stat_activity using (pid)
       where locktype = 'advisory' and granted and datname = current_database()
         and application_name = 'sentinelops audit'`,
    );
    await expect.poll(() => first.isLeading() !== second.isLeading()).toBe(true);
    const { evaluationId } = await facts.evaluation();
    await until(() => sent.includes(evaluationId));
  });

  it('gives the lead to another one when it is stopped', async () => {
    const first = start();
    await expect.poll(() => first.isLeading()).toBe(true);
    const second = start();
    await first.stop();
    expect(first.isLeading()).toBe(false);
    await expect.poll(() => second.isLeading()).toBe(true);
  });

  it('goes on after a pass that failed', async () => {
    let failures = 2;
    const gaps = createGapWatch({ database, log: silentLog });
    start({
      gaps: {
        ...gaps,
        look: async (range, session) => {
          failures -= 1;
          if (failures >= 0) throw new Error('Connection terminated');
          return gaps.look(range, session);
        },
      },
    });
    const { evaluationId } = await facts.evaluation();
    await until(() => sent.includes(evaluationId));
    expect(failures).toBeLessThan(0);
  });

  it('may be stopped before it was started, and twice', async () => {
    const reconciler = createReconciler({
      database,
      gaps: createGapWatch({ database, log: silentLog }),
      resender: createResender({ broker, log: silentLog }),
      broker,
      log: silentLog,
    });
    await reconciler.stop();
    reconciler.start();
    await reconciler.stop();
    expect(reconciler.isLeading()).toBe(false);
  });
});
