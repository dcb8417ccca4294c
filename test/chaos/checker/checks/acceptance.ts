/** A: what was accepted, what was refused, and what was neither. */
import { type Check, sqlCheck } from '../check.ts';

/** An op whose job the queue store may have lost with a fault: it had been taken in the time that the fault undid. */
const MAY_BE_LOST = `exists (select from run_fault f
  where f."losesJobsFrom" <= o."endedAt" and o."startedAt" <= f."to")`;

/** An op of a key under which other content stands. */
const OTHER_BODY = `
  select o.* from run_op o
  join audit.event e on e.source_system = o.source and e.external_id = o.id
  where (e.payload_reference = 'sha256:' || o.payload) is not true`;

const A1 = sqlCheck(
  'A1',
  'Nothing that HTTP accepted is lost',
  `select 'op ' || o.op || ': ' || o.source || ' ' || o.id as offender
   from run_op o left join audit.event e on e.source_system = o.source and e.external_id = o.id
   where o.path = 'http' and o.outcome = 'ok' and (e.event_id::text = o."eventId"
     and e.content_digest = o.digest and e.payload_reference = 'sha256:' || o.payload) is not true`,
);

const A2 = sqlCheck(
  'A2',
  'Nothing is invented',
  `select 'event ' || e.event_id as offender from audit.event e
   where not exists (select from run_op o where o.source = e.source_system and o.id = e.external_id
     and 'sha256:' || o.payload = e.payload_reference)`,
);

const A3 = sqlCheck(
  'A3',
  'One event for each key',
  `select source_system || ' ' || external_id as offender from audit.event
   group by source_system, external_id having count(*) > 1
   union all
   select source || ' ' || id from run_op where outcome = 'ok' and path = 'http'
   group by source, id having count(distinct "eventId") > 1`,
);

const A4 = sqlCheck(
  'A4',
  'The same key with another body is refused and kept as a dead letter',
  `select 'op ' || o.op || ' was accepted' as offender from (${OTHER_BODY}) o
   where o.path = 'http' and o.outcome = 'ok'
   union all
   select 'op ' || o.op || ' is no conflict' from run_op o
   join audit.event e on e.source_system = o.source and e.external_id = o.id
   where o.status = 409 and e.payload_reference = 'sha256:' || o.payload
   union all
   select 'op ' || o.op || ' left no dead letter' from (${OTHER_BODY}) o
   where (o.status = 409 or (o.path = 'queue' and o.outcome = 'ok' and not ${MAY_BE_LOST}))
     and not exists (select from audit.dead_letter d where d.reason = 'conflict'
       and d.source_system = o.source and d.external_id = o.id and d.content_sha256 = o.body)`,
);

const A5 = sqlCheck(
  'A5',
  'What was refused is not there',
  `select o.source || ' ' || o.id as offender from run_op o
   join audit.event e on e.source_system = o.source and e.external_id = o.id
   group by o.source, o.id having bool_and(o.outcome = 'refused')`,
);

const A6 = sqlCheck(
  'A6',
  'What the queue path loses is bounded and known',
  `select 'op ' || o.op || ': ' || o.source || ' ' || o.id as offender from run_op o
   where o.path = 'queue' and o.outcome = 'ok'
     and not exists (select from audit.event e where e.source_system = o.source and e.external_id = o.id)
     and not exists (select from audit.dead_letter d where d.queue = 'ingest'
       and d.source_system = o.source and d.external_id = o.id)
     and not (${MAY_BE_LOST} and exists (select from run_missed m where m.key = o.source || ' ' || o.id))`,
);

export const acceptanceChecks: readonly Check[] = [A1, A2, A3, A4, A5, A6];
