import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Actor, forward, Halt, reject, settle, Unavailable } from '../../src/actors/actor.ts';
import { type RunningActor, runActor } from '../../src/actors/runtime.ts';
import { silentLog } from '../../src/domain/log.ts';
import { systemClock } from '../../src/domain/time.ts';
import type { Broker } from '../../src/queues/broker.ts';
import type { Database, Tx } from '../../src/stores/database.ts';
import { cloneDatabase, type TestDatabase } from '../support/database.ts';
import { queueStores } from '../support/queue-stores.ts';

type Receive = Actor<'risk', Tx>['receive'];

/** An actor of the risk queue that keeps each id in a table of its own and forwards it. */
const keepAndForward: Receive = async (messages, tx) => {
  await keep(
    tx,
    messages.map(({ eventId }) => eventId),
  );
  return messages.map(({ eventId }) => forwarded(eventId));
};

async function keep(tx: Tx, ids: readonly string[]): Promise<void> {
  await sql`insert into risk.probe (id) select id from unnest(${ids}::uuid[]) as id order by 1
    on conflict do nothing`.execute(tx);
}

const forwarded = (eventId: string) =>
  forward({ queue: 'advisory', message: { assessmentId: eventId } });

const newId = (): string => randomUUID();

describe.each(queueStores)('on $name', (store) => {
  let clone: TestDatabase;
  let database: Database;
  let broker: Broker;
  let running: RunningActor | undefined;
  let advised: string[];
  let stopAdvised: () => Promise<void>;
  const seen: { is: () => boolean; resolve: () => void }[] = [];

  const look = () => {
    for (const { is, resolve } of seen) if (is()) resolve();
  };
  /** Resolves when `is` holds; looked at after every job of the next queue and every batch of the actor. */
  const until = (is: () => boolean) =>
    new Promise<void>((resolve) => {
      seen.push({ is, resolve });
      look();
    });

  beforeEach(async () => {
    clone = await cloneDatabase();
    const superuser = await clone.superuser();
    await superuser.query(
      "create table risk.probe (id uuid primary key check (id <> '00000000-0000-4000-8000-00000000dead'))",
    );
    await superuser.query('grant select, insert on risk.probe to sentinelops_risk');
    database = clone.open('risk');
    broker = await store.connect(clone);
    advised = [];
    const consumer = await broker.consume('advisory', async ({ content }) => {
      const { messages } = content as { messages: { assessmentId: string }[] };
      advised.push(...messages.map(({ assessmentId }) => assessmentId));
      look();
      await Promise.resolve();
    });
    stopAdvised = consumer.stop;
  });

  afterEach(async () => {
    await running?.drain();
    running = undefined;
    await stopAdvised();
    await broker.close();
    await clone.close();
    seen.length = 0;
  });

  async function run(receive: Receive, watch: { onHalt?: (error: Error) => void } = {}) {
    running = await runActor({
      actor: { queue: 'risk', domain: 'risk', openStore: (tx) => tx, receive },
      database,
      broker,
      clock: systemClock,
      log: silentLog,
      onBatch: look,
      ...watch,
    });
    return running;
  }

  const kept = async (): Promise<string[]> => {
    const { rows } = await database.transact((tx) =>
      sql<{ id: string }>`select id from risk.probe order by id`.execute(tx),
    );
    return rows.map(({ id }) => id);
  };

  const deadLetters = async () => {
    const superuser = await clone.superuser();
    const { rows } = await superuser.query<{
      reason: string;
      message_id: string | null;
      claims: number;
    }>('select reason, message_id, claims, error_class from event.dead_letter order by message_id');
    return rows;
  };

  const send = (...eventIds: string[]) =>
    broker.sender('risk')(eventIds.map((eventId) => ({ eventId })));

  it('keeps a batch and hands it on', async () => {
    await run(keepAndForward);
    const ids = Array.from({ length: 40 }, newId);
    await Promise.all(ids.map((id) => send(id)));
    await until(() => advised.length >= 40);
    expect(advised.sort()).toEqual([...ids].sort());
    expect(await kept()).toEqual([...ids].sort());
  });

  it('forwards a repeat again, since its successor may have been lost', async () => {
    await run(keepAndForward);
    const id = newId();
    await send(id);
    await until(() => advised.length >= 1);
    await send(id);
    await until(() => advised.length >= 2);
    expect(advised).toEqual([id, id]);
    expect(await kept()).toEqual([id]);
  });

  it('isolates the one message that the database refuses, and the others go through', async () => {
    await run(keepAndForward);
    const poison = '00000000-0000-4000-8000-00000000dead';
    const good = Array.from({ length: 9 }, newId);
    await send(...good.slice(0, 4), poison, ...good.slice(4));
    await until(() => advised.length >= 9);
    expect(advised.sort()).toEqual([...good].sort());
    expect(await deadLetters()).toMatchObject([
      {
        reason: 'refused_by_database',
        message_id: poison,
        error_class: expect.stringContaining('23514'),
      },
    ]);
  });

  it('keeps what the actor rejects beside what it forwards', async () => {
    const [good, bad] = [newId(), newId()];
    await run(async (messages, tx) => {
      await keep(tx, [good]);
      return messages.map(({ eventId }) =>
        eventId === bad ? reject('unknown_id', 'no such event') : forwarded(eventId),
      );
    });
    await send(bad, good);
    await until(() => advised.length >= 1);
    expect(await deadLetters()).toMatchObject([
      { reason: 'unknown_id', message_id: bad, claims: 1 },
    ]);
  });

  it('keeps malformed messages and jobs of an unknown version, and goes on', async () => {
    await run(keepAndForward);
    const id = newId();
    await broker.publish('risk', 'foreign-1', { v: 9, messages: [] });
    await broker.publish('risk', 'foreign-2', {
      v: 1,
      messages: [{ eventId: 'no uuid' }, { eventId: id }],
    });
    await until(() => advised.includes(id));
    await running?.drain();
    expect((await deadLetters()).map(({ reason }) => reason).sort()).toEqual([
      'malformed_message',
      'unknown_job_version',
    ]);
  });

  it('retries a transient fault and records nothing of it', async () => {
    let failures = 2;
    await run(async (messages, tx, clock) => {
      if (failures-- > 0) throw new Unavailable('no active policy');
      return keepAndForward(messages, tx, clock);
    });
    const id = newId();
    await send(id);
    await until(() => advised.length >= 1);
    expect(await deadLetters()).toEqual([]);
  });

  it('does not blame messages that all fail alike', async () => {
    let failures = 1;
    await run(async (messages, tx, clock) => {
      if (failures > 0) {
        if (messages.length === 1) failures -= 0.5;
        throw new TypeError('a bug of ours');
      }
      return keepAndForward(messages, tx, clock);
    });
    const ids = [newId(), newId()];
    await send(...ids);
    await until(() => advised.length >= 2);
    expect(advised.sort()).toEqual([...ids].sort());
    expect(await deadLetters()).toEqual([]);
  });

  it('gives up a message that fails for no known reason after five claims', async () => {
    const bad = newId();
    let tries = 0;
    await run(async (messages, tx, clock) => {
      if (messages.some(({ eventId }) => eventId === bad)) {
        tries += 1;
        look();
        throw new TypeError('not this one');
      }
      return keepAndForward(messages, tx, clock);
    });
    await send(bad);
    const good = newId();
    await send(good);
    await until(() => advised.includes(good) && tries >= 5);
    await running?.drain();
    expect(await deadLetters()).toMatchObject([
      { reason: 'fails_every_time', message_id: bad, claims: 5 },
    ]);
  });

  it('stops itself when a promise of ours is broken, and dead-letters nothing', async () => {
    const halted = Promise.withResolvers<Error>();
    await run(
      async () => {
        await Promise.resolve();
        throw new Halt('two hashes of one row');
      },
      { onHalt: halted.resolve },
    );
    await send(newId());
    expect((await halted.promise).message).toBe('two hashes of one row');
    expect(running?.isRunning()).toBe(false);
    expect(await deadLetters()).toEqual([]);
  });

  it('finishes the batch under way when it is drained', async () => {
    const started = Promise.withResolvers<void>();
    const release = Promise.withResolvers<void>();
    const id = newId();
    await run(async (messages, tx) => {
      started.resolve();
      await release.promise;
      await keep(tx, [id]);
      return messages.map(() => settle());
    });
    await send(id);
    await started.promise;
    const draining = running!.drain();
    release.resolve();
    await draining;
    expect(await kept()).toEqual([id]);
  });
});
