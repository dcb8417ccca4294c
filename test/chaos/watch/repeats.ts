/** Sends every id of every stage once more, as if all that was ever handed on were delivered again. */
import type { Redis } from 'ioredis';
import { Queue } from 'bullmq';
import type pg from 'pg';

/** By queue: the message of every row, as the stage before it would hand it on. */
const messages: Readonly<Record<string, string>> = {
  risk: `select jsonb_build_object('eventId', event_id) as message from audit.event`,
  advisory: `select jsonb_build_object('assessmentId', assessment_id) as message from audit.risk_assessment`,
  'awaiting-decision': `
    select jsonb_build_object('type', 'EVALUATION', 'id', evaluation_id) as message
      from audit.evaluation where outcome <> 'NO_MATCH'
    union all select jsonb_build_object('type', 'DECISION', 'id', decision_id) from audit.decision
      where row_digest is not null`,
  execution: `select jsonb_build_object('decisionId', d.decision_id) as message from audit.decision d
    where d.decision_type in ('approved', 'override')`,
  ledger: `select jsonb_build_object('type', entry_type, 'id', linked_entity_id) as message from audit.fact`,
};

const MESSAGES_IN_A_JOB = 256;

/** Resolves when the queue store has taken all of them; returns how many there were. */
export async function repeatEverything(postgres: pg.Client, redis: Redis): Promise<number> {
  let repeated = 0;
  for (const [name, sql] of Object.entries(messages)) {
    const connection = redis.duplicate({ maxRetriesPerRequest: null });
    const queue = new Queue(name, {
      prefix: `{${name}}`,
      connection,
      defaultJobOptions: { attempts: 1_000_000, removeOnComplete: true, removeOnFail: true },
    });
    const { rows } = await postgres.query<{ message: object }>(sql);
    for (let start = 0; start < rows.length; start += MESSAGES_IN_A_JOB) {
      const chunk = rows.slice(start, start + MESSAGES_IN_A_JOB).map(({ message }) => message);
      await queue.add('batch', { v: 1, messages: chunk });
    }
    repeated += rows.length;
    await queue.close();
    connection.disconnect();
  }
  return repeated;
}
