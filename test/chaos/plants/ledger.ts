import { type Plants, QUIET, QUIET_ASSESSMENT, REFUSED_BY_TARGET } from './plant.ts';

const evaluationEntry = `(select l.seq from ledger.ledger_entry l
  join advisory.evaluation v on v.evaluation_id = l.linked_entity_id and l.entry_type = 'EVALUATION'
  where v.event_id = ${QUIET})`;

export const ledgerPlants: Plants = {
  L1: [
    {
      what: 'a hash was changed',
      breaks: ['L1', 'L4', 'L5'],
      make: ({ sql }) =>
        sql(`update ledger.ledger_entry set current_hash = repeat('0', 64) where seq = 5`),
    },
    {
      what: 'an entry is gone',
      breaks: ['L1', 'L2', 'L4', 'L5', 'P1', 'P3'],
      make: ({ sql }) => sql(`delete from ledger.ledger_entry where seq = ${evaluationEntry}`),
    },
    {
      what: 'the time of an entry was changed',
      breaks: ['L1', 'L4'],
      make: ({ sql }) =>
        sql(`update ledger.ledger_entry set "timestamp" = "timestamp" + interval '1 microsecond'
        where seq = ${evaluationEntry}`),
    },
  ],
  L2: [
    {
      what: 'a row is not the one that its entry names',
      breaks: ['L2', 'E3'],
      make: ({ sql }) =>
        sql(`update risk.risk_assessment set row_digest = repeat('0', 64)
        where assessment_id = ${QUIET_ASSESSMENT}`),
    },
    {
      what: 'an entry has lost its fact',
      breaks: ['L2'],
      make: ({ sql, evidence }) => {
        evidence.jobs = [];
        return sql(`delete from policy.policy_change where change_id = (
          select change_id from policy.policy_change where to_status = 'active' limit 1)`);
      },
    },
  ],
  L3: [
    {
      what: 'the target was told another place in the ledger',
      breaks: ['L3'],
      make({ evidence: { receipts } }) {
        receipts[0]!.seq = '1';
      },
    },
    {
      what: 'the target was told of no decision',
      breaks: ['L3'],
      make({ evidence: { receipts } }) {
        receipts[0]!.decisionId = null;
      },
    },
    {
      what: 'an execution stands before its decision',
      breaks: ['L3', 'L1', 'L4', 'L5'],
      make: ({ sql, evidence }) => {
        evidence.receipts = evidence.receipts.map((receipt) => ({ ...receipt }));
        return sql(`update ledger.ledger_entry set seq = -seq - 1
          where entry_type = 'EXECUTION' and linked_entity_id = ${REFUSED_BY_TARGET}`);
      },
    },
  ],
  L4: [
    {
      what: 'an early export says something else',
      breaks: ['L4'],
      make: async ({ exportFile, evidence }) => {
        const changed = await exportFile((bytes) => {
          bytes[900] = bytes[900]! ^ 1;
          return bytes;
        });
        evidence.exports.push(changed);
      },
    },
    {
      what: 'an early export goes on where the ledger ends',
      breaks: ['L4'],
      make: async ({ exportFile, evidence }) => {
        evidence.exports.push(
          await exportFile((bytes) => Buffer.concat([bytes, bytes.subarray(-600)])),
        );
      },
    },
    {
      what: 'the newest entries are gone',
      breaks: ['L4', 'L2', 'L5', 'P1', 'P3'],
      make: ({ sql }) =>
        sql(`delete from ledger.ledger_entry where seq >= (
        select max(seq) from ledger.ledger_entry where entry_type = 'EXECUTION')`),
    },
  ],
  L5: [
    {
      what: 'a checkpoint has another root',
      breaks: ['L5'],
      make: ({ sql }) =>
        sql(`update ledger.checkpoint set root_hash = repeat('0', 64)
          where size = (select max(size) from ledger.checkpoint)`),
    },
    {
      what: 'two checkpoints of one size were signed',
      breaks: ['L5'],
      make({ evidence: { checkpoints } }) {
        checkpoints.push({ ...checkpoints[0]!, root: '0'.repeat(64) });
      },
    },
    {
      what: 'a checkpoint covers more than there is',
      breaks: ['L5'],
      make: ({ sql }) =>
        sql(`update ledger.checkpoint set size = size + 100000
          where size = (select max(size) from ledger.checkpoint)`),
    },
    {
      what: 'the signed text names another root than its row',
      breaks: ['L5'],
      make: ({ sql }) =>
        sql(`update ledger.checkpoint set note = replace(note, substr(encode(decode(root_hash, 'hex'), 'base64'), 1, 20),
            substr(encode(decode(repeat('0', 64), 'hex'), 'base64'), 1, 20))
          where size = (select max(size) from ledger.checkpoint)`),
    },
  ],
};
