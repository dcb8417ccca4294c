import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Halt, type Outcome } from '../../src/actors/actor.ts';
import { faultOf } from '../../src/actors/fault.ts';
import { createLedgerActor, type FactConflict } from '../../src/actors/ledger.ts';
import { type FactType, factTypes } from '../../src/domain/fact.ts';
import { systemClock } from '../../src/domain/time.ts';
import type { Message } from '../../src/queues/messages.ts';
import type { Database } from '../../src/stores/database.ts';
import { type LedgerStore, openLedgerStore } from '../../src/stores/ledger.ts';
import { verifyLedgerDatabase } from '../../src/stores/ledger-verify.ts';
import { cloneDatabase, type TestDatabase } from '../support/database.ts';
import {
  approvedBy,
  ATTEMPT_ROW,
  EXECUTION_ROW,
  finalised,
  approvalBy,
  hex,
  ids,
  keepOpenReview,
} from '../support/sql.ts';

let database: TestDatabase;
let client: pg.Client;
let ledger: Database;
const conflicts: FactConflict[] = [];
const actor = createLedgerActor({ onFactConflict: (conflict) => conflicts.push(conflict) });

beforeAll(async () => {
  database = await cloneDatabase();
  client = await database.superuser();
  ledger = database.open('ledger');
  await keepOpenReview(client);
});
afterAll(() => database.close());

interface Elsewhere {
  readonly by?: typeof actor;
  readonly over?: Database;
  readonly openStore?: typeof openLedgerStore;
}

/** One batch, as the runtime runs it. */
function receive(
  messages: readonly Message<'ledger'>[],
  { by = actor, over = ledger, openStore = openLedgerStore }: Elsewhere = {},
): Promise<readonly Outcome<'ledger'>[]> {
  return over.transact((tx) => by.receive(messages, openStore(tx), systemClock));
}

interface StoredEntry {
  readonly seq: string;
  readonly entry_type: FactType;
  readonly linked_entity_id: string;
  readonly data: string;
}

async function entries(): Promise<readonly StoredEntry[]> {
  const { rows } = await client.query<StoredEntry>(
    `select e.seq, e.entry_type, e.linked_entity_id, e.entry_data::text as data from ledger.ledger_entry e order by e.seq`,
  );
  return rows;
}

const entryOf = async (id: string) =>
  (await entries()).find(({ linked_entity_id }) => linked_entity_id === id);

function verdict() {
  return verifyLedgerDatabase(database.open('audit'), { stream: 0, graceMs: 0, threads: 0 });
}

/** More facts of the simplest kind: events without anything after them. */
async function keepEvents(count: number): Promise<readonly Message<'ledger'>[]> {
  const { rows } = await client.query<{ id: string }>(
    `insert into event.event (event_id, source_system, event_type, occurred_at, received_at, payload_reference, external_id,
       content_digest, salt, row_digest)
     select id, 'github', 'push', now(), now(), 'sha256:' || repeat('a', 64), id, repeat('a', 64), repeat('b', 64),
       encode(sha256(id::text::bytea), 'hex')
     from (select gen_random_uuid() as id from generate_series(1, $1)) as new
     returning event_id as id`,
    [count],
  );
  return rows.map(({ id }) => ({ type: 'EVENT', id }));
}

const settled = { kind: 'settle' };
const unknown = { kind: 'reject', rejection: expect.objectContaining({ reason: 'unknown_id' }) };
const nobody = '0fffffff-0000-4000-8000-000000000000';

