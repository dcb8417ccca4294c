/** Faults of the queue store. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../random.ts';
import { gaps } from '../checker/gaps.ts';
import { SOURCES } from '../load/submissions.ts';
import type { PostgresServer } from '../system/postgres.ts';
import type { RedisServer } from '../system/redis.ts';
import type { System } from '../system/system.ts';
import { anything } from '../watch/signals.ts';
import { type FaultKind, outageOf } from './fault.ts';

/** `everysec`: a power cut may cost what was written within the last two seconds. */
const UNSYNCED_MS_MAX = 2_000;

/** Ends it, waits, starts it again: the time in which it surely was away. */
async function away(
  redis: RedisServer,
  end: () => Promise<void>,
  ms: number,
): Promise<ReturnType<typeof outageOf>> {
  await end();
  const from = Date.now();
  await sleep(ms);
  const to = Date.now();
  await redis.start();
  return outageOf('redis', from, to);
}

const killed: FaultKind = {
  name: 'redis: killed',
  lane: 'store',
  weight: 5,
  async inject(system, random) {
    const redis = system.redis();
    const ms = random.between(100, 4_000);
    const outage = await away(redis, () => redis.kill(), ms);
    return { detail: `for ${ms} ms`, bites: anything, ...outage };
  },
};

const powerLost: FaultKind = {
  name: 'redis: power lost',
  lane: 'store',
  weight: 4,
  async inject(system, random) {
    const redis = system.redis();
    const losesJobsFrom = Date.now() - UNSYNCED_MS_MAX;
    let lostMs = 0;
    const losePower = async () => {
      lostMs = await redis.losePower(random.between(300, 1_500), UNSYNCED_MS_MAX - 100);
    };
    const outage = await away(redis, losePower, random.between(100, 1_500));
    const detail = `what it wrote in the last ${Math.round(lostMs)} ms is lost`;
    return { detail, bites: anything, losesJobsFrom, ...outage };
  },
};

const flushed: FaultKind = {
  name: 'redis: flushed',
  lane: 'store',
  weight: 4,
  async inject(system, random) {
    const { admin } = system.redis();
    const held = await admin.dbsize();
    const flushedAt = Date.now();
    await (random.chance(0.5) ? admin.flushall() : admin.flushdb());
    const healMs = await untilHealed(system.postgres, flushedAt);
    // Whatever waited is gone, since whenever it waited.
    return { detail: `${held} keys`, losesJobsFrom: 0, healMs, bites: held > 0 ? 1 : 0 };
  },
};

const HEAL_MS_MAX = 90_000;
const HEAL_POLL_MS = 500;

/** How long it takes until everything that was recorded before the flush has its successor. */
async function untilHealed(postgres: PostgresServer, flushedAt: number): Promise<number> {
  const recorded = `since < to_timestamp(${flushedAt / 1_000}) and since > to_timestamp(${flushedAt / 1_000}) - interval '10 minutes'`;
  const open = Object.entries(gaps)
    .filter(([gap]) => gap !== 'G7')
    .map(
      ([gap, sql]) => `select from (${sql}) as ${gap.toLowerCase()} (id, since) where ${recorded}`,
    );
  while (Date.now() - flushedAt < HEAL_MS_MAX) {
    const left = await postgres
      .withClient((client) =>
        client.query(`select from (${open.join(' union all ')}) as gap limit 1`),
      )
      .catch(() => undefined);
    if (left?.rowCount === 0) break;
    await sleep(HEAL_POLL_MS);
  }
  return Date.now() - flushedAt;
}

const outOfMemory: FaultKind = {
  name: 'redis: out of memory',
  lane: 'store',
  weight: 3,
  async inject(system, random) {
    const { admin } = system.redis();
    const ms = random.between(1_000, 5_000);
    await admin.config('SET', 'maxmemory', '1');
    await sleep(ms);
    await admin.config('SET', 'maxmemory', '0');
    return { detail: `for ${ms} ms`, bites: anything };
  },
};

const readOnly: FaultKind = {
  name: 'redis: read-only',
  lane: 'store',
  weight: 3,
  async inject(system, random) {
    const { admin } = system.redis();
    const ms = random.between(1_000, 5_000);
    // A master that nobody has: it keeps what it holds and takes no writes.
    await admin.replicaof('127.0.0.1', 1);
    await sleep(ms);
    await admin.replicaof('NO', 'ONE');
    return { detail: `for ${ms} ms`, bites: anything };
  },
};

const connectionsCut: FaultKind = {
  name: 'redis: connections cut',
  lane: 'store',
  weight: 3,
  async inject(system) {
    const cut = await system
      .redis()
      .admin.call('CLIENT', 'KILL', 'TYPE', 'NORMAL', 'SKIPME', 'YES');
    return { detail: `${Number(cut)} connections`, bites: Number(cut) };
  },
};

const scriptsFlushed: FaultKind = {
  name: 'redis: scripts flushed',
  lane: 'store',
  weight: 1,
  async inject(system) {
    const { admin } = system.redis();
    const before = scriptsOf(await admin.info('memory'));
    await admin.script('FLUSH');
    return { detail: `${before} scripts`, bites: before };
  },
};

function scriptsOf(info: string): number {
  return Number(/number_of_cached_scripts:(\d+)/.exec(info)?.[1] ?? 0);
}

