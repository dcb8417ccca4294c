import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Hop, hops, type HopSearch, searchFrom } from '../../src/domain/gap.ts';
import type { Database, Session } from '../../src/stores/database.ts';
import { confirmLead, openGapStore, stopLeading, tryToLead } from '../../src/stores/gaps.ts';
import { cloneDatabase, type TestDatabase } from '../support/database.ts';
import { type Facts, openFacts } from '../support/facts.ts';

let clone: TestDatabase;
let database: Database;
let client: pg.Client;
let facts: Facts;
beforeAll(async () => {
  clone = await cloneDatabase();
  client = await clone.superuser();
  facts = await openFacts(client);
  database = clone.open('audit');
});
afterAll(() => clone.close());

const EVERYTHING: HopSearch = { fromMs: -Infinity, known: [] };
const look = (hop: Hop, range = EVERYTHING, ids: readonly string[] = []) =>
  database.transact((tx) => openGapStore(tx).open(hop, range, ids));

describe('gaps of a hop', () => {
  it('are listed oldest first, with their ages and how many there are', async () => {
    const events = [await facts.evaluation(), await facts.evaluation(), await facts.evaluation()];
    const { listed, open } = await look('review');
    expect(open).toBe(3);
    expect(listed.map(({ id }) => id)).toEqual(events.map(({ evaluationId }) => evaluationId));
    expect(listed.map(({ type }) => type)).toEqual([null, null, null]);
    expect(listed[0]!.ageMs).toBeGreaterThan(listed[2]!.ageMs);
  });

  it('are those of the range of a search, those that it knows, and those that it is asked about', async () => {
    const [first, second, third] = (await look('review')).listed;
    const fromMs = Date.parse(third!.since);
    const range = { fromMs, known: [] };
    expect((await look('review', range)).listed).toMatchObject([{ id: third!.id }]);
    expect((await look('review', { fromMs, known: [first!.id] })).open).toBe(2);
    expect((await look('review', { fromMs, known: [first!.id] }, [second!.id])).open).toBe(3);
    expect((await look('review', range, [third!.id])).open).toBe(1);
  });

  it('have a type where their message names one', async () => {
    const { listed } = await look('entry');
    expect(new Set(listed.map(({ type }) => type))).toEqual(
      new Set(['ADVISORY', 'EVENT', 'RISK_ASSESSMENT']),
    );
  });

  it('can be asked for in every hop, both ways', async () => {
    const found = await database.transact(async (tx) => {
      const store = openGapStore(tx);
      const counts: number[] = [];
      for (const plan of [() => store.lookAtAll(), () => store.lookBack(30_000)]) {
        await plan();
        for (const hop of hops) {
          counts.push((await store.open(hop, searchFrom(-Infinity).hops.get(hop)!)).open);
        }
      }
      return counts;
    });
    expect(found.slice(0, hops.length)).toEqual(found.slice(hops.length));
    expect(found[hops.indexOf('review')]).toBe(3);
  });
});

describe('messages that were sent again', () => {
  it('are known from then on, however old their rows are', async () => {
    const { eventId } = await facts.evaluation();
    await client.query(
      `select event.keep_dead_letters(array[gen_random_uuid()], array['ledger'], array[$1::text], array[null], array[null],
         array[null]::uuid[], array['fails_every_time'], array['failed'], array[null], array[5], array[null]::bytea[], array[0],
         array[null])`,
      [eventId],
    );
    const redriven = (sinceMs: number) =>
      database.transact((tx) => openGapStore(tx).redrivenSince(sinceMs));
    expect(await redriven(-Infinity)).toEqual([]);
    await client.query('update event.dead_letter set redriven_at = now()');
    expect(await redriven(-Infinity)).toEqual([eventId]);
    expect(await redriven(Date.now() + 60_000)).toEqual([]);
  });
});

describe('the moment of a look', () => {
  it('tells whether those who were writing at an earlier one have ended', async () => {
    const moment = () => database.transact((tx) => openGapStore(tx).moment());
    const writer = await clone.superuser();
    await writer.query('begin');
    await writer.query(
      `insert into identity.person (person_id, name) values (gen_random_uuid(), 'somebody')`,
    );
    const before = await moment();
    expect((await moment()).oldestWriter < before.nextWriter).toBe(true);
    await writer.query('commit');
    await expect.poll(async () => (await moment()).oldestWriter >= before.nextWriter).toBe(true);
  });
});

describe('the ledger', () => {
  it('is healthy as long as its heartbeat is', async () => {
    const healthy = () => database.transact((tx) => openGapStore(tx).isLedgerHealthy());
    expect(await healthy()).toBe(true);
    await facts.ledgerBeat(60);
    expect(await healthy()).toBe(false);
    await client.query('delete from ledger.heartbeat');
    expect(await healthy()).toBe(false);
  });
});

describe('the lead', () => {
  /** Holds a session until it is told to let go. */
  async function holding(work: (session: Session) => Promise<void>) {
    const letGo = Promise.withResolvers<void>();
    const held = Promise.withResolvers<void>();
    const done = database.hold(async (session) => {
      await work(session);
      held.resolve();
      await letGo.promise;
      await stopLeading(session).catch(() => undefined);
    });
    await Promise.race([held.promise, done]);
    return async () => {
      letGo.resolve();
      await done.catch(() => undefined);
    };
  }
  const leads = (session: Session) => tryToLead(session, 60_000);

  it('is held by one session at a time, and can be given up', async () => {
    const seen: boolean[] = [];
    const letGo = await holding(async (session) => {
      seen.push(await leads(session));
      await confirmLead(session);
    });
    await database.hold(async (session) => {
      seen.push(await leads(session));
    });
    await letGo();
    await database.hold(async (session) => {
      seen.push(await leads(session));
      await stopLeading(session);
    });
    expect(seen).toEqual([true, false, true]);
  });

  it('ends with the session that holds it', async () => {
    let stillLeads: Promise<void> | undefined;
    const letGo = await holding(async (session) => {
      expect(await leads(session)).toBe(true);
      await client.query(
        `select pg_terminate_backend(pid) from pg_locks join pg_stat_activity using (pid)
         where locktype = 'advisory' and granted and datname = current_database()`,
      );
      stillLeads = confirmLead(session);
      await expect(stillLeads).rejects.toThrow();
    });
    await database.hold(async (session) => {
      expect(await leads(session)).toBe(true);
      await stopLeading(session);
    });
    await letGo();
  });

  it('ends when its holder asks the server nothing for too long', async () => {
    const letGo = await holding(async (session) => {
      expect(await tryToLead(session, 50)).toBe(true);
    });
    await expect
      .poll(() =>
        database.hold(async (session) => {
          const led = await leads(session);
          if (led) await stopLeading(session);
          return led;
        }),
      )
      .toBe(true);
    await letGo();
  });
});
