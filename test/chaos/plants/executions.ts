import {
  ACKNOWLEDGED,
  APPROVED_LOW,
  NEW_ID,
  type Plants,
  REFUSED_BY_TARGET,
  RETRIED,
} from './plant.ts';

export const executionPlants: Plants = {
  X1: [
    {
      what: 'a rejected decision was carried out',
      breaks: ['X1', 'P1', 'E3'],
      make: ({ sql, evidence }) => {
        evidence.acts = [];
        return sql(
          `update decision.decision set decision_type = 'rejected' where decision_id = ${APPROVED_LOW}`,
        );
      },
    },
    {
      what: 'the type of a decision is not known',
      breaks: ['X1', 'P2', 'E3'],
      make: ({ sql, evidence }) => {
        evidence.acts = [];
        return sql(`alter table decision.decision alter decision_type drop not null;
          update decision.decision set decision_type = null where decision_id = ${APPROVED_LOW}`);
      },
    },
    {
      what: 'the entry of a decision says something else',
      breaks: ['X1', 'L1', 'L2', 'L4'],
      make: ({ sql }) =>
        sql(`update ledger.ledger_entry set entry_data =
          replace(entry_data::text, entry_data ->> 'digest', repeat('0', 64))::json
        where entry_type = 'DECISION' and linked_entity_id = ${APPROVED_LOW}`),
    },
  ],
  X2: [
    {
      what: 'a decision was carried out twice',
      breaks: ['X2', 'P3', 'E3', 'L2'],
      make: ({ copy }) =>
        copy('execution.execution', `execution_id = ${ACKNOWLEDGED}`, {
          ...{ execution_id: NEW_ID, execution_status: `'failed'`, failure_reason: `'expired'` },
        }),
    },
    {
      what: 'a decision was never carried out',
      breaks: ['X2', 'P1', 'P3', 'L2'],
      async make({ sql, value, evidence }) {
        const id = await value(`select ${REFUSED_BY_TARGET}::text`);
        evidence.receipts = evidence.receipts.filter(({ key }) => key !== id);
        evidence.jobs = [];
        await sql(`delete from execution.attempt where execution_id = '${id}';
          delete from execution.execution where execution_id = '${id}'`);
      },
    },
  ],
  X3: [
    {
      what: 'a retry sent other bytes',
      breaks: ['X3'],
      make: ({ sql }) =>
        sql(`update execution.attempt set body_sha256 = repeat('0', 64)
        where execution_id = ${RETRIED} and attempt_no = 2`),
    },
    {
      what: 'a retry had another key',
      breaks: ['X3'],
      make: ({ sql }) =>
        sql(`update execution.attempt set idempotency_key = 'another'
        where execution_id = ${RETRIED} and attempt_no = 2`),
    },
    {
      what: 'two executions share a key',
      breaks: ['X3'],
      make: ({ sql }) =>
        sql(`update execution.attempt set idempotency_key = (
          select idempotency_key from execution.attempt where execution_id = ${RETRIED} limit 1)
        where execution_id = ${ACKNOWLEDGED}`),
    },
  ],
  X4: [
    {
      what: 'a key had two effects',
      breaks: ['X4'],
      make({ evidence: { receipts } }) {
        receipts.push({ ...receipts.find(({ effect }) => effect)! });
      },
    },
    {
      what: 'a request was not signed',
      breaks: ['X4'],
      make({ evidence: { receipts } }) {
        receipts[0]!.signatureOk = false;
      },
    },
    {
      what: 'an acknowledged execution had no effect',
      breaks: ['X4'],
      make: async ({ value, evidence }) => {
        const id = await value(`select ${ACKNOWLEDGED}::text`);
        evidence.receipts = evidence.receipts.filter(({ key }) => key !== id);
      },
    },
    {
      what: 'what the target refused had an effect',
      breaks: ['X4'],
      make: async ({ value, evidence }) => {
        const id = await value(`select ${REFUSED_BY_TARGET}::text`);
        evidence.receipts.find(({ key }) => key === id)!.effect = true;
      },
    },
    {
      what: 'the target was sent what nobody recorded',
      breaks: ['X4'],
      make({ evidence: { receipts } }) {
        receipts.push({
          ...receipts[0]!,
          key: '7a7a7a7a-7a7a-8a7a-8a7a-7a7a7a7a7a7a',
          effect: false,
        });
      },
    },
  ],
  X5: [
    {
      what: 'an execution is acknowledged and no attempt was',
      breaks: ['X5'],
      make: ({ sql }) =>
        sql(`update execution.attempt set outcome = 'retry' where execution_id = ${ACKNOWLEDGED}`),
    },
    {
      what: 'what may have happened ended as refused by the target',
      breaks: ['X5'],
      make: ({ sql }) =>
        sql(`update execution.attempt set outcome = 'outcome_unknown'
        where execution_id = ${REFUSED_BY_TARGET}`),
    },
    {
      what: 'an attempt of a finished execution never ended',
      breaks: ['X5'],
      make: ({ copy }) =>
        copy('execution.attempt', `execution_id = ${RETRIED} and attempt_no = 1`, {
          ...{ attempt_no: '0', finished_at: 'null', outcome: 'null' },
        }),
    },
  ],
};
