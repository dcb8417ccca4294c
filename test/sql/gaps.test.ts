/** Each view shows a row exactly as long as it has no successor and no stage has given it up. */
import type pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { cloneDatabase, type TestDatabase } from '../support/database.ts';
import {
  appendEntry,
  approvalBy,
  approvedBy,
  EXECUTION_ROW,
  finalised,
  hex,
  ids,
  keepOpenReview,
} from '../support/sql.ts';

let database: TestDatabase;
let client: pg.Client;
beforeAll(async () => {
  database = await cloneDatabase();
  client = await database.superuser();
  await keepOpenReview(client);
});
afterAll(() => database.close());

// Each test goes on from the same open review and leaves nothing behind.
beforeEach(async () => {
  await client.query('begin');
  return () => client.query('rollback');
});

const second = '10000000-0000-4000-8000-000000000002';
const SECOND_EVENT = `
  insert into event.event (event_id, source_system, event_type, occurred_at, received_at, payload_reference, external_id,
    content_digest, salt, row_digest)
  select '${second}', source_system, event_type, occurred_at, received_at, payload_reference, 'e2', content_digest, salt, row_digest
  from event.event;`;
const SECOND_ASSESSMENT = `
  insert into risk.risk_assessment (assessment_id, event_id, risk_model_id, risk_model_version, risk_score, risk_level,
    evaluated_at, context, contributions, salt, row_digest)
  select '${second}', '${second}', risk_model_id, risk_model_version, risk_score, risk_level, evaluated_at, context, contributions,
    salt, row_digest
  from risk.risk_assessment;`;
const SECOND_EVALUATION = `
  insert into advisory.evaluation (evaluation_id, event_id, assessment_id, outcome, policies, evaluated_at, row_digest)
  values ('${second}', '${second}', '${second}', 'MATCH', '[]', now(), '${hex('d')}');`;
const secondAdvisory = (id = second, version = 1) => `
  insert into advisory.advisory (advisory_id, event_id, policy_id, policy_version, risk_level, recommendation_options,
    justification_text, evaluation_id, assessment_id, basis, conditions, conflict, salt, row_digest, advisory_version)
  select '${id}', '${second}', policy_id, policy_version, risk_level, recommendation_options, justification_text, '${second}',
    '${second}', basis, conditions, conflict, salt, row_digest, ${version}
  from advisory.advisory where advisory_id = '${ids.advisory}';`;
const SECOND_REVIEW = `
  insert into decision.review (review_id, advisory_id, event_id, evaluation_id, policy_id, policy_version, risk_level,
    priority_level, conflict)
  select '${second}', '${second}', '${second}', '${second}', policy_id, policy_version, risk_level, priority_level, conflict
  from decision.review;`;
const APPROVED = approvedBy([ids.administrator, ids.seniorAuthority]);
const REJECTED = approvalBy(ids.administrator, 'reject') + finalised(ids.administrator, 'rejected');

const givenUp = (queue: string, id: string, reason = 'fails_every_time') => `
  select event.keep_dead_letters(array[gen_random_uuid()], array['${queue}'], array['${id}'], array[null], array[null],
    array[null]::uuid[], array['${reason}'], array['failed'], array[null], array[5], array[null]::bytea[], array[0], array[null]);`;
const REDRIVEN = 'update event.dead_letter set redriven_at = now();';
const DISCARDED = `
  update event.dead_letter set discarded_at = now(), discarded_by = '${ids.operator}', discard_reason = 'noise',
    salt = '${hex('b')}', row_digest = '${hex('d')}' where queue <> 'ingest';`;

async function gapsIn(view: string): Promise<readonly string[]> {
  const { rows } = await client.query<{ id: string }>(`select id from audit.${view} order by id`);
  return rows.map(({ id }) => id);
}

interface HandOff {
  readonly view: string;
  readonly queue: string;
  readonly id: string;
  /** Makes the row, and then its successor. */
  readonly row: string;
  readonly successor: string;
}

