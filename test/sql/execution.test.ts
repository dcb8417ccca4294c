import type pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { cloneDatabase, type TestDatabase } from '../support/database.ts';
import {
  appendEntry,
  approvalBy,
  approvedBy,
  ATTEMPT_ROW,
  EXECUTION_ROW,
  finalised,
  hex,
  ids,
  insertOf,
  keepOpenReview,
  SUPERUSER,
  type Verdict,
  verdictOf,
  verdictsOf,
} from '../support/sql.ts';

let database: TestDatabase;
let client: pg.Client;
beforeAll(async () => {
  database = await cloneDatabase();
  client = await database.superuser();
  await keepOpenReview(client);
});
afterAll(() => database.close());

/** What a statement comes to after the preparations, in a transaction that is rolled back. */
async function after(
  prepare: () => Promise<unknown>,
  statement: string,
  role = 'sentinelops_execution',
): Promise<Verdict> {
  await client.query('begin');
  try {
    await prepare();
    return await verdictOf(client, role, statement);
  } finally {
    await client.query('rollback');
  }
}

const approved = () => client.query(approvedBy([ids.administrator, ids.seniorAuthority]));
const ledgered = async () => {
  await approved();
  await appendEntry(client, 'DECISION', ids.decision);
};

/** The role may not read the decisions' table; what stands there is filled in. */
const row = (changed: Record<string, string> = {}) => {
  const columns = {
    execution_id: `'${ids.execution}'`,
    decision_id: `'${ids.decision}'`,
    target_system: `'log'`,
    execution_command: `'{"restore": "main"}'`,
    execution_status: `'requested'`,
    event_id: `'${ids.event}'`,
    action_no: '1',
    request_body: `'body'`,
    command_sha256: `'${hex('c')}'`,
    expires_at: `(select expires_at from decision.decision_for_execution where decision_id = '${ids.decision}')`,
    ...changed,
  };
  return insertOf('execution.execution', columns);
};
const standIn = `coalesce((select expires_at from decision.decision_for_execution), now())`;

it('nothing is executed that was not decided', async () => {
  const unknown = row({ decision_id: 'gen_random_uuid()', expires_at: standIn });
  expect(await after(ledgered, unknown)).toMatch(/^23/);
  expect(await after(async () => {}, row({ expires_at: standIn }))).toMatch(/^23/);
  expect(await after(async () => {}, row({ expires_at: standIn }), SUPERUSER)).toMatch(/^23/);
});

it('nothing is executed before its decision is in the ledger', async () => {
  expect(await after(approved, row())).toBe('23503 decision_is_in_the_ledger');
  expect(await after(approved, row(), SUPERUSER)).toBe('23503 decision_is_in_the_ledger');
  expect(await after(ledgered, row())).toBe('allowed');
});

it('an entry of another kind opens nothing', async () => {
  const other = async () => {
    await approved();
    await appendEntry(client, 'ERASURE', ids.decision);
  };
  expect(await after(other, row())).toBe('23503 decision_is_in_the_ledger');
  expect(await after(other, row({ ledger_type: `'ERASURE'` }))).toMatch(/^(428C9|42501)$/);
});

it('a rejection in the ledger is no permission', async () => {
  const rejected = async () => {
    await client.query(
      approvalBy(ids.administrator, 'reject') + finalised(ids.administrator, 'rejected'),
    );
    await appendEntry(client, 'DECISION', ids.decision);
  };
  const late = row({ expires_at: `now() + interval '1 day'` });
  expect(await after(rejected, late)).toBe('23514 execution_is_of_an_approving_decision');
  expect(await after(rejected, late, SUPERUSER)).toBe(
    '23514 execution_is_of_an_approving_decision',
  );
});

it('what runs is what was approved: event, expiry, target and command', async () => {
  const other = '23514 execution_is_of_an_approving_decision';
  expect(await after(ledgered, row({ event_id: 'gen_random_uuid()' }))).toBe(other);
  expect(await after(ledgered, row({ expires_at: `now() + interval '1 year'` }))).toBe(other);
  expect(await after(ledgered, row({ execution_status: `'dispatched'` }))).toBe(other);
  const drifted = '23514 execution_is_what_was_approved';
  expect(await after(ledgered, row({ target_system: `'webhook'` }))).toBe(drifted);
  expect(await after(ledgered, row({ execution_command: `'{"restore": "next"}'` }))).toBe(drifted);
});

