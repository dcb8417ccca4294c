import type { SeenJob } from '../checker/evidence.ts';
import { type Bed, NEW_ID, type Plants, QUIET, QUIET_ASSESSMENT, REJECTED } from './plant.ts';

const MISSING = '7a7a7a7a-7a7a-8a7a-8a7a-7a7a7a7a7a7a';

async function seeJob(bed: Bed, job: Partial<SeenJob>): Promise<void> {
  const eventId = await bed.value(`select ${QUIET}::text`);
  const content = { v: 1, messages: [{ eventId }] };
  bed.evidence.jobs.push({ at: 0, queue: 'risk', job: 'planted', content, claims: 1, ...job });
}

/** An open dead letter of a stage behind ingest. */
function keepLetter({ copy }: Bed, queue: string, messageId: string): Promise<void> {
  const any = `dead_letter_id = (select dead_letter_id from event.dead_letter limit 1)`;
  return copy('event.dead_letter', any, {
    ...{ dead_letter_id: NEW_ID, queue: `'${queue}'`, message_id: messageId, reason: `'planted'` },
    ...{ content: 'null', source_system: 'null', external_id: 'null' },
  });
}

export const progressPlants: Plants = {
  P1: [
    {
      what: 'a rejected advisory has lost its review',
      breaks: ['P1', 'P3', 'L2'],
      async make({ sql, value, evidence }) {
        const advisory = await value(
          `select advisory_id::text from decision.decision where decision_id = ${REJECTED}`,
        );
        evidence.acts = [];
        evidence.jobs = [];
        await sql(`
          delete from decision.approval where decision_id in (
            select decision_id from decision.decision where advisory_id = '${advisory}');
          delete from decision.decision where advisory_id = '${advisory}';
          delete from decision.review where advisory_id = '${advisory}'`);
      },
    },
    {
      what: 'an event that went on stands among the dead letters',
      breaks: ['P1', 'P5'],
      make: (bed) => keepLetter(bed, 'risk', `${QUIET}::text`),
    },
    {
      what: 'an event has lost its evaluation',
      breaks: ['P1', 'P3', 'L2'],
      make: ({ sql, evidence }) => {
        evidence.jobs = [];
        return sql(`delete from advisory.evaluation where event_id = ${QUIET}`);
      },
    },
  ],
  P2: [
    {
      what: 'an evaluation without its assessment',
      breaks: ['P2', 'P3', 'L2'],
      make: ({ sql, evidence }) => {
        evidence.jobs = [];
        return sql(`delete from risk.risk_assessment where assessment_id = ${QUIET_ASSESSMENT}`);
      },
    },
    {
      what: 'an advisory is reviewed twice',
      breaks: ['P2'],
      make: ({ copy }) =>
        copy('decision.review', `review_id = (select review_id from decision.review limit 1)`, {
          review_id: NEW_ID,
        }),
    },
    {
      what: 'a policy came back from deprecation',
      breaks: ['P2', 'E3'],
      make: ({ sql }) =>
        sql(`update policy.policy_change set from_status = 'deprecated'
        where change_id = (select change_id from policy.policy_change where to_status = 'approved' limit 1)`),
    },
    {
      what: 'an evaluation fired and nobody was advised',
      breaks: ['P1', 'P2', 'E3', 'E5', 'L2'],
      make: ({ sql }) =>
        sql(`update advisory.evaluation set outcome = 'MATCH' where event_id = ${QUIET}`),
    },
  ],
  P3: [
    {
      what: 'a hand-off lagged behind while all was calm',
      breaks: ['P3'],
      make({ evidence }) {
        evidence.gaps.push({ at: evidence.run.endedAt, gap: 'G1', count: 1, oldestS: 500 });
      },
    },
    {
      what: 'a change of policy never reached the ledger',
      breaks: ['P3', 'L2', 'E3'],
      make: ({ copy }) =>
        copy(
          'policy.policy_change',
          `change_id = (select change_id from policy.policy_change limit 1)`,
          { change_id: NEW_ID },
        ),
    },
    {
      what: 'a hand-off was still behind long after the last fault',
      breaks: ['P3'],
      make({ evidence }) {
        const { endedAt } = evidence.run;
        evidence.faults.push({
          ...{ kind: 'killed', detail: '', outage: null, losesJobsFrom: null, observed: 1 },
          ...{ from: endedAt - 200_000, to: endedAt - 190_000 },
        });
        evidence.gaps.push({ at: endedAt - 100_000, gap: 'G8', count: 3, oldestS: 120 });
      },
    },
  ],
  P4: [
    {
      what: 'a job waits',
      breaks: ['P4'],
      make: async ({ redis }) => void (await redis.lpush('{risk}:risk:wait', 'planted')),
    },
    {
      what: 'a job has failed for good',
      breaks: ['P4'],
      make: async ({ redis }) => void (await redis.zadd('{ledger}:ledger:failed', 1, 'planted')),
    },
    {
      what: 'a job named what nobody has recorded',
      breaks: ['P4'],
      make: (bed) => seeJob(bed, { content: { v: 1, messages: [{ eventId: MISSING }] } }),
    },
  ],
  P5: [
    {
      what: 'a dead letter without a reason',
      breaks: ['P5'],
      make: ({ sql }) =>
        sql(`update event.dead_letter set reason = '' where dead_letter_id = (
        select dead_letter_id from event.dead_letter where reason <> 'conflict' limit 1)`),
    },
    {
      what: 'a dead letter of a fact that has its entry',
      breaks: ['P5'],
      make: (bed) => keepLetter(bed, 'ledger', `${QUIET}::text`),
    },
    {
      what: 'a dead letter that nobody claimed',
      breaks: ['P5'],
      make: ({ sql }) => sql(`update event.dead_letter set claims = 0`),
    },
  ],
  P6: [
    {
      what: 'a job carries more than an id',
      breaks: ['P6'],
      make: async (bed) => {
        const eventId = await bed.value(`select ${QUIET}::text`);
        await seeJob(bed, { content: { v: 1, messages: [{ eventId, note: 'and more' }] } });
      },
    },
    {
      what: 'a job carries too many messages',
      breaks: ['P6'],
      make: async (bed) => {
        const eventId = await bed.value(`select ${QUIET}::text`);
        await seeJob(bed, { content: { v: 1, messages: Array(257).fill({ eventId }) } });
      },
    },
    {
      what: 'a job carries a whole event',
      breaks: ['P6'],
      make: (bed) => seeJob(bed, { content: { specversion: '1.0', data: {} } }),
    },
  ],
  P7: [
    {
      what: 'a repeat has changed a table',
      breaks: ['P7'],
      make({ evidence: { run } }) {
        const { before } = run.replay!;
        const tables = { ...before.tables, 'decision.decision': '1 other' };
        run.replay = { before, after: { ...before, tables } };
      },
    },
    {
      what: 'a repeat had an effect at the target',
      breaks: ['P7'],
      make({ evidence: { run } }) {
        const { before } = run.replay!;
        run.replay = { before, after: { ...before, effects: before.effects + 1 } };
      },
    },
  ],
};