const BEFORE_REVIEW = SECOND_EVENT + SECOND_ASSESSMENT + SECOND_EVALUATION;
const handOffs: readonly HandOff[] = [
  {
    view: 'gap_assessment',
    queue: 'risk',
    id: second,
    row: SECOND_EVENT,
    successor: SECOND_ASSESSMENT,
  },
  {
    view: 'gap_evaluation',
    queue: 'advisory',
    id: second,
    row: SECOND_EVENT + SECOND_ASSESSMENT,
    successor: SECOND_EVALUATION,
  },
  {
    view: 'gap_review',
    queue: 'awaiting-decision',
    id: second,
    row: BEFORE_REVIEW + secondAdvisory(),
    successor: SECOND_REVIEW,
  },
];

describe.each(handOffs)('$view', ({ view, queue, id, row, successor }) => {
  it('shows a row until it has its successor', async () => {
    expect(await gapsIn(view)).toEqual([]);
    await client.query(row);
    expect(await gapsIn(view)).toEqual([id]);
    await client.query(successor);
    expect(await gapsIn(view)).toEqual([]);
  });

  it('shows no row that its stage has given up or a person has discarded, and one that was sent again', async () => {
    await client.query(row + givenUp(queue, id));
    expect(await gapsIn(view)).toEqual([]);
    await client.query('savepoint given_up');
    await client.query(DISCARDED);
    expect(await gapsIn(view)).toEqual([]);
    await client.query('rollback to given_up');
    await client.query(REDRIVEN);
    expect(await gapsIn(view)).toEqual([id]);
  });

  it('is not silenced by a message that came before the row, nor by a letter of another stage', async () => {
    await client.query(row + givenUp(queue, id, 'unknown_id') + givenUp('ledger', id));
    expect(await gapsIn(view)).toEqual([id]);
  });
});

describe('gap_review', () => {
  it('names the evaluation once, also when one of its advisories has a review', async () => {
    const others = [3, 4].map((n) => secondAdvisory(`10000000-0000-4000-8000-00000000000${n}`, n));
    await client.query(BEFORE_REVIEW + secondAdvisory() + SECOND_REVIEW + others.join(''));
    expect(await gapsIn('gap_review')).toEqual([second]);
  });
});

describe('gap_decision_entry', () => {
  it('shows a finalised decision, approving or not, until it has its entry', async () => {
    expect(await gapsIn('gap_decision_entry')).toEqual([]);
    await client.query(REJECTED);
    expect(await gapsIn('gap_decision_entry')).toEqual([ids.decision]);
    await appendEntry(client, 'DECISION', ids.decision);
    expect(await gapsIn('gap_decision_entry')).toEqual([]);
  });

  it('shows none that the ledger has given up', async () => {
    await client.query(APPROVED + givenUp('ledger', ids.decision));
    expect(await gapsIn('gap_decision_entry')).toEqual([]);
  });
});

describe('gap_execution', () => {
  it('shows an approving decision from its entry until its execution', async () => {
    await client.query(APPROVED);
    expect(await gapsIn('gap_execution')).toEqual([]);
    await appendEntry(client, 'DECISION', ids.decision);
    expect(await gapsIn('gap_execution')).toEqual([ids.decision]);
    await client.query(EXECUTION_ROW);
    expect(await gapsIn('gap_execution')).toEqual([]);
  });

  it('is as old as the entry, however long the decision had to wait for it', async () => {
    await client.query(APPROVED);
    await appendEntry(client, 'DECISION', ids.decision);
    const { rows } = await client.query<{ same: boolean }>(
      'select g.since = l.sealed_at as same from audit.gap_execution g, ledger.ledger_entry l',
    );
    expect(rows).toEqual([{ same: true }]);
  });

  it('shows no decision that rejects', async () => {
    await client.query(REJECTED);
    await appendEntry(client, 'DECISION', ids.decision);
    expect(await gapsIn('gap_execution')).toEqual([]);
  });
});

