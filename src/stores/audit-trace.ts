/** The whole life of one event, from what its source sent to the ledger entries that hold it, in order. */
import { sql } from 'kysely';
import type { Tx } from './database.ts';

export interface AuditTrace {
  readonly event: TraceRow;
  readonly payload: unknown;
  readonly state: string;
  readonly assessments: readonly TraceRow[];
  readonly evaluations: readonly TraceRow[];
  readonly advisories: readonly TraceRow[];
  readonly reviews: readonly TraceRow[];
  readonly decisions: readonly TraceRow[];
  readonly approvals: readonly TraceRow[];
  readonly executions: readonly TraceRow[];
  readonly attempts: readonly TraceRow[];
  /** The ledger entries of all of the above, in order of stream and seq. */
  readonly entries: readonly TraceRow[];
}

/** One row as stored, by column name. Instants are text with microseconds, numerics and bigints decimal text. */
export type TraceRow = Readonly<Record<string, unknown>>;

/** Undefined for an event that is not known. */
export async function auditTrace(tx: Tx, eventId: string): Promise<AuditTrace | undefined> {
  const rowsOf = async (query: ReturnType<typeof sql>) =>
    (await query.execute(tx)).rows as TraceRow[];
  const [event] = await rowsOf(sql`select * from audit.event where event_id = ${eventId}::uuid`);
  if (event === undefined) return undefined;
  const of = sql`event_id = ${eventId}::uuid`;
  const [{ payload_data: payload } = { payload_data: null }] = await rowsOf(
    sql`select payload_data from audit.event_payload where ${of}`,
  );
  const [{ state } = { state: 'normalized' }] = await rowsOf(
    sql`select state from audit.event_state where ${of}`,
  );
  const assessments = await rowsOf(
    sql`select * from audit.risk_assessment where ${of} order by created_at`,
  );
  const evaluations = await rowsOf(
    sql`select * from audit.evaluation where ${of} order by created_at`,
  );
  const advisories = await rowsOf(
    sql`select a.*, p.name as policy_name, p.title as policy_title, p.regulatory_reference
        from audit.advisory a join audit.policy p on p.policy_id = a.policy_id and p.version = a.policy_version
        where a.event_id = ${eventId}::uuid order by p.priority_level, p.name`,
  );
  const reviews = await rowsOf(
    sql`select * from audit.review where ${of} order by opened_at, review_id`,
  );
  const decisions = await rowsOf(
    sql`select d.*, p.name as decision_maker from audit.decision d
        left join audit.person p on p.person_id = d.decision_maker_id
        where d.event_id = ${eventId}::uuid order by d.advisory_id, d.round`,
  );
  const approvals = await rowsOf(
    sql`select a.*, p.name as person from audit.approval a join audit.person p on p.person_id = a.person_id
        where a.decision_id = any(${idsOf(decisions, 'decision_id')}::uuid[]) order by a.approved_at`,
  );
  const executions = await rowsOf(
    sql`select * from audit.execution where ${of} order by requested_at`,
  );
  const attempts = await rowsOf(
    sql`select * from audit.attempt where execution_id = any(${idsOf(executions, 'execution_id')}::uuid[])
        order by execution_id, attempt_no`,
  );
  const facts = [
    eventId,
    ...idsOf(assessments, 'assessment_id'),
    ...idsOf(evaluations, 'evaluation_id'),
    ...idsOf(advisories, 'advisory_id'),
    ...idsOf(decisions, 'decision_id'),
    ...idsOf(executions, 'execution_id'),
  ];
  const entries = await rowsOf(
    sql`select * from audit.ledger_entry e where e.linked_entity_id = any(${facts}::uuid[])
        order by e.stream, e.seq::bigint`,
  );
  return {
    event,
    payload,
    state: String(state),
    assessments,
    evaluations,
    advisories,
    reviews,
    decisions,
    approvals,
    executions,
    attempts,
    entries,
  };
}

function idsOf(rows: readonly TraceRow[], column: string): string[] {
  return rows.map((row) => String(row[column]));
}
