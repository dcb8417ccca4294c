/**
 * A short run of everything in one process, without faults: what the checker is tested on. It leaves a run folder and a
 * database behind in which every kind of row and every kind of end occurs.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import pg from 'pg';
import { freePort } from '../../src/embedded/port.ts';
import type { StateDigest } from './checker/evidence.ts';
import { tableDigests } from './checker/table-digests.ts';
import { openRunFolder } from './journal.ts';
import { TARGETS, targetsFile } from './load/documents.ts';
import { openReceiver } from './load/receiver.ts';
import { startReviewers } from './load/reviewers.ts';
import { startSenders } from './load/senders.ts';
import { prepareSetting } from './load/setting.ts';
import { bodyCanaries } from './load/submissions.ts';
import { createRandom } from './random.ts';
import { signingEnvironment } from './system/signing-key.ts';
import { supervise } from './system/processes.ts';
import { noteCheckpoints } from './watch/checkpoints.ts';
import { noteJobs } from './watch/jobs.ts';
import { createLedgerExporter } from './watch/ledger-export.ts';
import { repeatEverything } from './watch/repeats.ts';
import { untilRest } from './watch/rest.ts';

export interface MiniRunOptions {
  readonly path: string;
  /** Of a superuser, into a migrated database without rows. */
  readonly databaseUrl: string;
  /** A database of Redis that holds nothing. */
  readonly redisUrl: string;
  readonly seed: number;
}

const LOAD_MS_MIN = 4_000;
const LOAD_MS_MAX = 150_000;
const EVENTS_PER_SECOND = 15;
const REVIEWED_SHARE = 0.25;
const REST_MS_MAX = 90_000;
const LOOK_MS = 50;

/** Resolves when the run folder is complete. @throws Error when the run did not come to rest. */
export async function miniRun({
  path,
  databaseUrl,
  redisUrl,
  seed,
}: MiniRunOptions): Promise<void> {
  const folder = await openRunFolder(path);
  const startedAt = Date.now();
  const secret = `whsec_${Buffer.from(`a signing key of run ${seed}`.padEnd(32)).toString('base64')}`;
  const receiver = await openReceiver({
    secret,
    note: (receipt) => folder.note('receipts', receipt),
  });
  const setting = await prepareSetting(databaseUrl);
  const postgres = new pg.Client({ connectionString: databaseUrl });
  await postgres.connect();
  const redis = new Redis(redisUrl);
  const port = await freePort();
  const directory = join(path, 'cwd');
  await mkdir(directory);
  const targets = join(directory, 'targets.yaml');
  await writeFile(targets, targetsFile(receiver.url, 'env:CHAOS_SIGNING_KEY'));
  const { rows } = await postgres.query<{ origin: string }>(
    `select ledger.origin_base() as origin`,
  );
  const signing = await signingEnvironment(join(path, 'signer'), `${rows[0]!.origin}-0`);
  const process = supervise(
    {
      name: 'up',
      args: ['up'],
      environment: {
        PATH: '/usr/bin:/bin',
        DATABASE_URL: databaseUrl,
        REDIS_URL: redisUrl,
        ADMIN_PORT: `${port}`,
        TARGETS_FILE: targets,
        CHAOS_SIGNING_KEY: secret,
        ...signing,
      },
    },
    { folder, directory },
  );
  const httpUrls = () => [`http://127.0.0.1:${port}`];
  await repeatEverything(postgres, redis);
  await untilAnswers(httpUrls()[0]!);
  // The first calls of all lose their answers: an idempotent target is asked again, of the other nobody knows.
  receiver.misbehave('acts and loses the answer');
  const random = createRandom(seed);
  const load = { httpUrls, folder };
  const senders = startSenders({
    ...load,
    ...{ redisUrl, secrets: setting.secrets, random },
    ...{ eventsPerSecond: EVENTS_PER_SECOND, reviewedShare: REVIEWED_SHARE },
  });
  const reviewers = startReviewers({ ...load, people: setting.people, seed });
  const seen = new Set<string>();
  const looking = setInterval(() => {
    noteJobs(redis, folder, seen).catch(() => undefined);
    noteCheckpoints(postgres, folder, seen).catch(() => undefined);
    if (receiver.misbehaved() >= 4) receiver.misbehave(undefined);
  }, LOOK_MS);
  const exporter = createLedgerExporter(folder);
  const effects = () => receiver.effects();
  try {
    await sleep(LOAD_MS_MIN);
    await exporter.take(postgres);
    await untilRich(postgres);
    await senders.stop();
    receiver.misbehave(undefined);
    const healedAt = Date.now();
    const rest = { postgres, redis, msMax: REST_MS_MAX, apartMs: 500 };
    const { drainedAt, restedAt } = await untilRest(rest);
    await reviewers.stop();
    await untilSealed(postgres);
    clearInterval(looking);
    await exporter.take(postgres);
    const before = await stateOf(postgres, effects());
    await repeatEverything(postgres, redis);
    if (restedAt === null || (await untilRest(rest)).restedAt === null) {
      throw new Error('The small run did not come to rest.');
    }
    const after = await stateOf(postgres, effects());
    await process.stop();
    await folder.finish({
      ...{ seed, startedAt, endedAt: Date.now(), healedAt, drainedAt },
      receiverTargets: Object.values(TARGETS),
      canaries: [...bodyCanaries, secret, setting.secrets.signed, setting.secrets.github],
      ...{ forged: [], missedBySources: [], replay: { before, after } },
    });
  } finally {
    clearInterval(looking);
    await senders.stop();
    await reviewers.stop();
    await process.stop();
    await receiver.close();
    redis.disconnect();
    await postgres.end();
  }
}