it('what was refused for a drift is kept as failed, and is never sent', async () => {
  const refused = row({
    execution_command: `'{"restore": "next"}'`,
    execution_status: `'failed'`,
    failure_reason: `'refused'`,
    completed_at: 'now()',
    row_digest: `'${hex('d')}'`,
  });
  expect(await after(ledgered, refused)).toBe('allowed');
  expect(
    await after(
      ledgered,
      `${refused} update execution.execution set execution_status = 'dispatched'`,
    ),
  ).toBe('42501');
});

it('each action of a decision is executed once', async () => {
  expect(await after(ledgered, row() + row({ execution_id: 'gen_random_uuid()' }))).toBe(
    '23505 one_execution_per_decision_and_action',
  );
});

const requested = async () => {
  await ledgered();
  await client.query(EXECUTION_ROW);
};
const dispatched = async () => {
  await requested();
  await client.query(ATTEMPT_ROW);
};
const final = `completed_at = now(), next_attempt_at = null, row_digest = '${hex('d')}'`;

it.each([
  [
    'requested',
    'acknowledged',
    `update execution.execution set execution_status = 'acknowledged', ${final}`,
  ],
  ['dispatched', 'requested', `update execution.execution set execution_status = 'requested'`],
])('no step from %s to %s', async (from, _to, statement) => {
  expect(await after(from === 'requested' ? requested : dispatched, statement)).toBe('42501');
});

it('a finished execution never changes again, not even for a superuser', async () => {
  const finished = async () => {
    await dispatched();
    await client.query(
      `update execution.execution set execution_status = 'acknowledged', ${final}`,
    );
  };
  const change = `update execution.execution set response_sha256 = '${hex('9')}'`;
  expect(await after(finished, change)).toBe('42501');
  expect(await after(finished, change, SUPERUSER)).toBe('42501');
});

const attempt = (changed: Record<string, string> = {}) => {
  const columns = {
    execution_id: `'${ids.execution}'`,
    attempt_no: '2',
    claim_epoch: '1',
    idempotency_key: `'${ids.execution}'`,
    body_sha256: `encode(sha256('body'), 'hex')`,
    started_at: 'now()',
    ...changed,
  };
  return insertOf('execution.attempt', columns);
};

it('every attempt has the same key and the same body, and is made under the last claim', async () => {
  const stray = '23514 attempt_is_of_the_running_claim';
  expect(await after(dispatched, attempt())).toBe('allowed');
  expect(await after(dispatched, attempt({ idempotency_key: `'another'` }))).toBe(stray);
  expect(await after(dispatched, attempt({ body_sha256: `'${hex('9')}'` }))).toBe(stray);
  expect(await after(dispatched, attempt({ claim_epoch: '0' }))).toBe(stray);
  expect(await after(dispatched, attempt({ attempt_no: '1' }))).toMatch(/^23505/);
});

it('no attempt follows the end of its execution or the expiry of its approval', async () => {
  const ended = async () => {
    await dispatched();
    await client.query(
      `update execution.execution set execution_status = 'failed', failure_reason = 'exhausted', ${final}`,
    );
  };
  expect(await after(ended, attempt())).toBe('23514 attempt_is_of_the_running_claim');
  const expired = async () => {
    const decided = approvedBy([ids.administrator, ids.seniorAuthority]);
    await client.query(decided.replace("now() + valid_for_s * interval '1 second'", 'now()'));
    await appendEntry(client, 'DECISION', ids.decision);
    await client.query(EXECUTION_ROW);
    await client.query(
      `update execution.execution set claim_epoch = 1, execution_status = 'dispatched'`,
    );
  };
  expect(await after(expired, attempt())).toBe('23514 attempt_is_of_the_running_claim');
});

it('how an attempt ended is said once', async () => {
  const end = `update execution.attempt set finished_at = now(), outcome = 'retry';`;
  expect(await after(dispatched, end)).toBe('allowed');
  expect(
    await after(dispatched, `${end} update execution.attempt set outcome = 'acknowledged'`),
  ).toBe('42501');
  expect(await after(dispatched, `update execution.attempt set finished_at = now()`)).toBe(
    '23514 finished_with_an_outcome',
  );
});

it('the execution role reads decisions only once they permit something', async () => {
  const visible = async (prepare: () => Promise<unknown>) => {
    await client.query('begin');
    await prepare();
    const { rowCount } = await client.query('select from decision.decision_for_execution');
    await client.query('rollback');
    return rowCount;
  };
  expect(await visible(async () => {})).toBe(0);
  expect(await visible(approved)).toBe(1);
  const [verdict] = await verdictsOf(client, [
    { role: 'sentinelops_execution', statement: 'select from decision.decision' },
  ]);
  expect(verdict).toBe('42501');
});
