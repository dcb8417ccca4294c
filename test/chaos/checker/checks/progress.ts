/** P: every event comes to its one end, nothing is stranded, and the queues hold nothing but ids of what is there. */
import { type Check, type Finding, first, offendersOf, sqlCheck, type World } from '../check.ts';
import type { GapSample, SeenJob } from '../evidence.ts';
import { gaps } from '../gaps.ts';
import { jobIds, queues } from '../queue-keys.ts';

/** A thread is what has one end: an advisory, or an event that gave none. */
const P1 = sqlCheck(
  'P1',
  'Every event ends exactly once',
  `with thread as (
     select a.advisory_id as id from audit.advisory a
     union all
     select e.event_id from audit.event e
     where not exists (select from audit.advisory a where a.event_id = e.event_id)
   ), entry as (
     select entry_type as type, linked_entity_id as fact from audit.ledger_entry
   ), ending as (
     select v.event_id as id from audit.evaluation v
     join entry on entry.type = 'EVALUATION' and entry.fact = v.evaluation_id
     where v.outcome = 'NO_MATCH'
     union all
     select d.advisory_id from audit.decision d
     join entry on entry.type = 'DECISION' and entry.fact = d.decision_id
     where d.decision_type = 'rejected'
     union all
     select d.advisory_id from audit.execution x
     join audit.decision d on d.decision_id = x.decision_id
     join entry on entry.type = 'EXECUTION' and entry.fact = x.execution_id
     where x.completed_at is not null
     union all
     select e.event_id from audit.event e
     join run_given_up x on x.queue = 'risk' and x.message_id = e.event_id::text
     union all
     select a.event_id from audit.risk_assessment a
     join run_given_up x on x.queue = 'advisory' and x.message_id = a.assessment_id::text
      
     union all
     select a.advisory_id from audit.advisory a
     join run_given_up x on x.queue = 'awaiting-decision' and x.message_id = a.evaluation_id::text
      
     union all
     select d.advisory_id from audit.decision d
     join run_given_up x on x.queue = 'execution' and x.message_id = d.decision_id::text
      
   )
   select 'thread ' || t.id || ' has ' || count(n.id) || ' ends' as offender
   from thread t left join ending n on n.id = t.id
   group by t.id having count(n.id) <> 1`,
);

const P2 = sqlCheck(
  'P2',
  'No stage without its predecessor, no step twice, no illegal change of state',
  `select 'assessment ' || a.assessment_id || ' of no event' as offender from audit.risk_assessment a
     where not exists (select from audit.event e where e.event_id = a.event_id)
   union all select 'evaluation ' || v.evaluation_id || ' of no assessment' from audit.evaluation v
     where not exists (select from audit.risk_assessment a
       where a.assessment_id = v.assessment_id and a.event_id = v.event_id)
   union all select 'advisory ' || a.advisory_id || ' of no evaluation' from audit.advisory a
     where not exists (select from audit.evaluation v
       where v.evaluation_id = a.evaluation_id and v.event_id = a.event_id and v.outcome <> 'NO_MATCH')
   union all select 'evaluation ' || v.evaluation_id || ' fired and advises nothing' from audit.evaluation v
     where v.outcome <> 'NO_MATCH'
       and not exists (select from audit.advisory a where a.evaluation_id = v.evaluation_id)
   union all select 'review ' || r.review_id || ' of no advisory' from audit.review r
     where not exists (select from audit.advisory a where a.advisory_id = r.advisory_id)
   union all select 'decision ' || d.decision_id || ' of no review' from audit.decision d
     where not exists (select from audit.review r
       where r.review_id = d.review_id and r.advisory_id = d.advisory_id)
   union all select 'approval ' || a.approval_id || ' of no decision' from audit.approval a
     where not exists (select from audit.decision d where d.decision_id = a.decision_id)
   union all select 'attempt on no execution ' || t.execution_id from audit.attempt t
     where not exists (select from audit.execution x where x.execution_id = t.execution_id)
   union all select 'evaluated twice: assessment ' || assessment_id from audit.evaluation
     group by assessment_id having count(*) > 1
   union all select 'reviewed twice: advisory ' || advisory_id from audit.review
     group by advisory_id having count(*) > 1
   union all select 'round twice: advisory ' || advisory_id from audit.decision
     group by advisory_id, round having count(*) > 1
   union all select 'acted twice: ' || person_id || ' on ' || decision_id from audit.approval
     group by decision_id, person_id having count(*) > 1
   union all select 'two open rounds: advisory ' || advisory_id from audit.decision
     where decision_type = 'pending' group by advisory_id having count(*) > 1
   union all select 'decision ' || decision_id || ' is ' || decision_type from audit.decision
     where ((decision_type in ('approved', 'rejected', 'override')) = (finalized_at is not null)) is not true
       or (decision_type in ('pending', 'approved', 'rejected', 'override', 'escalated')) is not true
   union all select 'review ' || r.review_id || ' is resolved and undecided, or the reverse' from audit.review r
     where (r.resolved_at is not null) <> exists (select from audit.decision d
       where d.review_id = r.review_id and d.finalized_at is not null)
   union all select 'round ' || d.round || ' of ' || d.advisory_id || ' follows no escalation'
     from audit.decision d where d.round > 1 and not exists (select from audit.decision e
       where e.advisory_id = d.advisory_id and e.round = d.round - 1 and e.decision_type = 'escalated')
   union all select 'execution ' || x.execution_id || ' is ' || x.execution_status || ' after '
       || count(t.attempt_no) || ' attempts'
     from audit.execution x left join audit.attempt t on t.execution_id = x.execution_id
     group by x.execution_id, x.execution_status
     having (case x.execution_status when 'requested' then count(t.attempt_no) = 0
       when 'failed' then true when 'dispatched' then count(t.attempt_no) > 0
       when 'acknowledged' then count(t.attempt_no) > 0 end) is not true
   union all select 'policy ' || policy_id || '@' || version || ' went from ' || coalesce(from_status, 'nothing')
       || ' to ' || to_status from audit.policy_change
     where ((from_status is null and to_status in ('draft', 'active')) or (from_status, to_status) in
       (('draft', 'approved'), ('approved', 'active'), ('draft', 'active'), ('active', 'deprecated'),
       ('deprecated', 'active'))) is not true
   union all select 'model ' || model_id || '@' || version || ' went from ' || coalesce(from_status, 'nothing')
       || ' to ' || to_status from audit.risk_model_change
     where ((from_status is null and to_status in ('defined', 'active')) or (from_status, to_status) in
       (('defined', 'active'), ('active', 'superseded'))) is not true`,
);

