import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CommitFault, commitSurely } from '../../src/actors/commit.ts';
import type { Database, Tx } from '../../src/stores/database.ts';
import { cloneDatabase, type TestDatabase } from '../support/database.ts';

const connectionLost = () => Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });

describe('a transaction whose outcome must be certain', () => {
  let clone: TestDatabase;
  let database: Database;

  beforeAll(async () => {
    clone = await cloneDatabase();
    database = clone.open('event');
  });
  afterAll(async () => {
    await clone.close();
  });

  const describeSource = (name: string) => async (tx: Tx) => {
    await sql`insert into event.source (source_system, kind, signature_required)
      values (${name}, 'cloudevents', false) on conflict do nothing`.execute(tx);
    return name;
  };

  async function exists(name: string): Promise<boolean> {
    const { rows } = await database.transact((tx) =>
      sql`select from event.source where source_system = ${name}`.execute(tx),
    );
    return rows.length > 0;
  }

  async function faultOf(work: Promise<unknown>): Promise<CommitFault> {
    const fault: unknown = await work.catch((error: unknown) => error);
    if (!(fault instanceof CommitFault)) throw new Error(`not a CommitFault: ${String(fault)}`);
    return fault;
  }

  it('commits', async () => {
    expect(await commitSurely(database, describeSource('plain'))).toBe('plain');
    expect(await exists('plain')).toBe(true);
  });

  it('runs again when a connection is cut before COMMIT', async () => {
    const superuser = await clone.superuser();
    let runs = 0;
    const result = await commitSurely(database, async (tx) => {
      runs += 1;
      const name = await describeSource('cut')(tx);
      if (runs === 1) {
        const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(tx);
        await superuser.query('select pg_terminate_backend($1, 1000)', [rows[0]?.pid]);
      }
      return name;
    });
    expect(result).toBe('cut');
    expect(runs).toBe(2);
    expect(await exists('cut')).toBe(true);
  });

  it('runs again when the reply to COMMIT is lost, and finds what the first run wrote', async () => {
    let runs = 0;
    const deaf: Database = {
      ...database,
      async transact(work) {
        const result = await database.transact(work);
        runs += 1;
        if (runs === 1) throw connectionLost();
        return result;
      },
    };
    expect(await commitSurely(deaf, describeSource('deaf'))).toBe('deaf');
    expect(runs).toBe(2);
  });

  it('says unavailable when it certainly was not committed', async () => {
    const down: Database = { ...database, transact: () => Promise.reject(connectionLost()) };
    expect((await faultOf(commitSurely(down, describeSource('down')))).code).toBe('unavailable');
  });

  it('says unknown, and never that it failed, when the first run may have been committed', async () => {
    let runs = 0;
    const lost: Database = {
      ...database,
      async transact(work) {
        runs += 1;
        if (runs > 1) throw new TypeError('a fault of ours');
        await database.transact(work);
        throw connectionLost();
      },
    };
    expect((await faultOf(commitSurely(lost, describeSource('lost')))).code).toBe('unknown');
    expect(await exists('lost')).toBe(true);
  });

  it('says failed at once when another run would not help', async () => {
    let runs = 0;
    const fault = await faultOf(
      commitSurely(database, async (tx) => {
        runs += 1;
        await describeSource('not a name')(tx);
      }),
    );
    expect(fault.code).toBe('failed');
    expect(fault.cause).toMatchObject({ code: '23514' });
    expect(runs).toBe(1);
  });

  it('waits for the rows of a run that is still committing', async () => {
    const first = Promise.withResolvers<void>();
    const running = database.transact(async (tx) => {
      await describeSource('slow')(tx);
      await first.promise;
    });
    const second = commitSurely(database, describeSource('slow'));
    first.resolve();
    await running;
    expect(await second).toBe('slow');
  });
});
