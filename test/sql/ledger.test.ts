import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { canonicalJson } from '../../src/domain/canonical.ts';
import type { FactType } from '../../src/domain/fact.ts';
import {
  chain,
  type Head,
  leafOf,
  originOf,
  type UnplacedEntry,
  ZERO_HASH,
} from '../../src/domain/ledger.ts';
import type { Timestamp } from '../../src/domain/time.ts';
import { migrate } from '../../src/stores/migrate.ts';
import { cloneDatabase, emptyDatabase, type TestDatabase } from '../support/database.ts';
import { hex, ids, keepChain } from '../support/sql.ts';
import { VECTOR_ORIGIN_BASE, vectorRows } from '../domain/ledger/chain.ts';

let database: TestDatabase;
let client: pg.Client;

beforeAll(async () => {
  database = await cloneDatabase();
  client = await database.superuser();
  await keepChain(client);
});
afterAll(() => database.close());

/** Runs `work` and takes back what it did, also when it fails. */
async function undone<T>(work: () => Promise<T>): Promise<T> {
  await client.query('begin');
  try {
    return await work();
  } finally {
    await client.query('rollback');
  }
}

async function headOf(stream: number): Promise<Head & { readonly now: Timestamp }> {
  const { rows } = await client.query(
    'select size::integer, head_hash as hash, now, ledger.origin_base() as "originBase" from ledger.head($1::smallint)',
    [stream],
  );
  return { ...rows[0], stream };
}

/** The arguments of ledger.append, any of them forged. */
interface Append {
  readonly stream: number;
  readonly size: number;
  readonly entryId: readonly (string | null)[] | null;
  readonly entryType: readonly (string | null)[] | null;
  readonly linkedEntityId: readonly (string | null)[] | null;
  readonly entryData: readonly (string | null)[] | null;
  readonly timestamp: readonly (string | null)[] | null;
  readonly sealedAt: string;
  readonly currentHash: readonly (string | null)[] | null;
}

/** Facts of a kind that needs no row of its own: nothing refers to an erasure yet. */
function facts(count: number): readonly UnplacedEntry[] {
  return Array.from({ length: count }, (_, n) => ({
    entryType: 'ERASURE',
    linkedEntityId: randomUUID(),
    entryData: `{"digest":"${hex('d')}","n":"${n}"}`,
    timestamp: '2026-01-02T03:04:05.678901Z' as Timestamp,
  }));
}

function appendOf(
  head: Head & { readonly now: Timestamp },
  unplaced: readonly UnplacedEntry[],
): Append {
  const entries = chain(head, head.now, unplaced);
  return {
    stream: head.stream,
    size: head.size,
    entryId: entries.map((entry) => entry.entryId),
    entryType: entries.map((entry) => entry.entryType),
    linkedEntityId: entries.map((entry) => entry.linkedEntityId),
    entryData: entries.map((entry) => entry.entryData),
    timestamp: entries.map((entry) => entry.timestamp),
    sealedAt: head.now,
    currentHash: entries.map((entry) => entry.currentHash),
  };
}

async function append(arguments_: Append, session: pg.Client = client): Promise<string> {
  const { stream, size, entryId, entryType, linkedEntityId } = arguments_;
  const { entryData, timestamp, sealedAt, currentHash } = arguments_;
  const { rows } = await session.query<{ size: string }>(
    `select ledger.append($1::smallint, $2::bigint, $3::uuid[], $4::text[], $5::uuid[], $6::text[], $7::timestamptz[],
       $8::timestamptz, $9::text[]) as size`,
    [stream, size, entryId, entryType, linkedEntityId, entryData, timestamp, sealedAt, currentHash],
  );
  return rows[0]!.size;
}

/** `done`, or the SQLSTATE and the constraint with which it was refused. */
async function outcomeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'done';
  } catch (error) {
    if (!(error instanceof pg.DatabaseError)) throw error;
    return [error.code, error.constraint].filter(Boolean).join(' ');
  }
}

/** What comes of appending two entries of which one thing is not as it should be. */
function forged(change: (honest: Append) => Partial<Append>, unplaced = facts(2)): Promise<string> {
  return undone(async () => {
    const honest = appendOf(await headOf(0), unplaced);
    return outcomeOf(append({ ...honest, ...change(honest) }));
  });
}