describe('every kind of fact', () => {
  it('gets an entry with the members of its type', async () => {
    await client.query(approvedBy([ids.administrator, ids.seniorAuthority]));
    const decision = { type: 'DECISION', id: ids.decision } as const;
    await receive([decision]);
    await client.query(`${EXECUTION_ROW} ${ATTEMPT_ROW}
      update execution.attempt set finished_at = now(), outcome = 'acknowledged';
      update execution.execution set execution_status = 'acknowledged', completed_at = now(), next_attempt_at = null,
        response_sha256 = '${hex('f')}', row_digest = '${hex('d')}';
      update event.dead_letter set discarded_at = now(), discarded_by = '${ids.operator}', discard_reason = 'known',
        salt = '${hex('b')}', row_digest = '${hex('d')}';`);
    const { rows } = await client.query<{ type: FactType; id: string }>(
      'select entry_type as type, linked_entity_id as id from audit.fact',
    );
    expect(new Set(rows.map(({ type }) => type))).toEqual(
      // The evaluation of this event is a match, so nothing ends with it; nothing erases yet.
      new Set(factTypes.filter((type) => type !== 'EVALUATION' && type !== 'ERASURE')),
    );
    const outcomes = await receive(rows);
    expect(outcomes.map((outcome) => outcome.kind).filter((kind) => kind === 'reject')).toEqual([]);
    expect(await verdict()).toMatchObject({ status: 'OK', size: rows.length });
    const stored = await entries();
    expect(JSON.parse(stored[0]!.data)).toEqual({
      advisory_id: ids.advisory,
      approvals: [
        {
          actor: ids.administrator,
          role: 'Administrator',
          approved_at: expect.stringMatching(/\.\d{6}Z$/),
        },
        {
          actor: ids.seniorAuthority,
          role: 'Senior Authority',
          approved_at: expect.stringMatching(/\.\d{6}Z$/),
        },
      ],
      decision_type: 'approved',
      digest: hex('d'),
      event_id: ids.event,
      view_digest: hex('e'),
    });
    expect(JSON.parse((await entryOf(ids.assessment))!.data)).toMatchObject({
      risk_level: 'MEDIUM',
      risk_model_version: '1',
      risk_score: '40.0000',
    });
    expect(JSON.parse((await entryOf(ids.execution))!.data)).toMatchObject({
      execution_status: 'acknowledged',
      response_sha256: hex('f'),
      target_system: 'log',
    });
  });

  it('follows in order of type, then id, within a batch', async () => {
    const batch = (await entries()).slice(1);
    const rank = ({ entry_type, linked_entity_id }: StoredEntry) =>
      `${factTypes.indexOf(entry_type)} ${linked_entity_id}`;
    expect(batch.map(rank)).toEqual(batch.map(rank).toSorted());
  });

  it('an evaluation that nothing matched names the policies that were asked', async () => {
    await client.query(
      `insert into risk.risk_assessment (assessment_id, event_id, risk_level, evaluated_at, context, contributions, salt, row_digest)
       values ($1, $2, 'UNKNOWN', now(), 'other', '[]', $3, $3)`,
      ['4000000a-0000-4000-8000-000000000000', ids.event, hex('d')],
    );
    await client.query(
      `insert into advisory.evaluation (evaluation_id, event_id, assessment_id, outcome, policies, evaluated_at, row_digest)
       values ($1, $2, $3, 'NO_MATCH', $4, now(), $5)`,
      [
        '5000000a-0000-4000-8000-000000000000',
        ids.event,
        '4000000a-0000-4000-8000-000000000000',
        JSON.stringify([
          { policy: 'b@2', result: 'not matched' },
          { policy: 'a@1', result: 'not matched' },
        ]),
        hex('d'),
      ],
    );
    await receive([
      { type: 'EVALUATION', id: '5000000a-0000-4000-8000-000000000000' },
      { type: 'RISK_ASSESSMENT', id: '4000000a-0000-4000-8000-000000000000' },
    ]);
    expect(JSON.parse((await entryOf('5000000a-0000-4000-8000-000000000000'))!.data)).toMatchObject(
      {
        outcome: 'NO_MATCH',
        policies: ['b@2', 'a@1'],
      },
    );
    expect(JSON.parse((await entryOf('4000000a-0000-4000-8000-000000000000'))!.data)).toMatchObject(
      {
        risk_level: 'UNKNOWN',
        risk_model_id: null,
        risk_score: null,
      },
    );
  });
});

describe('outcomes', () => {
  it('an approving decision goes on to execution, each time that it comes; everything else settles', async () => {
    const approving = {
      kind: 'forward',
      to: [{ queue: 'execution', message: { decisionId: ids.decision } }],
    };
    const messages = [
      { type: 'EVENT', id: ids.event },
      { type: 'DECISION', id: ids.decision },
      { type: 'ADVISORY', id: ids.advisory },
    ] as const;
    expect(await receive(messages)).toEqual([settled, approving, settled]);
    expect(await receive(messages)).toEqual([settled, approving, settled]);
  });

  it('a rejection settles', async () => {
    const other = await cloneDatabase();
    try {
      const session = await other.superuser();
      await keepOpenReview(session);
      await session.query(
        approvalBy(ids.administrator, 'reject') + finalised(ids.administrator, 'rejected'),
      );
      const decision = { type: 'DECISION', id: ids.decision } as const;
      expect(await receive([decision], { over: other.open('ledger') })).toEqual([settled]);
      const { rows } = await session.query(
        'select entry_data ->> $1 as type from ledger.ledger_entry',
        ['decision_type'],
      );
      expect(rows).toEqual([{ type: 'rejected' }]);
    } finally {
      await other.close();
    }
  });

  it('an id that nobody recorded, or recorded as something else, is refused; the others go through', async () => {
    const [event] = await keepEvents(1);
    const before = (await entries()).length;
    const outcomes = await receive([
      { type: 'EVENT', id: nobody },
      event!,
      { type: 'DECISION', id: event!.id },
      { type: 'EVALUATION', id: ids.evaluation },
      { type: 'ERASURE', id: nobody },
    ]);
    expect(outcomes).toEqual([unknown, settled, unknown, unknown, unknown]);
    expect((await entries()).length).toBe(before + 1);
  });

  it('the same fact twice in one batch has one entry and two outcomes', async () => {
    const [first, second] = await keepEvents(2);
    const before = (await entries()).length;
    expect(await receive([first!, second!, first!])).toEqual([settled, settled, settled]);
    expect((await entries()).length).toBe(before + 2);
  });

  it('a fact that cannot be said in an entry is refused alone', async () => {
    const [odd, fine] = await keepEvents(2);
    await pastTheGuards(`update event.event set row_digest = 'none' where event_id = '${odd!.id}'`);
    expect(await receive([odd!, fine!])).toEqual([
      { kind: 'reject', rejection: expect.objectContaining({ reason: 'fact_malformed' }) },
      settled,
    ]);
    await pastTheGuards(`delete from event.event where event_id = '${odd!.id}'`);
  });
});

