import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { loadHistory } from '../../bench/load/history.ts';
import { type Houses, openDomain, openHouses } from '../../bench/load/house.ts';
import { openAuditStore } from '../../src/stores/audit.ts';
import { verifyLedgerDatabase } from '../../src/stores/ledger-verify.ts';
import { asAdmin, urlOf } from '../support/postgres.ts';

const EVENTS = 250;
const POLICIES = 3;
const name = `test_bench_history_${process.pid}`;

let directory: string;
let houses: Houses;
const created: string[] = [];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sentinelops-history-test-'));
  // The server, who reads the rows, may be another user.
  await chmod(directory, 0o711);
  const { adminUrl } = inject('postgres');
  const run = (text: string) => asAdmin(adminUrl, (admin) => admin.query(text));
  houses = await openHouses({
    urlOf: (database) => urlOf(adminUrl, database),
    async create(database, template = 'template0') {
      created.push(database);
      await run(`create database ${database} template ${template}`);
    },
    async drop(database) {
      await run(`drop database if exists ${database} with (force)`);
    },
  });
});

afterAll(async () => {
  for (const database of created) await houses.drop(database);
  await rm(directory, { recursive: true });
});

it('loads a past that the constraints accept and the ledger verifies, entry by entry', async () => {
  const url = await houses.build(name, POLICIES);
  await loadHistory(url, {
    events: EVENTS,
    policies: POLICIES,
    payloadBytes: 64,
    recorded: true,
    directory,
    onProgress: () => undefined,
  });
  const audit = openDomain(url, 'audit', 1);
  try {
    const counts = await audit.transact((tx) => openAuditStore(tx).counts());
    expect(counts).toMatchObject({ events: EVENTS, assessed: EVENTS, cleared: EVENTS });
    expect(counts.unledgered).toBe(0);
    const verdict = await verifyLedgerDatabase(audit, { stream: 0, graceMs: 0 });
    expect(verdict).toMatchObject({ status: 'OK' });
  } finally {
    await audit.close();
  }
});
