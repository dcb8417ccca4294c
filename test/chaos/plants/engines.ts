import { NEW_ID, type Plants, QUIET, QUIET_ASSESSMENT } from './plant.ts';

const ADVISORY = `(select a.advisory_id from advisory.advisory a
  join decision.decision d on d.advisory_id = a.advisory_id
  where a.basis = 'matched' and a.risk_level = 'LOW' order by 1 limit 1)`;

export const enginePlants: Plants = {
  E1: [
    {
      what: 'two versions of a policy are active',
      breaks: ['E1'],
      make: ({ copy }) =>
        copy('policy.policy', `name = 'chaos-act'`, {
          ...{ version: '2', active_from: `now() + interval '1 hour'` },
        }),
    },
    {
      what: 'a model was in force beside another',
      breaks: ['E1', 'E3'],
      make: ({ copy }) =>
        copy('risk.risk_model', 'true', {
          ...{ version: '2', status: `'superseded'` },
          ...{ active_from: `now() - interval '1 hour'`, active_to: `now() + interval '1 hour'` },
        }),
    },
  ],
  E2: [
    {
      what: 'a policy came into force after it was applied',
      breaks: ['E2', 'E5'],
      make: ({ sql }) =>
        sql(
          `update policy.policy set active_from = now() + interval '1 hour' where name = 'chaos-act'`,
        ),
    },
    {
      what: 'an advisory has another level than its assessment',
      breaks: ['E2', 'E3', 'E5', 'D3'],
      make: ({ sql }) =>
        sql(`update advisory.advisory set risk_level = 'HIGH' where advisory_id = ${ADVISORY}`),
    },
    {
      what: 'a model came into force after it was applied',
      breaks: ['E2'],
      make: ({ sql }) => sql(`update risk.risk_model set active_from = now() + interval '1 hour'`),
    },
  ],
  E3: [
    {
      what: 'an event was changed',
      breaks: ['E3'],
      make: ({ sql }) =>
        sql(`update event.event set subject = 'another' where event_id = ${QUIET}`),
    },
    {
      what: 'a payload was changed',
      breaks: ['E3'],
      make: ({ sql }) =>
        sql(`update event.event_payload set payload_data = payload_data || '{"more": 1}'
        where event_id = ${QUIET}`),
    },
    {
      what: 'an execution was changed after its end',
      breaks: ['E3'],
      make: ({ sql }) =>
        sql(`update execution.execution set response_sha256 = null
        where execution_status = 'acknowledged'`),
    },
    {
      what: 'what a reviewer said was changed',
      breaks: ['E3'],
      make: ({ sql }) =>
        sql(`update decision.approval set justification = justification || '!'
        where approval_id = (select a.approval_id from decision.approval a
          join decision.decision d on d.decision_id = a.decision_id and d.finalized_at is not null limit 1)`),
    },
  ],
  E4: [
    {
      what: 'an event is assessed twice',
      breaks: ['E4', 'E3', 'P3', 'L2'],
      make: ({ copy }) =>
        copy('risk.risk_assessment', `assessment_id = ${QUIET_ASSESSMENT}`, {
          assessment_id: NEW_ID,
        }),
    },
    {
      what: 'the versions of an advisory start at two',
      breaks: ['E4', 'E3', 'D3'],
      make: ({ sql }) =>
        sql(`update advisory.advisory set advisory_version = 2 where advisory_id = ${ADVISORY}`),
    },
  ],
  E5: [
    {
      what: 'a score is not what the model gives',
      breaks: ['E5', 'E3'],
      make: ({ sql }) =>
        sql(
          `update risk.risk_assessment set risk_score = risk_score + 1 where assessment_id = ${QUIET_ASSESSMENT}`,
        ),
    },
    {
      what: 'an evaluation says that it asked another policy',
      breaks: ['E5', 'E3'],
      make: ({ sql }) =>
        sql(`update advisory.evaluation
        set policies = policies || '[{"policy": "nobody@1", "result": "not matched"}]' where event_id = ${QUIET}`),
    },
  ],
};