/** How long a hand-off may lag behind while everything is up, in seconds: the time to heal an emptied queue store. */
const LAG_S_MAX = 60;

const P3: Check = {
  name: 'P3',
  title: 'Nothing is stranded',
  async find(world) {
    const { evidence } = world;
    const stranded: string[] = [];
    for (const [gap, sql] of Object.entries(gaps)) {
      const found = `select '${gap} ' || id as offender from (${sql}) as gap (id, since)`;
      stranded.push(...(await offendersOf(world, found)));
    }
    stranded.push(...(await offendersOf(world, await ofTheSystem(world))));
    return first([...stranded, ...lagging(evidence.gaps, evidence.faults)]);
  },
};

/** The system's own word for the same, with no grace; nothing where it has none. */
async function ofTheSystem({ postgres }: World): Promise<string> {
  const { rows } = await postgres.query<{ view: string }>(
    `select 'audit.' || viewname as view from pg_views
     where schemaname = 'audit' and viewname like 'gap\\_%' order by viewname`,
  );
  const reads = rows.map(({ view }) => `select '${view} ' || id as offender from ${view}`);
  return reads.length > 0 ? reads.join(' union all ') : 'select null as offender where false';
}

/** Samples that show a lag which the last fault cannot explain any more. */
function* lagging(
  samples: readonly GapSample[],
  faults: readonly { readonly from: number; readonly to: number }[],
): Generator<string> {
  const ordered = faults.toSorted((a, b) => a.from - b.from);
  for (const { at, gap, oldestS } of samples) {
    if (oldestS <= LAG_S_MAX) continue;
    const calmSince = Math.max(0, ...ordered.filter(({ from }) => from <= at).map(({ to }) => to));
    if (at - calmSince > LAG_S_MAX * 1_000) yield `${gap} lagged ${Math.round(oldestS)} s at ${at}`;
  }
}

const P4: Check = {
  name: 'P4',
  title: 'The queues hold no orphan and are empty in the end',
  async find(world) {
    const left: string[] = [];
    for (const queue of queues) {
      for (const [state, ids] of await jobIds(world.redis, queue, 1)) {
        left.push(`${queue} has a job ${state}: ${ids[0]}`);
      }
    }
    return first([...left, ...(await orphans(world))]);
  },
};

/** Ids that a job carried and nobody recorded, other than the forged ones. */
async function orphans({ postgres, evidence }: World): Promise<readonly string[]> {
  const forged = new Set(evidence.run.forged);
  const named = evidence.jobs
    .flatMap((job) => messagesOf(job).flatMap((message) => factNamed(job.queue, message)))
    .filter(({ id }) => !forged.has(id));
  const { rows } = await postgres.query<{ offender: string }>(
    `select distinct queue || ' carried ' || type || ' ' || id as offender
     from jsonb_to_recordset($1) as n (queue text, type text, id text)
     where not exists (select from (
       select 'EVENT' as type, event_id as id from audit.event
       union all select 'RISK_ASSESSMENT', assessment_id from audit.risk_assessment
       union all select 'EVALUATION', evaluation_id from audit.evaluation
       union all select 'ADVISORY', advisory_id from audit.advisory
       union all select 'DECISION', decision_id from audit.decision
       union all select 'EXECUTION', execution_id from audit.execution
       union all select 'POLICY', change_id from audit.policy_change
       union all select 'RISK_MODEL', change_id from audit.risk_model_change
       union all select 'DEAD_LETTER', dead_letter_id from audit.dead_letter) f
       where f.type = n.type and f.id::text = n.id)`,
    [JSON.stringify(named)],
  );
  return rows.map(({ offender }) => offender);
}

