/**
 * Rows without their successor, in the checker's own words: the reconciler and the health signal go by the views of the
 * audit schema, and who judges them must not ask them. Each yields `id` and `since`, the instant at which the successor
 * became due. A message that was given up, and is a dead letter for people, is no gap; but one that was refused because its
 * id was unknown, when the row is there now: whoever sent that was early, or a forger.
 */

const deadAt = (queue: string, id: string) => `exists (select from audit.dead_letter dead
  where dead.queue = '${queue}' and dead.message_id = ${id}::text and dead.redriven_at is null
    and dead.reason <> 'unknown_id')`;
const noEntry = (type: string, id: string) => `not exists (select from audit.ledger_entry entry
  where entry.entry_type = '${type}' and entry.linked_entity_id = ${id}) and not ${deadAt('ledger', id)}`;

export const gaps: Readonly<Record<string, string>> = {
  G1: `select e.event_id as id, e.created_at as since from audit.event e
    where not exists (select from audit.risk_assessment a where a.event_id = e.event_id)
      and not ${deadAt('risk', 'e.event_id')}`,
  G2: `select a.assessment_id, a.created_at from audit.risk_assessment a
    where not exists (select from audit.evaluation v where v.assessment_id = a.assessment_id)
      and not ${deadAt('advisory', 'a.assessment_id')}`,
  G3: `select a.advisory_id, v.created_at from audit.advisory a
    join audit.evaluation v on v.evaluation_id = a.evaluation_id
    where not exists (select from audit.review r where r.advisory_id = a.advisory_id)
      and not ${deadAt('awaiting-decision', 'a.evaluation_id')}`,
  G4: `select d.decision_id, coalesce(d.finalized_at, d.escalated_at) from audit.decision d
    where d.row_digest is not null and ${noEntry('DECISION', 'd.decision_id')}`,
  G5: `select d.decision_id, l.sealed_at from audit.decision d
    join audit.ledger_entry l on l.entry_type = 'DECISION' and l.linked_entity_id = d.decision_id
    where d.decision_type in ('approved', 'override')
      and not exists (select from audit.execution x where x.decision_id = d.decision_id)
      and not ${deadAt('execution', 'd.decision_id')}`,
  G6: `select x.execution_id, x.completed_at from audit.execution x
    where x.completed_at is not null and ${noEntry('EXECUTION', 'x.execution_id')}`,
  G7: `select x.execution_id, coalesce(x.next_attempt_at, x.requested_at) from audit.execution x
    where x.completed_at is null`,
  G8: `select f.id, f.since from (
      select 'EVENT' as type, event_id as id, created_at as since from audit.event
      union all select 'RISK_ASSESSMENT', assessment_id, created_at from audit.risk_assessment
      union all select 'EVALUATION', evaluation_id, created_at from audit.evaluation where outcome = 'NO_MATCH'
      union all select 'ADVISORY', advisory_id, created_at from audit.advisory
      union all select 'POLICY', change_id, changed_at from audit.policy_change
      union all select 'RISK_MODEL', change_id, changed_at from audit.risk_model_change
      union all select 'DEAD_LETTER', dead_letter_id, discarded_at from audit.dead_letter
        where discarded_at is not null) f
    where not exists (select from audit.ledger_entry l
      where l.entry_type = f.type and l.linked_entity_id = f.id) and not ${deadAt('ledger', 'f.id')}`,
};