/** A second fact whose data is `entryData`, hashed as it is. */
function withData(entryData: string): Promise<string> {
  const [first, second] = facts(2);
  return forged(() => ({}), [first!, { ...second!, entryData }]);
}

describe('ledger.append', () => {
  it('appends behind the head and answers with the new size', () =>
    undone(async () => {
      const head = await headOf(0);
      expect(await append(appendOf(head, facts(3)))).toBe(String(head.size + 3));
      const next = await headOf(0);
      expect(next.size).toBe(head.size + 3);
      expect(await append(appendOf(next, facts(1)))).toBe(String(head.size + 4));
      expect(await brokenIn(0)).toEqual({ gaps: '0', breaks: '0', wrong: '0' });
    }));

  it('starts a stream at zero, behind zeros', () =>
    undone(async () => {
      const head = await headOf(7);
      expect(head).toMatchObject({ size: 0, hash: ZERO_HASH });
      expect(await append(appendOf(head, facts(2)))).toBe('2');
    }));

  it('takes 1,024 entries and not one more', async () => {
    expect(await forged(() => ({}), facts(1_024))).toBe('done');
    expect(await forged(() => ({}), facts(1_025))).toBe('22023');
  });

  it('refuses a size that is not the standing one', async () => {
    expect(await forged(({ size }) => ({ size: size - 1 }))).toBe('40001');
    expect(await forged(({ size }) => ({ size: size + 1 }))).toBe('40001');
  });

  it('refuses any isolation that hides the last head', async () => {
    for (const isolation of ['repeatable read', 'serializable']) {
      const honest = await undone(async () => appendOf(await headOf(0), facts(1)));
      await client.query(`begin isolation level ${isolation}`);
      const outcome = await outcomeOf(append(honest));
      await client.query('rollback');
      expect(outcome).toBe('25000');
    }
  });

  it.each([
    'entryId',
    'entryType',
    'linkedEntityId',
    'entryData',
    'timestamp',
    'currentHash',
  ] as const)(
    'refuses %s as an empty, missing, shorter, longer or nested array, or with a hole',
    async (name) => {
      const changes = {
        empty: () => [],
        missing: () => null,
        shorter: (array: readonly (string | null)[]) => array.slice(1),
        longer: (array: readonly (string | null)[]) => [...array, array[0]!],
        nested: (array: readonly (string | null)[]) => [array] as unknown as string[],
      };
      for (const [kind, change] of Object.entries(changes)) {
        const outcome = await forged((honest) => ({ [name]: change(honest[name]!) }));
        expect([kind, outcome]).toEqual([kind, '22023']);
      }
      const hole = await forged((honest) => ({ [name]: [honest[name]![0]!, null] }));
      expect(hole).toMatch(/^(23502|23514)/);
    },
  );

  it('refuses nothing at all', async () => {
    expect(await forged(() => ({}), [])).toBe('22023');
  });

  it('refuses a hash that is not of its row', async () => {
    const ofThisRow = '23514 hash_is_of_this_row';
    expect(await forged(({ currentHash }) => ({ currentHash: [currentHash![0]!, hex('a')] }))).toBe(
      ofThisRow,
    );
    // The right hash, of other data.
    expect(
      await forged(({ entryData }) => ({ entryData: [entryData![0]!, '{"digest":"x"}'] })),
    ).toBe(ofThisRow);
    expect(await forged(() => ({ sealedAt: '2026-01-01T00:00:00.000000Z' }))).toBe(ofThisRow);
    // The first hash is right, and the second follows another one.
    expect(await forged(({ currentHash }) => ({ currentHash: currentHash!.toReversed() }))).toBe(
      ofThisRow,
    );
  });

  it('refuses a chain that follows anything but the standing head', () =>
    undone(async () => {
      const head = await headOf(0);
      const besides = appendOf({ ...head, hash: hex('a') as Head['hash'] }, facts(1));
      expect(await outcomeOf(append(besides))).toBe('23514 hash_is_of_this_row');
    }));

  it('refuses a fact and an id that have an entry, whatever the data', async () => {
    const [first, second] = facts(2);
    const { linkedEntityId } = first!;
    expect(await forged(() => ({}), [first!, first!])).toMatch(/^23505/);
    expect(await forged(() => ({}), [first!, { ...second!, linkedEntityId }])).toMatch(/^23505/);
  });

  it('refuses an entry about something that does not exist', async () => {
    const missing: readonly [FactType, string, string][] = [
      ['EVENT', 'entry_of_an_event', ''],
      ['RISK_ASSESSMENT', 'entry_of_an_assessment', ''],
      ['EVALUATION', 'entry_of_an_evaluation', ''],
      ['ADVISORY', 'entry_of_an_advisory', ''],
      ['DECISION', 'entry_of_a_decision', ''],
      ['EXECUTION', 'entry_of_an_execution', ''],
      ['DEAD_LETTER', 'entry_of_a_dead_letter', ''],
      ['POLICY', 'entry_of_a_policy_version', `,"policy_id":"${ids.event}","version":"1"`],
      ['RISK_MODEL', 'entry_of_a_model_version', `,"model_id":"${ids.model}","version":"2"`],
    ];
    for (const [entryType, constraint, more] of missing) {
      const [fact] = facts(1);
      const outcome = await undone(async () => {
        await append(
          appendOf(await headOf(0), [
            { ...fact!, entryType, entryData: `{"digest":"${hex('d')}"${more}}` },
          ]),
        );
      }).then(
        () => 'done',
        (error: pg.DatabaseError) => `${error.code} ${error.constraint}`,
      );
      expect(outcome).toBe(`23503 ${constraint}`);
    }
  });

  it('refuses a change of a policy or model that does not name its version', async () => {
    const [fact] = facts(1);
    const named = (entryType: FactType, member: string) =>
      forged(() => ({}), [{ ...fact!, entryType, entryData: `{"digest":"x"${member}}` }]);
    expect(await named('POLICY', '')).toBe('23514 policy_change_names_its_version');
    expect(await named('POLICY', `,"policy_id":"${ids.policy}"`)).toMatch(/^23/);
    expect(await named('POLICY', ',"policy_id":"x","version":"1"')).toBe('22P02');
    expect(await named('RISK_MODEL', '')).toBe('23514 model_change_names_its_version');
    expect(await named('POLICY', `,"policy_id":"${ids.policy}","version":"1"`)).toBe('done');
  });

  it('refuses times that have no text', async () => {
    expect(await forged(() => ({ sealedAt: 'infinity' }))).toMatch(/^23514/);
    expect(await forged(({ timestamp }) => ({ timestamp: [timestamp![0]!, '-infinity'] }))).toMatch(
      /^23514/,
    );
    expect(
      await forged(({ timestamp }) => ({ timestamp: [timestamp![0]!, '0044-01-01 BC'] })),
    ).toMatch(/^23514/);
  });

  it('refuses data that is no object, is not JSON, or cannot be read everywhere', async () => {
    expect(await withData('["digest"]')).toBe('23514 data_is_a_readable_object');
    expect(await withData('"digest"')).toMatch(/^23514/);
    expect(await withData('{"digest":')).toBe('22P02');
    expect(await withData('{"digest":"\\u0000"}')).toBe('22P05');
    expect(await withData('{"digest":"\\ud800"}')).toBe('22P02');
    expect(await withData('{"digest":""}')).toBe('23514 data_is_a_readable_object');
    expect(await withData(`{"s":"${'x'.repeat(65_536)}"}`)).toBe('23514 data_is_a_readable_object');
  });

  it('refuses a type of fact that does not exist', async () => {
    const [fact] = facts(1);
    const rumour = { ...fact!, entryType: 'RUMOUR' as FactType };
    expect(await forged(() => ({}), [rumour])).toBe('23514 entry_type_is_known');
  });

  it('keeps nothing of a call when one entry is refused', () =>
    undone(async () => {
      const head = await headOf(0);
      const honest = appendOf(head, facts(2));
      await client.query('savepoint before');
      await outcomeOf(append({ ...honest, currentHash: [honest.currentHash![0]!, hex('a')] }));
      await client.query('rollback to savepoint before');
      expect((await headOf(0)).size).toBe(head.size);
    }));

  it('lets the second of two writers wait, and then refuses the head that it saw before', async () => {
    const other = await database.superuser();
    const stale = await undone(async () => appendOf(await headOf(0), facts(1)));
    await client.query('begin');
    const head = await headOf(0);
    const waiting = outcomeOf(append(stale, other));
    await lockIsWaitedFor(client);
    await append(appendOf(head, facts(1)));
    await client.query('commit');
    expect(await waiting).toBe('40001');
  });

  it('leaves nothing behind when its session dies before COMMIT, and all of it after', async () => {
    const dying = await database.superuser();
    const { rows } = await dying.query<{ pid: number }>('select pg_backend_pid() as pid');
    const head = await undone(() => headOf(0));
    const batch = appendOf(head, facts(5));
    await dying.query('begin');
    await append(batch, dying);
    await client.query('select pg_terminate_backend($1, 10000)', [rows[0]!.pid]);
    // The lock is free again, and the same entries can be appended as if nothing had been.
    expect((await undone(() => headOf(0))).size).toBe(head.size);
    await append(batch);
    expect((await undone(() => headOf(0))).size).toBe(head.size + 5);
    expect(await brokenIn(0)).toEqual({ gaps: '0', breaks: '0', wrong: '0' });
  });
});

