/** Opens what the checks look at: a session of the database with the evidence beside it, and the queue store. */
import { Redis } from 'ioredis';
import pg from 'pg';
import type { World } from './check.ts';
import type { Evidence } from './evidence.ts';

export interface OpenWorld extends World {
  close(): Promise<void>;
}

export interface WorldOptions {
  /** A superuser's, since the checks also look at what no role of ours may read. */
  readonly databaseUrl: string;
  readonly redisUrl: string;
  readonly evidence: Evidence;
}

export async function openWorld(options: WorldOptions): Promise<OpenWorld> {
  const { databaseUrl, redisUrl, evidence } = options;
  const postgres = new pg.Client({
    connectionString: databaseUrl,
    application_name: 'chaos checker',
    types: { getTypeParser },
    // Tables that no ANALYZE has seen yet tempt the planner into comparing each row with each.
    options: '-c timezone=UTC -c jit=off -c enable_nestloop=off -c work_mem=256MB',
  });
  await postgres.connect();
  const redis = new Redis(redisUrl);
  redis.on('error', () => {});
  await keepEvidence(postgres, evidence);
  return {
    postgres,
    redis,
    evidence,
    async close() {
      redis.disconnect();
      await postgres.end();
    },
  };
}

/** `run_given_up`: what waits for a person. An id that was unknown once may since have been recorded, and go on. */
const TABLES = `
  create temporary table run_op (op text, path text, source text, id text, payload text, body text, "startedAt" float8,
    "endedAt" float8, outcome text, status integer, "eventId" text, digest text);
  create temporary table run_act ("reviewId" text, "personId" text, act text, "viewDigest" text, "startedAt" float8,
    "endedAt" float8, outcome text, status integer, "decisionId" text, state text);
  create temporary table run_receipt (at float8, target text, key text, body text, "signatureOk" boolean, effect boolean,
    answered text, "decisionId" text, seq text);
  create temporary table run_fault (kind text, "from" float8, "to" float8, "losesJobsFrom" float8);
  create temporary table run_outage (kind text, "of" text, "from" float8, "to" float8);
  create temporary table run_forged (id text);
  create temporary table run_missed (key text);
  create temporary table run_receiver (target text);
  create temporary view run_given_up as select * from audit.dead_letter
    where redriven_at is null and reason <> 'unknown_id'`;

const ROWS_AT_ONCE = 5_000;

/** Checks in SQL see the evidence as tables of the session, with the members of evidence.ts as columns. */
async function keepEvidence(postgres: pg.Client, evidence: Evidence): Promise<void> {
  const { run } = evidence;
  await postgres.query(TABLES);
  const tables: Readonly<Record<string, readonly object[]>> = {
    run_op: evidence.ops,
    run_act: evidence.acts,
    run_receipt: evidence.receipts,
    run_fault: evidence.faults,
    run_outage: evidence.faults.flatMap(({ kind, outage }) =>
      outage ? [{ kind, ...outage }] : [],
    ),
    run_forged: run.forged.map((id) => ({ id })),
    run_missed: run.missedBySources.map((key) => ({ key })),
    run_receiver: run.receiverTargets.map((target) => ({ target })),
  };
  for (const [table, rows] of Object.entries(tables)) {
    for (let start = 0; start < rows.length; start += ROWS_AT_ONCE) {
      await postgres.query(
        `insert into ${table} select * from jsonb_populate_recordset(null::${table}, $1)`,
        [JSON.stringify(rows.slice(start, start + ROWS_AT_ONCE))],
      );
    }
    await postgres.query(`analyze ${table}`);
  }
}

const TIMESTAMPTZ_OID = 1184;

/** Instants as text with microseconds: every one of them may stand under a hash. */
function getTypeParser(oid: number, format?: 'text' | 'binary'): (value: string) => unknown {
  if (oid !== TIMESTAMPTZ_OID) return pg.types.getTypeParser(oid, format as 'text');
  return (text) => {
    const [date, time = ''] = text.split(' ');
    const [seconds, fraction = ''] = time.replace('+00', '').split('.');
    return `${date}T${seconds}.${fraction.padEnd(6, '0')}Z`;
  };
}
