/** X: nothing is done without permission, and what is done is done once. */
import { type Check, sqlCheck } from '../check.ts';

const X1 = sqlCheck(
  'X1',
  'No execution without a final approval in the ledger',
  `select 'execution ' || x.execution_id as offender from audit.execution x
   left join audit.decision d on d.decision_id = x.decision_id
   left join audit.ledger_entry l on l.entry_type = 'DECISION' and l.linked_entity_id = x.decision_id
   where (d.finalized_at is not null and d.decision_type in ('approved', 'override')
     and l.entry_digest = d.row_digest) is not true`,
);

const X2 = sqlCheck(
  'X2',
  'One execution for each decision and action, and none is missing',
  `select 'decision ' || decision_id || ' action ' || action_no as offender from audit.execution
     group by decision_id, action_no having count(*) > 1
   union all
   select 'decision ' || d.decision_id || ' without execution' from audit.decision d
     join audit.ledger_entry l on l.entry_type = 'DECISION' and l.linked_entity_id = d.decision_id
     where d.decision_type in ('approved', 'override')
       and not exists (select from audit.execution x where x.decision_id = d.decision_id)
       and not exists (select from run_given_up y where y.queue = 'execution'
         and y.message_id = d.decision_id::text)`,
);

const X3 = sqlCheck(
  'X3',
  'One key and one body for each execution',
  `select 'execution ' || t.execution_id as offender from audit.attempt t
     left join audit.execution x on x.execution_id = t.execution_id
     group by t.execution_id, x.request_body
     having (count(distinct t.idempotency_key) = 1 and count(distinct t.body_sha256) = 1
       and min(t.idempotency_key) = t.execution_id::text
       and min(t.body_sha256) = encode(sha256(convert_to(x.request_body, 'UTF8')), 'hex')) is not true
   union all
   select 'key ' || idempotency_key || ' in several executions' from audit.attempt
     group by idempotency_key having count(distinct execution_id) > 1`,
);

const X4 = sqlCheck(
  'X4',
  'The target agrees',
  `select 'key ' || key || ' had ' || count(*) || ' effects' as offender from run_receipt
     where effect group by key having count(*) > 1
   union all
   select 'receipt of ' || r.key || ' at ' || r.at from run_receipt r
     left join audit.execution x on x.execution_id::text = r.key
     where (r."signatureOk" and r.target = x.target_system
       and r.body = encode(sha256(convert_to(x.request_body, 'UTF8')), 'hex')
       and exists (select from audit.attempt t where t.execution_id = x.execution_id)) is not true
   union all
   select 'execution ' || x.execution_id || ' is acknowledged and had no effect' from audit.execution x
     where x.execution_status = 'acknowledged' and x.target_system in (select target from run_receiver)
       and not exists (select from run_receipt r where r.key = x.execution_id::text and r.effect)
   union all
   select 'execution ' || x.execution_id || ' failed as ' || x.failure_reason || ' and had an effect'
     from audit.execution x where x.failure_reason in ('refused', 'expired', 'rejected', 'exhausted')
       and exists (select from run_receipt r where r.key = x.execution_id::text and r.effect)
   union all
   select 'execution ' || x.execution_id || ' was ' || x.failure_reason || ' and was sent'
     from audit.execution x where x.failure_reason in ('refused', 'expired')
       and exists (select from run_receipt r where r.key = x.execution_id::text)`,
);

const X5 = sqlCheck(
  'X5',
  'A terminal status comes once, and what is ambiguous ends in front of a person',
  `select 'execution ' || execution_id || ' is ' || execution_status as offender from audit.execution
     where ((execution_status in ('acknowledged', 'failed')) = (completed_at is not null)
       and (execution_status = 'failed') = (failure_reason is not null)) is not true
   union all
   select 'execution ' || x.execution_id || ' is acknowledged without an acknowledgement' from audit.execution x
     where x.execution_status = 'acknowledged' and not exists (select from audit.attempt t
       where t.execution_id = x.execution_id and t.outcome = 'acknowledged')
   union all
   select 'execution ' || x.execution_id || ' was acknowledged and ended as ' || x.execution_status
     from audit.execution x where x.execution_status <> 'acknowledged' and exists (select from audit.attempt t
       where t.execution_id = x.execution_id and t.outcome = 'acknowledged')
   union all
   select 'execution ' || x.execution_id || ' may have happened and ended as ' || x.failure_reason
     from audit.execution x where x.execution_status = 'failed' and x.failure_reason <> 'outcome_unknown'
       and exists (select from audit.attempt t
         where t.execution_id = x.execution_id and t.outcome = 'outcome_unknown')
   union all
   select 'execution ' || x.execution_id || ' has an attempt that never ended' from audit.execution x
     join audit.attempt t on t.execution_id = x.execution_id
     where x.completed_at is not null and t.finished_at is null
   union all
   select 'execution ' || t.execution_id || ' went on after attempt ' || t.attempt_no from audit.attempt t
     join audit.attempt n on n.execution_id = t.execution_id and n.attempt_no > t.attempt_no
     where t.outcome in ('acknowledged', 'rejected')`,
);

export const executionChecks: readonly Check[] = [X1, X2, X3, X4, X5];