/** The replica lags behind when it takes over: what it did not hear of was acknowledged and is gone. */
const failedOver: FaultKind = {
  name: 'redis: failover to a lagging replica',
  lane: 'store',
  weight: 3,
  async inject(system, random) {
    const [primary, replica] = [system.redis(), system.standby()];
    const lagMs = random.between(200, 1_500);
    await replica.wipe();
    await replica.start();
    await replica.admin.replicaof('127.0.0.1', primary.port);
    const followed = await untilFollows(replica);
    // From here on it hears nothing any more.
    const losesJobsFrom = Date.now() - 1_000;
    await replica.admin.config('SET', 'slave-serve-stale-data', 'yes');
    await replica.admin.replicaof('127.0.0.1', 1);
    await sleep(lagMs);
    await replica.admin.replicaof('NO', 'ONE');
    await primary.kill();
    system.failOver();
    const detail = followed ? `${lagMs} ms behind` : 'it had never caught up';
    return { detail, losesJobsFrom: followed ? losesJobsFrom : 0, bites: anything };
  },
};

const FOLLOW_MS_MAX = 10_000;

async function untilFollows(replica: RedisServer): Promise<boolean> {
  const untilMs = performance.now() + FOLLOW_MS_MAX;
  while (performance.now() < untilMs) {
    const info = await replica.admin.info('replication');
    if (/master_link_status:up/.test(info) && /master_sync_in_progress:0/.test(info)) return true;
    await sleep(50);
  }
  return false;
}

/** Jobs that nobody of ours has sent: unknown ids, other shapes, far too many. */
const forgedJobs: FaultKind = {
  name: 'jobs: forged',
  lane: 'edge',
  weight: 3,
  async inject(system, random) {
    const forger = createForger(system, random);
    const ids = await forger.forge();
    return { detail: forger.what, forged: ids, bites: ({ deadLetters }) => deadLetters };
  },
};

interface Forger {
  readonly what: string;
  /** The ids of the jobs, and those that they name. */
  forge(): Promise<readonly string[]>;
}

function createForger(system: System, random: Random): Forger {
  const id = () => {
    const hex = Array.from({ length: 32 }, () => random.between(0, 15).toString(16)).join('');
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`;
  };
  const ids = Array.from({ length: random.pick([1, 3, 300]) }, id);
  const contents: Readonly<Record<string, { queue: string; content: unknown }>> = {
    'unknown events': { queue: 'risk', content: envelope(ids.map((eventId) => ({ eventId }))) },
    'unknown assessments': {
      queue: 'advisory',
      content: envelope(ids.map((assessmentId) => ({ assessmentId }))),
    },
    'unknown decisions': {
      queue: 'execution',
      content: envelope(ids.map((decisionId) => ({ decisionId }))),
    },
    'unknown facts': {
      queue: 'ledger',
      content: envelope(ids.map((fact) => ({ type: 'DECISION', id: fact }))),
    },
    'messages of another stage': {
      queue: 'risk',
      content: envelope(ids.map((decisionId) => ({ decisionId }))),
    },
    'another version': { queue: 'ledger', content: { v: 2, messages: ids } },
    'an event that no database can keep': {
      queue: 'ingest',
      content: { ...invented(ids[0]!), data: { text: 'a\u0000b \ud800' } },
    },
    'an event without an end': { queue: 'ingest', content: nested(invented(ids[0]!)) },
    'no envelope': { queue: 'awaiting-decision', content: { approve: ids[0] } },
  };
  const what = random.pick(Object.keys(contents));
  const { queue, content } = contents[what]!;
  const jobId = `forged-${id()}`;
  return {
    what: `${what}, ${ids.length}`,
    async forge() {
      await addRaw(system.redis(), queue, jobId, content);
      return [jobId, ...ids];
    },
  };
}

const invented = (id: string) => ({
  ...{ specversion: '1.0', source: SOURCES.open, id, type: 'com.example.chaos.forged' },
});

/** Deeper than any reader should follow. */
function nested(event: object): object {
  let data: object = {};
  for (let depth = 0; depth < 2_000; depth += 1) data = { data };
  return { ...event, data };
}

const envelope = (messages: readonly object[]) => ({ v: 1, messages });

/** As a client would that knows the key layout and nothing of our rules: a job that waits. */
async function addRaw(
  { admin }: RedisServer,
  queue: string,
  jobId: string,
  content: unknown,
): Promise<void> {
  const key = (part: string) => `{${queue}}:${queue}:${part}`;
  const now = `${Date.now()}`;
  await admin.hset(key(jobId), {
    ...{ name: 'forged', data: JSON.stringify(content), timestamp: now, delay: '0', priority: '0' },
    opts: JSON.stringify({
      attempts: 1_000_000,
      backoff: { type: 'capped' },
      removeOnComplete: true,
      removeOnFail: true,
    }),
  });
  await admin.lpush(key('wait'), jobId);
  await admin.zadd(key('marker'), 0, '0');
}

export const redisFaults: readonly FaultKind[] = [
  killed,
  powerLost,
  flushed,
  outOfMemory,
  readOnly,
  connectionsCut,
  scriptsFlushed,
  failedOver,
  forgedJobs,
];
