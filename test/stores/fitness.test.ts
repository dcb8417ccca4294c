import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDatabase } from '../../src/stores/database.ts';
import {
  clockSkewMs,
  queueUnfitnessOf,
  readSettings,
  type ServerSettings,
  unfitnessOf,
} from '../../src/stores/fitness.ts';
import { cloneDatabase, type TestDatabase } from '../support/database.ts';

let clone: TestDatabase;
let fit: ServerSettings;
beforeAll(async () => {
  clone = await cloneDatabase();
  fit = await readSettings(clone.open('risk'));
});
afterAll(() => clone.close());

describe('a server', () => {
  it('that the tests run on is fit', () => {
    expect(unfitnessOf(fit)).toEqual([]);
    expect(queueUnfitnessOf(fit)).toEqual({ faults: [], warnings: [] });
  });

  it.each([
    [{ fsync: 'off' }, /^fsync is off/],
    [{ fullPageWrites: 'off' }, /^full_page_writes is off/],
    [{ inRecovery: true }, /^it is in recovery: connect to the primary/],
    [{ encoding: 'SQL_ASCII' }, /^its encoding is SQL_ASCII: use UTF8/],
    [{ replicationRole: 'replica' }, /^session_replication_role is replica/],
    [{ zeroDamagedPages: 'on' }, /^zero_damaged_pages is on/],
    [{ ignoreChecksumFailure: 'on' }, /^ignore_checksum_failure is on/],
    [{ versionNumber: 140_020, version: '14.20' }, /^it is PostgreSQL 14\.20: use 15 to 18/],
    [{ versionNumber: 190_000, version: '19.0' }, /^it is PostgreSQL 19\.0: use 15 to 18/],
    [{ versionNumber: 150_019, version: '15.19' }, /^it is PostgreSQL 15\.19: use 15\.20 or newer/],
    [{ versionNumber: 180_003, version: '18.3' }, /^it is PostgreSQL 18\.3: use 18\.4 or newer/],
  ])('with %o is not, for any pool', (setting, said) => {
    const settings = { ...fit, ...setting };
    expect(unfitnessOf(settings)).toEqual([expect.stringMatching(said)]);
    expect(queueUnfitnessOf(settings).faults).toEqual([expect.stringMatching(said)]);
  });

  it.each([
    [{ synchronousCommit: 'off' }],
    [{ synchronousCommit: 'local', synchronousStandbys: 'one' }],
  ])('with %o may carry queues, and no record', (setting) => {
    const settings = { ...fit, ...setting };
    expect(unfitnessOf(settings)).toHaveLength(1);
    expect(queueUnfitnessOf(settings)).toEqual({
      faults: [],
      warnings: [expect.stringMatching(/^synchronous_commit is /)],
    });
  });

  it.each([
    [{ synchronousCommit: 'local', synchronousStandbys: '' }],
    [{ synchronousCommit: 'remote_apply', synchronousStandbys: 'one' }],
    [{ versionNumber: 160_001, version: '16.1' }],
  ])('with %o is fit', (setting) => {
    expect(unfitnessOf({ ...fit, ...setting })).toEqual([]);
  });
});

it('is asked through the session itself, where a role may have other settings than the server', async () => {
  const url = new URL(clone.url);
  const client = await clone.superuser();
  await client.query(`create role careless login superuser password 'careless'`);
  await client.query('alter role careless set synchronous_commit = off');
  url.username = 'careless';
  url.password = 'careless';
  const careless = openDatabase({
    url: url.href,
    domain: 'risk',
    assumeRole: true,
    connectionsMax: 1,
    onConnectionError: () => undefined,
  });
  try {
    expect(unfitnessOf(await readSettings(careless))).toEqual([
      expect.stringMatching(/^synchronous_commit is off/),
    ]);
  } finally {
    await careless.close();
    await client.query('drop role careless');
  }
});

describe('the clocks', () => {
  it('agree when both are of one machine', async () => {
    expect(Math.abs(await clockSkewMs(clone.open('risk')))).toBeLessThan(100);
  });

  it('differ by what one is ahead', async () => {
    const hourMs = 3_600_000;
    const behind = await clockSkewMs(clone.open('risk'), () => Date.now() - hourMs);
    expect(Math.abs(behind - hourMs)).toBeLessThan(5_000);
    const ahead = await clockSkewMs(clone.open('risk'), () => Date.now() + hourMs);
    expect(Math.abs(ahead + hourMs)).toBeLessThan(5_000);
  });
});
