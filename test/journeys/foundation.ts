/** The ground of a journey: a database of its own and an empty queue store, opened by the daemon's own wiring. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Foundation, openBroker, openSessions } from '../../src/foundation.ts';
import { parseConfig } from '../../src/config.ts';
import { silentLog } from '../../src/domain/log.ts';
import { openAuditStore, type PipelineCounts } from '../../src/stores/audit.ts';
import { verifyLedgerDatabase } from '../../src/stores/ledger-verify.ts';
import type { Verdict } from '../../src/domain/ledger/verdict.ts';
import { cloneDatabase, type TestDatabase } from '../support/database.ts';
import type { QueueStore } from '../support/queue-stores.ts';

export interface JourneyGround extends Foundation {
  readonly database: TestDatabase;
  /** The settings of a process of its own on the same stores. */
  readonly environment: Readonly<Record<string, string>>;
  counts(): Promise<PipelineCounts>;
  /** Of the whole ledger; nothing may still be on its way to it. */
  verdict(): Promise<Verdict>;
  close(): Promise<void>;
}

/** `database` is closed with the rest; a clone is made when none is given. */
export async function openGround(
  store: QueueStore,
  database?: TestDatabase,
): Promise<JourneyGround> {
  const ground = database ?? (await cloneDatabase());
  const redisUrl = await store.redisUrl();
  const environment = {
    DATABASE_URL: ground.url,
    ADMIN_PORT: '0',
    ...(redisUrl === undefined ? {} : { REDIS_URL: redisUrl }),
  };
  const config = parseConfig(environment);
  const sessions = await openSessions(config, silentLog, { beside: false });
  const broker = await openBroker(config, sessions, silentLog);
  return {
    database: ground,
    environment,
    config,
    sessions,
    broker,
    log: silentLog,
    counts: () => sessions.of('audit').transact((tx) => openAuditStore(tx).counts()),
    verdict: () => verifyLedgerDatabase(sessions.of('audit'), { stream: 0, graceMs: 0 }),
    async close() {
      await broker.close();
      await sessions.close();
      await ground.close();
    },
  };
}

const LOOK_MS = 25;

/**
 * Looks until `look` finds something, and returns that. For what gives no signal: rows that another process writes.
 * Rejects with `what` was waited for, and with what was seen last.
 */
export async function until<T>(
  what: string,
  look: () => Promise<T | undefined>,
  describe: () => Promise<unknown> = async () => '',
  msMax = 90_000,
): Promise<T> {
  for (const untilMs = performance.now() + msMax; ; ) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > untilMs) {
      throw new Error(`Waited ${msMax} ms for ${what}. ${JSON.stringify(await describe())}`);
    }
    await sleep(LOOK_MS);
  }
}