function messagesOf({ content }: SeenJob): readonly Record<string, unknown>[] {
  const { messages } = (content ?? {}) as { readonly messages?: unknown };
  if (!Array.isArray(messages)) return [];
  return messages.filter((message) => typeof message === 'object' && message !== null);
}

function factNamed(
  queue: string,
  message: Record<string, unknown>,
): { queue: string; type: string; id: string }[] {
  const named = {
    risk: ['EVENT', message['eventId']],
    advisory: ['RISK_ASSESSMENT', message['assessmentId']],
    execution: ['DECISION', message['decisionId']],
  }[queue] ?? [message['type'], message['id']];
  return [{ queue, type: String(named[0]), id: String(named[1]) }];
}

/** The stage that gave a message up, and what would show that it was done after all. */
const ADVANCED = `
  select x.dead_letter_id from run_given_up x
  join audit.risk_assessment a on x.queue = 'risk' and x.message_id = a.event_id::text
  where x.discarded_at is null
  union all select x.dead_letter_id from run_given_up x
  join audit.evaluation v on x.queue = 'advisory' and x.message_id = v.assessment_id::text
  where x.discarded_at is null
  union all select x.dead_letter_id from run_given_up x
  join audit.review r on x.queue = 'awaiting-decision' and x.message_id = r.evaluation_id::text
  where x.discarded_at is null
  union all select x.dead_letter_id from run_given_up x
  join audit.execution e on x.queue = 'execution' and x.message_id = e.decision_id::text
  where x.discarded_at is null
  union all select x.dead_letter_id from run_given_up x
  join audit.ledger_entry l on x.queue = 'ledger' and x.message_id = l.linked_entity_id::text
  where x.discarded_at is null`;

const P5 = sqlCheck(
  'P5',
  'Dead letters are visible, and none is open whose message went on',
  `select 'dead letter ' || d.dead_letter_id || ' lacks stage, reason, detail or claims' as offender
   from audit.dead_letter d
   where (d.queue in ('ingest', 'risk', 'advisory', 'awaiting-decision', 'ledger', 'execution')
     and d.reason <> '' and d.detail <> '' and d.claims >= 1 and d.created_at is not null
     and (d.discarded_at is null or d.discard_reason <> '')) is not true
   union all
   select 'dead letter ' || dead_letter_id || ' is open and its message went on' from (${ADVANCED}) a`,
);

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const TYPE = /^[A-Z_]{4,20}$/;
const MESSAGES_MAX = 256;
const members: Readonly<Record<string, readonly string[]>> = {
  risk: ['eventId'],
  advisory: ['assessmentId'],
  'awaiting-decision': ['id', 'type'],
  ledger: ['id', 'type'],
  execution: ['decisionId'],
};

const P6: Check = {
  name: 'P6',
  title: 'Jobs carry only ids',
  find: ({ evidence }) => {
    const forged = new Set(evidence.run.forged);
    const strange = evidence.jobs.filter(({ job }) => !forged.has(job)).filter(carriesMore);
    return Promise.resolve(first(strange.map(({ queue, job }) => `${queue} job ${job}`)));
  },
};

function carriesMore({ queue, content }: SeenJob): boolean {
  const wanted = members[queue];
  if (wanted === undefined || typeof content !== 'object' || content === null) return true;
  const { v, messages, ...rest } = content as { v?: unknown; messages?: unknown };
  if (v !== 1 || Object.keys(rest).length > 0 || !Array.isArray(messages)) return true;
  if (messages.length < 1 || messages.length > MESSAGES_MAX) return true;
  return !messages.every((message: unknown) => {
    if (typeof message !== 'object' || message === null) return false;
    const entries = Object.entries(message);
    return (
      entries
        .map(([name]) => name)
        .toSorted()
        .join() === wanted.join() &&
      entries.every(([name, value]) =>
        (name === 'type' ? TYPE : UUID).test(typeof value === 'string' ? value : ''),
      )
    );
  });
}

const P7: Check = {
  name: 'P7',
  title: 'Any job may be repeated',
  find: ({ evidence }) => Promise.resolve(changedByRepeats(evidence.run.replay)),
};

function changedByRepeats(replay: World['evidence']['run']['replay']): Finding {
  if (replay === null) return { notChecked: 'the run did not repeat its jobs' };
  const { before, after } = replay;
  const names = new Set([...Object.keys(before.tables), ...Object.keys(after.tables)]);
  const changed = [...names].filter((name) => before.tables[name] !== after.tables[name]);
  const effects =
    before.effects === after.effects
      ? []
      : [`the target had ${before.effects} effects, and ${after.effects} after the repeats`];
  return first([...changed.map((name) => `${name} changed`), ...effects]);
}

export const progressChecks: readonly Check[] = [P1, P2, P3, P4, P5, P6, P7];