describe('gap_entry', () => {
  const kinds = async () => {
    const { rows } = await client.query<{ type: string }>(
      'select type from audit.gap_entry order by type',
    );
    return rows.map(({ type }) => type);
  };

  it('shows facts of every kind but decisions until they have their entry', async () => {
    const open = ['ADVISORY', 'EVENT', 'POLICY', 'RISK_ASSESSMENT', 'RISK_MODEL'];
    expect(await kinds()).toEqual(open);
    await client.query(APPROVED);
    expect(await kinds()).toEqual(open);
    await appendEntry(client, 'EVENT', ids.event);
    expect(await kinds()).toEqual(open.filter((kind) => kind !== 'EVENT'));
  });

  it('shows none that the ledger has given up', async () => {
    await client.query(givenUp('ledger', ids.event));
    expect(await kinds()).not.toContain('EVENT');
  });
});

describe('overdue_round', () => {
  const overdue = async () => {
    const { rows } = await client.query<{ review_id: string; round: number }>(
      'select review_id, round from audit.overdue_round',
    );
    return rows;
  };
  const startedAgo = async (time: string) => {
    // A table is not altered while checks of it wait for the COMMIT.
    await client.query('set constraints all immediate');
    await client.query('alter table decision.decision disable trigger user');
    await client.query('update decision.decision set created_at = now() - $1::interval', [time]);
  };

  it('shows a round of medium risk once it has waited for three days', async () => {
    await startedAgo('71 hours');
    expect(await overdue()).toEqual([]);
    await startedAgo('73 hours');
    expect(await overdue()).toEqual([{ review_id: ids.review, round: 1 }]);
  });

  it('shows none that was decided', async () => {
    await client.query(APPROVED);
    await startedAgo('73 hours');
    expect(await overdue()).toEqual([]);
  });

  it.each([
    ['LOW', '168:00:00'],
    ['MEDIUM', '72:00:00'],
    ['HIGH', '24:00:00'],
    ['CRITICAL', '04:00:00'],
    ['UNKNOWN', '04:00:00'],
  ])('comes for %s after %s', async (level, time) => {
    const { rows } = await client.query('select decision.decide_within($1)::text as time', [level]);
    expect(rows).toEqual([{ time }]);
  });
});

describe('redriven_message', () => {
  it('shows ids that were sent again, and nothing that is no id', async () => {
    await client.query(givenUp('risk', second) + givenUp('risk', 'no id') + REDRIVEN);
    const { rows } = await client.query('select queue, id from audit.redriven_message');
    expect(rows).toEqual([{ queue: 'risk', id: second }]);
  });
});

describe('a look at the last minutes', () => {
  interface Plan {
    readonly 'Node Type': string;
    readonly 'Relation Name'?: string;
    readonly Plans?: readonly Plan[];
  }
  const scannedIn = (plan: Plan): readonly string[] => [
    ...(plan['Node Type'] === 'Seq Scan' ? [plan['Relation Name'] ?? '?'] : []),
    ...(plan.Plans ?? []).flatMap(scannedIn),
  ];

  it.each([
    'gap_assessment',
    'gap_evaluation',
    'gap_review',
    'gap_decision_entry',
    'gap_execution',
    'gap_entry',
  ])('goes through indexes: %s', async (view) => {
    await client.query('set local enable_seqscan = off');
    await client.query('set local role sentinelops_audit');
    for (const range of [
      `since >= now() - interval '1 minute'`,
      `id = any('{${second}}'::uuid[])`,
    ]) {
      const { rows } = await client.query<{ 'QUERY PLAN': readonly { Plan: Plan }[] }>(
        `explain (format json) select id from audit.${view} where ${range}`,
      );
      // With sequential scans made dear, one that is left has no index to stand on.
      expect(scannedIn(rows[0]!['QUERY PLAN'][0]!.Plan)).toEqual([]);
    }
  });

  it('finds the overdue rounds of a level by an index', async () => {
    await client.query('set local enable_seqscan = off');
    const { rows } = await client.query<{ 'QUERY PLAN': string }>(
      'explain select review_id from audit.overdue_round',
    );
    expect(rows.map((row) => row['QUERY PLAN']).join()).toContain('idx_decision_pending');
  });
});
