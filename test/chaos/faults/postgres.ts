/** Faults of the database. */
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { Outage } from '../checker/evidence.ts';
import type { System } from '../system/system.ts';
import { anything } from '../watch/signals.ts';
import { type FaultKind, outageOf } from './fault.ts';

const PRESSURE_MS_MAX = 3_000;

const stoppedAtOnce: FaultKind = {
  name: 'postgres: stopped at once',
  lane: 'store',
  weight: 3,
  async inject({ postgres }, random) {
    const ms = random.between(500, 4_000);
    await postgres.shutDown('immediate');
    const from = Date.now();
    await sleep(ms);
    const to = Date.now();
    await postgres.start();
    return { detail: `for ${ms} ms`, bites: anything, ...outageOf('postgres', from, to) };
  },
};

const postmasterKilled: FaultKind = {
  name: 'postgres: postmaster killed',
  lane: 'store',
  weight: 2,
  async inject({ postgres }, random) {
    await postgres.killPostmaster();
    await sleep(random.between(200, 2_000));
    await postgres.start();
    return { detail: '', bites: anything };
  },
};

const BACKENDS = `select pid from pg_stat_activity
  where application_name like 'sentinelops %' order by pid`;

/** The server takes the death of one backend for a corruption and restarts all of them. */
const backendKilled: FaultKind = {
  name: 'postgres: backend killed',
  lane: 'store',
  weight: 3,
  async inject({ postgres }, random) {
    const pids = await postgres.withClient(async (client) => {
      const { rows } = await client.query<{ pid: number }>(BACKENDS);
      return rows.map(({ pid }) => pid);
    });
    if (pids.length === 0) return { detail: 'there was none', bites: 0 };
    process.kill(random.pick(pids), 'SIGKILL');
    await untilAnswers(postgres);
    return { detail: `of ${pids.length}`, bites: anything };
  },
};

async function untilAnswers(postgres: System['postgres']): Promise<void> {
  for (let tries = 0; tries < 100; tries += 1) {
    await sleep(100);
    const answers = await postgres
      .withClient((client) => client.query('select 1'))
      .catch(() => null);
    if (answers !== null) return;
  }
  await postgres.start();
}

const sessionsEnded: FaultKind = {
  name: 'postgres: sessions ended',
  lane: 'store',
  weight: 5,
  async inject({ postgres }, random) {
    const domain = random.pick([
      '%',
      'event',
      'risk',
      'advisory',
      'decision',
      'ledger',
      'execution',
    ]);
    const ended = await postgres.withClient(async (client) => {
      const { rowCount } = await client.query(
        `select pg_terminate_backend(pid) from pg_stat_activity where application_name like $1`,
        [`sentinelops ${domain}`],
      );
      return rowCount ?? 0;
    });
    return { detail: `${ended} of ${domain}`, bites: ended };
  },
};

const COMMIT_MS_MAX = 4_000;

/** The reply to a COMMIT is lost, or the COMMIT itself: nobody on our side can tell which. */
const cutAtCommit: FaultKind = {
  name: 'postgres: cut at COMMIT',
  lane: 'store',
  weight: 8,
  async inject(system, random) {
    const instances = random.shuffle(system.instances()).slice(0, random.between(1, 8));
    const proxies = instances.map(({ toPostgres }) => toPostgres);
    const before = proxies.map((proxy) => proxy.cuts());
    const when = random.pick(['before', 'after', 'after'] as const);
    for (const proxy of proxies) proxy.cutNextCommit(when);
    const untilMs = performance.now() + COMMIT_MS_MAX;
    const cut = () => proxies.filter((proxy, index) => proxy.cuts() > before[index]!).length;
    while (cut() < proxies.length && performance.now() < untilMs) await sleep(50);
    for (const proxy of proxies) proxy.cutNextCommit(undefined);
    return { detail: `${when} it was answered, ${cut()} of ${proxies.length}`, bites: cut() };
  },
};

const connectionsExhausted: FaultKind = {
  name: 'postgres: connections exhausted',
  lane: 'store',
  weight: 2,
  async inject({ postgres }, random) {
    const held: pg.Client[] = [];
    try {
      for (;;) {
        const client = new pg.Client({
          connectionString: postgres.url,
          connectionTimeoutMillis: 5_000,
        });
        client.on('error', () => {});
        await client.connect();
        held.push(client);
        // Those who had a connection have to ask for another one now, and find none.
        if (held.length === 1) await endOurs(client);
      }
    } catch {
      await endOurs(held[0]!).catch(() => undefined);
      await sleep(random.between(1_000, PRESSURE_MS_MAX));
    } finally {
      await Promise.all(held.map((client) => client.end().catch(() => undefined)));
    }
    return { detail: `${held.length} held`, bites: anything };
  },
};

async function endOurs(client: pg.Client): Promise<void> {
  await client.query(
    `select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'sentinelops %'`,
  );
}

/** What an outage of one domain looks like: its table does not answer. */
function tableLocked(name: string, of: Outage, table: string, ms: [number, number]): FaultKind {
  return {
    name,
    lane: 'store',
    weight: 2,
    async inject({ postgres }, random) {
      const lockMs = random.between(...ms);
      return postgres.withClient(async (client) => {
        await client.query(
          `set lock_timeout = '20s'; begin; lock table ${table} in access exclusive mode`,
        );
        const from = Date.now();
        await sleep(lockMs);
        const to = Date.now();
        await client.query('rollback');
        return { detail: `${table} for ${lockMs} ms`, bites: anything, ...outageOf(of, from, to) };
      });
    },
  };
}

const diskFull: FaultKind = {
  name: 'postgres: disk full',
  lane: 'store',
  weight: 1,
  whyNot: ({ postgres }) => (postgres.canFill ? undefined : 'no disk of its own without root'),
  async inject({ postgres }, random) {
    const ms = random.between(2_000, 5_000);
    await postgres.fill();
    await sleep(ms);
    await postgres.free();
    await untilAnswers(postgres);
    return { detail: `for ${ms} ms`, bites: anything };
  },
};

export const postgresFaults: readonly FaultKind[] = [
  stoppedAtOnce,
  postmasterKilled,
  backendKilled,
  sessionsEnded,
  cutAtCommit,
  connectionsExhausted,
  // Longer than its heartbeat counts.
  tableLocked('postgres: ledger locked', 'ledger', 'ledger.ledger_entry', [7_000, 10_000]),
  tableLocked('postgres: policies locked', 'policies', 'policy.policy', [2_000, 6_000]),
  tableLocked('postgres: risk models locked', 'risk', 'risk.risk_model', [2_000, 6_000]),
  diskFull,
];
