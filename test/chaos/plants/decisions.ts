import { APPROVED_LOW, NEW_ID, type Plants, REJECTED } from './plant.ts';

const AUTHOR = `(select author from policy.policy limit 1)`;
/** Two or more had to approve it. */
const APPROVED_BY_SEVERAL = `(select a.decision_id from decision.approval a
  join decision.decision d on d.decision_id = a.decision_id and d.decision_type = 'approved'
  where d.risk_level <> 'LOW' and a.act = 'approve' group by a.decision_id having count(*) > 1 order by 1 limit 1)`;
const OVERRIDDEN_UNKNOWN = `(select d.decision_id from decision.decision d
  where d.decision_type = 'override' and d.risk_level = 'UNKNOWN'
    and exists (select from execution.execution x where x.decision_id = d.decision_id) order by 1 limit 1)`;
/** The round after an escalation, whose highest seat is not yet the highest that there is. */
const SECOND_ROUND = `(select d.decision_id from decision.decision d
  where d.round = 2 and d.finalized_at is not null and d.risk_level = 'LOW' order by 1 limit 1)`;
const APPROVAL = `(select approval_id from decision.approval a
  join decision.decision d on d.decision_id = a.decision_id and d.decision_id = ${APPROVED_LOW} limit 1)`;

export const decisionPlants: Plants = {
  D1: [
    {
      what: 'an advisory has two final decisions',
      breaks: ['D1', 'P2', 'P3', 'E3', 'D3', 'L2'],
      make: ({ copy }) =>
        copy('decision.decision', `decision_id = ${REJECTED}`, {
          decision_id: NEW_ID,
          round: '2',
        }),
    },
    {
      what: 'an act was answered and is not there',
      breaks: ['D1'],
      make({ evidence: { acts } }) {
        const done = acts.find(({ outcome }) => outcome === 'ok')!;
        acts.push({ ...done, personId: '7a7a7a7a-7a7a-8a7a-8a7a-7a7a7a7a7a7a' });
      },
    },
    {
      what: 'a decision was answered as another',
      breaks: ['D1'],
      make({ evidence: { acts } }) {
        acts.find(({ state }) => state === 'rejected')!.state = 'approved';
      },
    },
  ],
  D2: [
    {
      what: 'the author of the policy approved',
      breaks: ['D2', 'E3', 'D4'],
      make: ({ sql, evidence }) => {
        evidence.acts = [];
        return sql(
          `update decision.approval set person_id = ${AUTHOR}, role = 'Administrator' where approval_id = ${APPROVAL}`,
        );
      },
    },
    {
      what: 'the last approval of several is gone',
      breaks: ['D2', 'E3'],
      make: ({ sql, evidence }) => {
        evidence.acts = [];
        // Without an earlier one the others might do; without the last one they had not done.
        return sql(`delete from decision.approval where approval_id = (
          select approval_id from decision.approval where decision_id = ${APPROVED_BY_SEVERAL}
          order by approved_at desc limit 1)`);
      },
    },
    {
      what: 'a decision asked for nobody',
      breaks: ['D2', 'E3', 'D3'],
      make: ({ sql }) =>
        sql(`update decision.decision set required_authority = '{"roles": 1, "seats": []}'
        where decision_id = ${APPROVED_LOW}`),
    },
    {
      what: 'an unknown risk was approved without an override',
      breaks: ['D2', 'E3', 'F3'],
      make: ({ sql, evidence }) => {
        evidence.acts = [];
        return sql(
          `update decision.decision set decision_type = 'approved' where decision_id = ${OVERRIDDEN_UNKNOWN}`,
        );
      },
    },
    {
      what: 'a machine approved',
      breaks: ['D2', 'E3', 'D4'],
      make: ({ sql, evidence }) => {
        evidence.acts = [];
        return sql(
          `update decision.approval set person_id = ${NEW_ID} where approval_id = ${APPROVAL}`,
        );
      },
    },
  ],
  D3: [
    {
      what: 'an approval was given to something else',
      breaks: ['D3', 'E3'],
      make: ({ sql, evidence }) => {
        evidence.acts = [];
        return sql(
          `update decision.approval set view_digest = repeat('0', 64) where approval_id = ${APPROVAL}`,
        );
      },
    },
    {
      what: 'a reviewer was shown something else',
      breaks: ['D3'],
      make({ evidence: { acts } }) {
        acts.find(({ outcome }) => outcome === 'ok')!.viewDigest = '0'.repeat(64);
      },
    },
    {
      what: 'another command runs than was approved',
      breaks: ['D3'],
      make: ({ sql }) =>
        sql(`update execution.execution set execution_command = '{"other": "command"}'
        where decision_id = ${APPROVED_LOW}`),
    },
    {
      what: 'an advisory was changed after it was decided',
      breaks: ['D3', 'E3', 'E5'],
      make: ({ sql }) =>
        sql(`update advisory.advisory set recommendation_options =
          jsonb_set(recommendation_options, '{0,title}', '"Something else"')
        where advisory_id = (select advisory_id from decision.decision where decision_id = ${REJECTED})`),
    },
  ],
  D4: [
    {
      what: 'people acted before they held their role',
      breaks: ['D4'],
      make: ({ sql }) =>
        sql(`update identity.role_grant set granted_at = now() + interval '1 hour'`),
    },
    {
      what: 'an approval came before its advisory',
      breaks: ['D4', 'E3'],
      make: ({ sql }) =>
        sql(`update decision.approval set approved_at = approved_at - interval '1 day'
        where approval_id = ${APPROVAL}`),
    },
    {
      what: 'a call was made after its approval had expired',
      breaks: ['D4'],
      make: ({ sql }) =>
        sql(`update execution.attempt set started_at = started_at + interval '3 days'
        where execution_id = (select execution_id from execution.attempt limit 1)`),
    },
    {
      what: 'an approval had expired before it was given',
      breaks: ['D4', 'E3'],
      make: ({ sql }) =>
        sql(`update decision.decision set expires_at = finalized_at - interval '1 second'
          where decision_id = ${APPROVED_LOW}`),
    },
  ],
  D5: [
    {
      what: 'an override without justification',
      breaks: ['D5', 'E3'],
      make: ({ sql }) =>
        sql(
          `update decision.decision set justification = ' ' where decision_id = ${OVERRIDDEN_UNKNOWN}`,
        ),
    },
    {
      what: 'a rejection without justification',
      breaks: ['D5', 'E3'],
      make: ({ sql }) =>
        sql(`update decision.approval set justification = ''
        where approval_id = (select approval_id from decision.approval where decision_id = ${REJECTED} limit 1)`),
    },
    {
      what: 'an escalation went on with the same rank',
      breaks: ['D5', 'D3', 'E3'],
      make: ({ sql }) =>
        sql(`update decision.decision e set required_authority = n.required_authority
          from decision.decision n
          where n.decision_id = ${SECOND_ROUND} and e.advisory_id = n.advisory_id and e.round = 1`),
    },
  ],
};