/** Waits until some session waits for an advisory lock. */
async function lockIsWaitedFor(session: pg.Client): Promise<void> {
  for (;;) {
    const { rows } = await session.query<{ waiting: boolean }>(
      `select exists (select from pg_locks where locktype = 'advisory' and not granted) as waiting`,
    );
    if (rows[0]!.waiting) return;
  }
}

/** What an auditor asks in plain SQL; printed in docs/ledger-format.md. */
async function brokenIn(stream: number): Promise<unknown> {
  const { rows } = await client.query(
    `select count(*) filter (where seq <> n) as gaps,
       count(*) filter (where previous_hash <> p) as breaks,
       count(*) filter (where (current_hash = encode(sha256('\\x00'::bytea || convert_to(ledger.leaf(stream, seq, entry_id,
         entry_type, linked_entity_id, previous_hash, entry_data, "timestamp", sealed_at), 'UTF8')), 'hex')) is not true) as wrong
     from (select e.*, row_number() over w - 1 as n, lag(current_hash, 1, repeat('0', 64)) over w as p
           from ledger.ledger_entry e where stream = $1 window w as (order by seq)) x`,
    [stream],
  );
  return rows[0];
}

describe('ledger.leaf', () => {
  it('writes the bytes that the writer hashes', async () => {
    const text = fc.string({
      unit: fc.constantFrom('a', '"', '\\', '\n', '\u001f', 'é', '€', '😂', '\u2028'),
    });
    const instant = fc
      .tuple(fc.integer({ min: 0, max: 7_258_118_399 }), fc.integer({ min: 0, max: 999_999 }))
      .map(
        ([second, microsecond]) =>
          `${new Date(second * 1000).toISOString().slice(0, 19)}.${String(microsecond).padStart(6, '0')}Z` as Timestamp,
      );
    await fc.assert(
      fc.asyncProperty(
        fc.dictionary(text, text),
        fc.uuid(),
        instant,
        instant,
        async (data, id, timestamp, sealedAt) => {
          const head: Head = {
            originBase: 'x',
            stream: 3,
            size: 41,
            hash: hex('a') as Head['hash'],
          };
          const fact = {
            entryType: 'ERASURE',
            linkedEntityId: id,
            entryData: canonicalJson(data),
            timestamp,
          } as const;
          const [entry] = chain(head, sealedAt, [fact]);
          const { rows } = await client.query<{ leaf: string; base: string }>(
            `select ledger.leaf(3::smallint, 41, $1, 'ERASURE', $2, $3, $4, $5, $6) as leaf, ledger.origin_base() as base`,
            [entry!.entryId, id, entry!.previousHash, entry!.entryData, timestamp, sealedAt],
          );
          const { leaf, base } = rows[0]!;
          expect(leaf).toBe(leafOf(originOf(base, 3), entry!));
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe('the table', () => {
  it('accepts the published vectors', async () => {
    const named = await emptyDatabase();
    try {
      await migrate(named.url, { ledgerOrigin: VECTOR_ORIGIN_BASE });
      const session = await named.superuser();
      // As replica: the decisions that the vectors are about do not exist.
      await session.query('set session_replication_role = replica');
      for (const row of vectorRows(2)) {
        await session.query(
          `insert into ledger.ledger_entry (stream, seq, entry_id, entry_type, linked_entity_id, previous_hash, current_hash,
             entry_data, "timestamp", sealed_at)
           values (0, $1, $2, $3, $4, $5, $6, $7, $8, $9)`,
          [
            row.seq,
            row.entryId,
            row.entryType,
            row.linkedEntityId,
            row.previousHash,
            row.currentHash,
            row.entryData,
            row.timestamp,
            row.sealedAt,
          ],
        );
      }
      const { rows } = await session.query<{ hash: string }>(
        'select head_hash as hash from ledger.head(0::smallint)',
      );
      expect(rows[0]!.hash).toBe(vectorRows(2)[1]!.currentHash);
    } finally {
      await named.close();
    }
  });

  it('keeps the bytes of the data as they are', () =>
    undone(async () => {
      const [fact] = facts(1);
      // Not canonical, and therefore not ours; but what was hashed must come back.
      const entryData = '{"b": "1",  "a":"2","a":"3"}';
      await append(appendOf(await headOf(0), [{ ...fact!, entryData }]));
      const { rows } = await client.query<{ data: string }>(
        'select entry_data::text as data from ledger.ledger_entry where linked_entity_id = $1',
        [fact!.linkedEntityId],
      );
      expect(rows).toEqual([{ data: entryData }]);
    }));

  it('has every stored column under the hash, and derives every other from those', async () => {
    const { rows } = await client.query<{ name: string }>(
      `select attname as name from pg_attribute
       where attrelid = 'ledger.ledger_entry'::regclass and attnum > 0 and attgenerated = '' order by attname`,
    );
    expect(rows.map(({ name }) => name)).toEqual([
      ...[
        'current_hash',
        'entry_data',
        'entry_id',
        'entry_type',
        'linked_entity_id',
        'previous_hash',
      ],
      ...['sealed_at', 'seq', 'stream', 'timestamp'],
    ]);
  });
});

describe('ledger.set_origin_base', () => {
  const attempt = (name: string | null) =>
    undone(() => outcomeOf(client.query('select ledger.set_origin_base($1)', [name])));

  it('accepts the standing name again and refuses any other', async () => {
    const { rows } = await client.query<{ base: string }>('select ledger.origin_base() as base');
    expect(await attempt(rows[0]!.base)).toBe('done');
    expect(await attempt('other.example/ledger')).toBe('55000');
  });

  it('refuses what cannot name a ledger', async () => {
    // Never named: as in a database whose migration has not come to its end.
    const unnamed = () =>
      client.query(`call ledger_guard.suspend();
        create or replace function ledger.origin_base() returns text language sql immutable parallel safe return null::text;
        call ledger_guard.resume();`);
    const naming = (name: string | null) =>
      undone(async () => {
        await unnamed();
        return outcomeOf(client.query('select ledger.set_origin_base($1)', [name]));
      });
    for (const name of [null, '', 'Acme.example', 'acme example', 'x'.repeat(191)]) {
      expect([name, await naming(name)]).toEqual([name, '22023']);
    }
    expect(await naming('acme.example/ledger')).toBe('done');
    expect(
      await undone(async () => {
        await unnamed();
        return outcomeOf(
          append(appendOf({ ...(await headOf(0)), originBase: 'acme.example' }, facts(1))),
        );
      }),
    ).toBe('23514 hash_is_of_this_row');
  });
});

describe('what others see', () => {
  it('execution sees the entries of decisions, and nothing else', async () => {
    const { rows } = await client.query(
      'select decision_id, entry_digest from ledger.entry_for_execution',
    );
    expect(rows).toEqual([{ decision_id: ids.decision, entry_digest: hex('d') }]);
  });

  it('the heartbeat is healthy for five seconds', () =>
    undone(async () => {
      const healthy = async (age: string) => {
        await client.query(
          `update ledger.heartbeat set beaten_at = clock_timestamp() - $1::interval`,
          [age],
        );
        const { rows } = await client.query<{ healthy: boolean }>(
          'select healthy from ledger.health_for_decision',
        );
        return rows[0]!.healthy;
      };
      expect(await healthy('0 seconds')).toBe(true);
      expect(await healthy('4.5 seconds')).toBe(true);
      expect(await healthy('5.1 seconds')).toBe(false);
      await client.query('select ledger.beat()');
      expect((await client.query('select healthy from ledger.health_for_execution')).rows).toEqual([
        { healthy: true },
      ]);
      await client.query('delete from ledger.heartbeat');
      expect((await client.query('select healthy from ledger.health_for_execution')).rows).toEqual([
        { healthy: false },
      ]);
    }));
});
