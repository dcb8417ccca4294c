/** F: what did not happen while something was out of service. */
import { type Check, first, offendersOf, sqlCheck } from '../check.ts';

/** How long the ledger's last word counts, in seconds: until then a decision may still be finalised. */
const HEARTBEAT_S = 5;

const during = (outage: string, instant: string, graceS = 0) =>
  `join run_outage f on f.of = '${outage}'
     and extract(epoch from ${instant}) * 1000 >= f."from" + ${graceS * 1_000}
     and extract(epoch from ${instant}) * 1000 < f."to"`;

const F1 = sqlCheck(
  'F1',
  'Without the ledger nothing is finalised and nothing is sent',
  `select 'decision ' || d.decision_id as offender from audit.decision d
     ${during('ledger', 'd.finalized_at', HEARTBEAT_S)}
   union all
   select 'attempt ' || t.attempt_no || ' on execution ' || t.execution_id from audit.attempt t
     ${during('ledger', 't.started_at', HEARTBEAT_S)}`,
);

const F2 = sqlCheck(
  'F2',
  'Without the policies nothing reads as compliant',
  `select 'evaluation ' || v.evaluation_id || ' cleared its event' as offender from audit.evaluation v
     ${during('policies', 'v.evaluated_at')} where v.outcome = 'NO_MATCH'
   union all
   select 'evaluation ' || v.evaluation_id || ' asked nobody' from audit.evaluation v
     where v.outcome = 'NO_MATCH' and exists (select from jsonb_array_elements(v.policies) as asked
       where (asked ->> 'result' = 'not matched') is not true)
   union all
   select 'advisory ' || a.advisory_id || ' hides what is unknown' from audit.advisory a
     join audit.evaluation v on v.evaluation_id = a.evaluation_id
     where a.basis = 'unknown' and v.outcome <> 'UNKNOWN'`,
);

const F3 = sqlCheck(
  'F3',
  'Without the risk engine the risk is unknown, and only an override acts on it',
  `select 'assessment ' || s.assessment_id || ' has a level and no score' as offender from audit.risk_assessment s
     where ((s.risk_level = 'UNKNOWN') = (s.risk_score is null)) is not true
   union all
   select 'assessment ' || s.assessment_id || ' was weighed' from audit.risk_assessment s
     ${during('risk', 's.evaluated_at')} where s.risk_level <> 'UNKNOWN'
   union all
   select 'evaluation ' || v.evaluation_id || ' cleared an unknown risk' from audit.evaluation v
     join audit.risk_assessment s on s.assessment_id = v.assessment_id
     where s.risk_level = 'UNKNOWN' and v.outcome = 'NO_MATCH'
   union all
   select 'execution ' || x.execution_id || ' on an unknown risk' from audit.execution x
     join audit.decision d on d.decision_id = x.decision_id
     join audit.advisory a on a.advisory_id = d.advisory_id
     join audit.risk_assessment s on s.assessment_id = a.assessment_id
     where (s.risk_level = 'UNKNOWN' or a.risk_level = 'UNKNOWN') and d.decision_type <> 'override'`,
);

const F4 = sqlCheck(
  'F4',
  'Without Postgres nothing is accepted',
  `select 'op ' || o.op as offender from run_op o
     join run_outage f on f.of = 'postgres' and o."startedAt" >= f."from" and o."endedAt" < f."to"
     where o.path = 'http' and o.outcome = 'ok'
   union all
   select 'act of ' || a."personId" || ' on ' || a."decisionId" from run_act a
     join run_outage f on f.of = 'postgres' and a."startedAt" >= f."from" and a."endedAt" < f."to"
     where a.outcome = 'ok'`,
);

/** As many tries over HTTP say whether it accepts. */
const TRIES_MIN = 5;

const F5: Check = {
  name: 'F5',
  title: 'Without Redis, HTTP goes on accepting',
  find: async (world) =>
    first(
      await offendersOf(
        world,
        `select f.kind || ' at ' || f."from" || ': none of ' || count(*) || ' was accepted' as offender
         from run_outage f join run_op o on o.path = 'http' and o."startedAt" >= f."from" and o."endedAt" < f."to"
         where f.of = 'redis' and not exists (select from run_fault other
           where other."from" < f."to" and f."from" < other."to" and other.kind <> f.kind)
         group by f.kind, f."from"
         having count(*) >= ${TRIES_MIN} and bool_or(o.outcome = 'ok') is not true`,
      ),
    ),
};

export const failSafeChecks: readonly Check[] = [F1, F2, F3, F4, F5];