/** What only a superuser who switches the guards off can do. */
async function pastTheGuards(statement: string): Promise<void> {
  const table = 'event.event';
  await client.query(`alter table ${table} disable trigger refuse_change; ${statement};
    alter table ${table} enable always trigger refuse_change;`);
}

describe('what stands', () => {
  it('wins over a fact that was changed afterwards, and the conflict is told', async () => {
    const [event] = await keepEvents(1);
    await receive([event!]);
    const standing = (await entryOf(event!.id))!;
    const honest = JSON.parse(standing.data).digest as string;
    await pastTheGuards(
      `update event.event set row_digest = '${hex('0')}' where event_id = '${event!.id}'`,
    );
    conflicts.length = 0;
    expect(await receive([event!])).toEqual([settled]);
    expect(conflicts).toEqual([
      { ...event, standing: standing.data, found: standing.data.replace(honest, hex('0')) },
    ]);
    expect(await entryOf(event!.id)).toEqual(standing);
    expect(await verdict()).toMatchObject({ status: 'LINK_MISSING', seq: Number(standing.seq) });
    await pastTheGuards(
      `update event.event set row_digest = '${honest}' where event_id = '${event!.id}'`,
    );
  });

  it('is told of no conflict when nothing changed', async () => {
    conflicts.length = 0;
    await receive(
      (await entries()).map(({ entry_type: type, linked_entity_id: id }) => ({ type, id })),
    );
    expect(conflicts).toEqual([]);
  });
});

describe('faults', () => {
  it('halts, and appends nothing, when SQL computes another hash', async () => {
    const [event] = await keepEvents(1);
    const before = (await entries()).length;
    // A release whose idea of the origin differs from the database's.
    const openStore: typeof openLedgerStore = (tx) => {
      const store = openLedgerStore(tx);
      const lockHead: LedgerStore['lockHead'] = async (stream) => ({
        ...(await store.lockHead(stream)),
        originBase: 'another.example/ledger',
      });
      return { ...store, lockHead };
    };
    const failure = await receive([event!], { openStore }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(Halt);
    expect(faultOf(failure)).toBe('halt');
    expect((await entries()).length).toBe(before);
    await receive([event!]);
  });

  it.each(['head_locked', 'hashed'] as const)(
    'a session that dies at %s leaves nothing, and the same batch then goes through',
    async (deadly) => {
      const batch = await keepEvents(3);
      const before = (await entries()).length;
      const dying = createLedgerActor({
        onFactConflict: () => undefined,
        failpoint: async (step) => {
          if (step !== deadly) return;
          await client.query(
            `select pg_terminate_backend(pid, 10000) from pg_locks
             where locktype = 'advisory' and granted and database = (select oid from pg_database where datname = current_database())`,
          );
        },
      });
      const failure = await receive(batch, { by: dying }).catch((error: unknown) => error);
      expect(faultOf(failure)).toBe('transient');
      expect((await entries()).length).toBe(before);
      expect(await receive(batch)).toEqual(batch.map(() => settled));
      expect((await entries()).length).toBe(before + 3);
    },
  );
});

it('eight writers at once, each fact sent to two of them, make one entry for each fact and no gap', async () => {
  const WRITERS = 8;
  const FACTS = 1_200;
  const BATCH = 25;
  const facts = await keepEvents(FACTS);
  const before = (await entries()).length;
  const pools = [database.open('ledger'), database.open('ledger')];
  conflicts.length = 0;
  await Promise.all(
    Array.from({ length: WRITERS }, async (_, writer) => {
      const mine = facts.filter((_, n) => n % WRITERS === writer || (n + 1) % WRITERS === writer);
      for (let start = 0; start < mine.length; start += BATCH) {
        // Retries are counted as failures here: the lock comes first, so nobody loses a race.
        await receive(mine.slice(start, start + BATCH), { over: pools[writer % pools.length]! });
      }
    }),
  );
  expect((await entries()).length).toBe(before + FACTS);
  expect(conflicts).toEqual([]);
  expect(await verdict()).toMatchObject({ status: 'OK', size: before + FACTS, warnings: [] });
});
