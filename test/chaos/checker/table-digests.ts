/** What the tables hold, as one digest each, to tell whether a repeat has changed anything. */
import type pg from 'pg';

const tables: Readonly<Record<string, string>> = {
  'event.event': 'event_id',
  'event.event_payload': 'event_id',
  'event.dead_letter': 'dead_letter_id',
  'risk.risk_assessment': 'assessment_id',
  'advisory.evaluation': 'evaluation_id',
  'advisory.advisory': 'advisory_id',
  'decision.review': 'review_id',
  'decision.decision': 'decision_id',
  'decision.approval': 'approval_id',
  'execution.execution': 'execution_id',
  'execution.attempt': 'execution_id, attempt_no',
  'ledger.ledger_entry': 'stream, seq',
};

/** By table, over every column of every row. Digests of rows are summed up in order, so that memory stays small. */
export async function tableDigests(client: pg.Client): Promise<Readonly<Record<string, string>>> {
  const digests: Record<string, string> = {};
  for (const [table, key] of Object.entries(tables)) {
    const { rows } = await client.query<{ digest: string }>(
      `select count(*) || ' ' || md5(coalesce(string_agg(md5(t::text), '' order by ${key}), '')) as digest
       from ${table} t`,
    );
    digests[table] = rows[0]!.digest;
  }
  return digests;
}
