import { EventEmitter, once } from 'node:events';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  createLedgerHeartbeat,
  createLedgerProtectionWatch,
} from '../../src/actors/ledger-health.ts';
import type { Database } from '../../src/stores/database.ts';
import type { ProtectionState } from '../../src/stores/ledger.ts';
import { cloneDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;
let client: pg.Client;
let ledger: Database;

beforeAll(async () => {
  database = await cloneDatabase();
  client = await database.superuser();
  ledger = database.open('ledger');
});
afterAll(() => database.close());

async function isHealthy(): Promise<boolean> {
  const { rows } = await client.query<{ healthy: boolean }>(
    'select healthy from ledger.health_for_decision',
  );
  return rows[0]!.healthy;
}

describe('the heartbeat', () => {
  it('beats at once and again, and makes the ledger healthy', async () => {
    const beats = new EventEmitter();
    const heartbeat = createLedgerHeartbeat({
      database: ledger,
      intervalMs: 1,
      onBeat: () => beats.emit('beat'),
      onFailure: (error) => beats.emit('error', error),
    });
    expect(await isHealthy()).toBe(false);
    const first = once(beats, 'beat');
    heartbeat.start();
    await first;
    expect(await isHealthy()).toBe(true);
    await once(beats, 'beat');
    await heartbeat.stop();
  });

  it('fails while the head cannot be taken, and comes back by itself', async () => {
    const signals = new EventEmitter();
    const heartbeat = createLedgerHeartbeat({
      database: ledger,
      intervalMs: 1,
      onBeat: () => signals.emit('beat'),
      onFailure: (error) => signals.emit('failure', error),
    });
    // Whoever holds the lock of the stream keeps everyone from appending.
    await client.query('begin');
    await client.query('select ledger.head(0::smallint)');
    heartbeat.start();
    expect(await once(signals, 'failure')).toEqual([expect.objectContaining({ code: '55P03' })]);
    const beat = once(signals, 'beat');
    await client.query('commit');
    await beat;
    await heartbeat.stop();
  });

  it('can be stopped before it starts, and twice, and stays stopped', async () => {
    const heartbeat = createLedgerHeartbeat({
      database: ledger,
      onBeat: () => expect.unreachable('it was stopped'),
      onFailure: () => expect.unreachable('it was stopped'),
    });
    await heartbeat.stop();
    heartbeat.start();
    await heartbeat.stop();
  });
});

describe('the protection watch', () => {
  /** The first thing that a watch tells within its first look; nothing when it has nothing to tell. */
  async function told(): Promise<ProtectionState | undefined> {
    let weakened: ProtectionState | undefined;
    const watch = createLedgerProtectionWatch({
      database: ledger,
      onWeakened: (state) => {
        weakened = state;
      },
      onFailure: (error) => {
        throw error;
      },
    });
    watch.start();
    // Stopping waits for the look that is under way.
    await watch.stop();
    return weakened;
  }

  it('says nothing while the protection is as its migration left it', async () => {
    // Other tests create roles of this server for a moment; they are not part of the protection of this database.
    expect((await told())?.intact ?? true).toBe(true);
  });

  it('tells of a guard that a superuser took away', async () => {
    await client.query('alter event trigger ledger_protection_stands disable');
    expect(await told()).toMatchObject({ intact: false });
    await client.query('alter event trigger ledger_protection_stands enable always');
  });

  it('tells of a role that has gained a power over the ledger', async () => {
    const role = `watched_${process.pid}`;
    await client.query(`create role ${role} nologin; grant sentinelops_ledger_owner to ${role}`);
    try {
      expect((await told())?.newPowers).toContain(`${role} may become sentinelops_ledger_owner`);
    } finally {
      await client.query(`drop role ${role}`);
    }
  });
});
