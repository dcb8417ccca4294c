import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Database, Session } from '../../src/stores/database.ts';
import { cloneDatabase, type TestDatabase } from '../support/database.ts';

let clone: TestDatabase;
let database: Database;
beforeAll(async () => {
  clone = await cloneDatabase();
  const client = await clone.superuser();
  await client.query('create table risk.probe (name text)');
  await client.query('grant select, insert on risk.probe to sentinelops_risk');
  database = clone.open('risk');
});
afterAll(() => clone.close());

const keep = (name: string) => (tx: Parameters<Parameters<Session['transact']>[0]>[0]) =>
  sql`insert into risk.probe (name) values (${name})`.execute(tx);
async function isKept(name: string): Promise<boolean> {
  const client = await clone.superuser();
  const { rowCount } = await client.query('select from risk.probe where name = $1', [name]);
  return rowCount === 1;
}
const backendOf = (session: Session) =>
  session.transact(async (tx) => {
    const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(tx);
    return rows[0]!.pid;
  });

describe('a watched transaction', () => {
  it('lets its watcher see that COMMIT has left, before its end is known', async () => {
    let wasKept = false;
    await database.transact(keep('watched'), {
      commitSent: () =>
        expect
          .poll(() => isKept('watched'))
          .toBe(true)
          .then(() => void (wasKept = true)),
    });
    expect(wasKept).toBe(true);
  });

  it('rejects when its watcher does, and is committed all the same', async () => {
    const deaf = database.transact(keep('deaf'), {
      commitSent: () => Promise.reject(new Error('reply lost')),
    });
    await expect(deaf).rejects.toThrow('reply lost');
    expect(await isKept('deaf')).toBe(true);
  });

  it('is rolled back when its work fails, and nobody is told of a COMMIT', async () => {
    let isTold = false;
    const failing = database.transact(
      async (tx) => {
        await keep('failing')(tx);
        throw new Error('no');
      },
      {
        commitSent: async () => {
          isTold = true;
          await Promise.resolve();
        },
      },
    );
    await expect(failing).rejects.toThrow('no');
    expect({ isTold, isKept: await isKept('failing') }).toEqual({ isTold: false, isKept: false });
  });
});

describe('a session that is held', () => {
  it('is the same in every transaction, and nobody else’s', async () => {
    await database.hold(async (session) => {
      const mine = [await backendOf(session), await backendOf(session)];
      const others = await Promise.all([1, 2, 3].map(() => backendOf(database)));
      expect(new Set(mine).size).toBe(1);
      expect(others).not.toContain(mine[0]);
    });
  });

  it('is given back when its work fails', async () => {
    const held = database.hold(async () => {
      await Promise.resolve();
      throw new Error('no');
    });
    await expect(held).rejects.toThrow('no');
    const all = await Promise.all([1, 2, 3, 4].map(() => backendOf(database)));
    expect(all).toHaveLength(4);
  });
});