const decided = `decision.decision d`;
const executed = `execution.execution x join ${decided} on d.decision_id = x.decision_id`;
/** What a run must have led to before violations of every kind can be planted in it. */
const ends: Readonly<Record<string, string>> = {
  'one approval, carried out': `${executed} where x.execution_status = 'acknowledged'
    and d.decision_type = 'approved' and d.risk_level = 'LOW' and d.round = 1`,
  'several approvals': `(select from ${decided} join decision.approval a on a.decision_id = d.decision_id
    where d.decision_type = 'approved' and d.risk_level <> 'LOW' and a.act = 'approve'
    group by d.decision_id having count(*) > 1) several`,
  rejection: `${decided} where d.decision_type = 'rejected' and d.round = 1`,
  escalation: `${decided} where d.round = 2 and d.finalized_at is not null and d.risk_level = 'LOW'`,
  'override of an unknown risk': `${executed}
    where d.decision_type = 'override' and d.risk_level = 'UNKNOWN'`,
  'refusal by the target': `execution.execution where failure_reason = 'rejected'`,
  'unknown outcome': `execution.execution where failure_reason = 'outcome_unknown'`,
  'second call': `execution.attempt where attempt_no = 2 and outcome = 'acknowledged'`,
  // Over HTTP and on the queue, in whatever order they come.
  conflicts: `event.dead_letter where reason = 'conflict' offset 11`,
  'wrong signature': `event.dead_letter where reason = 'signature_wrong'`,
};

async function untilRich(postgres: pg.Client): Promise<void> {
  const untilMs = performance.now() + LOAD_MS_MAX;
  const found = Object.entries(ends).map(
    ([end, from]) => `select '${end}' as end where not exists (select from ${from})`,
  );
  for (;;) {
    const { rows } = await postgres.query<{ end: string }>(found.join(' union all '));
    if (rows.length === 0) return;
    if (performance.now() > untilMs) {
      const missing = rows.map(({ end }) => end).join(', ');
      throw new Error(`The small run did not lead to every kind of end: ${missing}.`);
    }
    await sleep(500);
  }
}

const SEAL_MS_MAX = 30_000;

/** Until a signed checkpoint covers every entry: whatever is planted in the ledger then contradicts one. */
async function untilSealed(postgres: pg.Client): Promise<void> {
  const untilMs = performance.now() + SEAL_MS_MAX;
  while (performance.now() < untilMs) {
    const { rowCount } = await postgres.query(`select from ledger.checkpoint
      where size = (select count(*) from ledger.ledger_entry)`);
    if (rowCount !== 0) return;
    await sleep(100);
  }
  throw new Error('The signer did not seal the whole ledger.');
}

async function stateOf(postgres: pg.Client, effects: number): Promise<StateDigest> {
  return { tables: await tableDigests(postgres), effects };
}

const START_MS_MAX = 30_000;

async function untilAnswers(url: string): Promise<void> {
  const untilMs = performance.now() + START_MS_MAX;
  while (performance.now() < untilMs) {
    const answered = await fetch(`${url}/v1/reviews`).catch(() => undefined);
    if (answered !== undefined) return;
    await sleep(100);
  }
  throw new Error(`Nothing answers at ${url}.`);
}
