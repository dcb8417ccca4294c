import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hex, SUPERUSER, verdictsOf } from '../support/sql.ts';
import { type SignedLedger, signedLedger } from '../support/signed-ledger.ts';

let ledger: SignedLedger;
beforeAll(async () => {
  ledger = await signedLedger();
  await ledger.append(300);
  const signer = await ledger.open({ adopts: true });
  await signer.seal();
  await ledger.append(5);
});
afterAll(() => ledger.close());

const SIGNER = 'sentinelops_signer';
const OWNER = 'sentinelops_ledger_owner';
const REFUSED = '42501';
const tables = [
  'checkpoint',
  'cosignature',
  'subtree_hash',
  'key_change',
  'halt',
  'verifier_key',
  'witnessed',
];

const verdictOf = async (role: string, statement: string, asReplica = false) =>
  (await verdictsOf(ledger.client, [{ role, statement, asReplica }]))[0];

/** A note of this size and root, as far as SQL looks at it. */
const note = (size: number, digit: string) =>
  `ledger.origin_base() || E'-0\\n${size}\\n' || encode(decode('${hex(digit)}', 'hex'), 'base64') || E'\\n\\n\u2014 x y\\n'`;
const release = (size: number, digit: string, text = note(size, digit)) =>
  `select ledger.release_checkpoint(0::smallint, ${size}, '${hex(digit)}', ${text})`;

describe('checkpoints', () => {
  it('are released by the signer alone', async () => {
    expect(await verdictOf(SIGNER, release(305, 'a'))).toBe('allowed');
    for (const role of ['sentinelops_ledger', 'sentinelops_audit', 'sentinelops_execution']) {
      expect([role, await verdictOf(role, release(305, 'a'))]).toEqual([role, REFUSED]);
    }
  });

  it('only grow, never past the entries, and say what their note says', async () => {
    const refused: readonly (readonly [string, string])[] = [
      [release(299, 'a'), '55000'],
      [release(300, 'a'), '55000'],
      [release(306, 'a'), '55000'],
      [release(305, 'a', note(304, 'a')), '23514 note_says_what_the_row_says'],
      [release(305, 'a', note(305, 'b')), '23514 note_says_what_the_row_says'],
      [release(305, 'a', 'null'), '23502'],
    ];
    for (const [statement, expected] of refused) {
      expect([statement, await verdictOf(SIGNER, statement)]).toEqual([statement, expected]);
    }
  });

  it('a repeat of the last one changes nothing', async () => {
    const { rows } = await ledger.client.query<{ released: boolean }>(
      `select ledger.release_checkpoint(c.stream, c.size, c.root_hash, c.note) as released from ledger.checkpoint c`,
    );
    expect(rows).toEqual([{ released: false }]);
  });

  it('are cosigned only where they exist, once by each witness, in its own line', async () => {
    const keep = (size: number, line: string) =>
      `select ledger.keep_cosignatures(0::smallint, ${size}, array['w.example'], array[E'${line}'])`;
    expect(await verdictOf(SIGNER, keep(300, '\u2014 w.example YWJj\\n'))).toBe('allowed');
    expect(await verdictOf(SIGNER, keep(301, '\u2014 w.example YWJj\\n'))).toBe(
      '23503 cosignature_of_a_checkpoint',
    );
    for (const line of [
      '\u2014 other.example YWJj\\n',
      '\u2014 w.example YWJj',
      '\u2014 w.example YWJj\\n\u2014 x y\\n',
    ]) {
      expect(await verdictOf(SIGNER, keep(300, line))).toBe('23514 line_is_of_the_witness');
    }
  });
});

describe('what the signer has released', () => {
  it.each(tables)('%s: is changed, deleted or truncated by nobody', async (table) => {
    await ledger.client.query(`insert into ledger.halt (stream, halted_at, code, detail, lifted_at)
      values (1, '2026-01-01', 'TEST', 'x', '2026-01-02') on conflict do nothing`);
    const statements = [
      `update ledger.${table} set stream = stream`,
      `update ledger.${table} set stream = 5`,
      `delete from ledger.${table}`,
      `truncate ledger.${table} cascade`,
    ].filter((statement) => table !== 'halt' || !statement.endsWith('stream = stream'));
    for (const role of [SIGNER, 'sentinelops_ledger', 'sentinelops_audit', OWNER, SUPERUSER]) {
      for (const statement of statements) {
        expect([role, statement, await verdictOf(role, statement)]).toEqual([
          role,
          statement,
          REFUSED,
        ]);
      }
    }
    for (const statement of statements)
      expect(await verdictOf(SUPERUSER, statement, true)).toBe(REFUSED);
  });

  it('is inserted by no role but through its functions', async () => {
    for (const table of tables) {
      expect(await verdictOf(SIGNER, `insert into ledger.${table} default values`)).toBe(REFUSED);
    }
  });

  it('is no way for the signer into the entries', async () => {
    for (const statement of [
      'select ledger.head(0::smallint)',
      'select ledger.beat()',
      'insert into ledger.ledger_entry default values',
      'select from decision.decision',
    ]) {
      expect([statement, await verdictOf(SIGNER, statement)]).toEqual([statement, REFUSED]);
    }
    expect(await verdictOf(SIGNER, 'select from ledger.ledger_entry')).toBe('allowed');
  });
});

describe('a halt', () => {
  it('stops appending and says so to who decides and executes, until it is lifted', async () => {
    const healthy = async () => {
      const { rows } = await ledger.client.query<{ decision: boolean; execution: boolean }>(
        `select d.healthy as decision, x.healthy as execution from ledger.health_for_decision d, ledger.health_for_execution x`,
      );
      return rows[0];
    };
    await ledger.client.query('select ledger.beat()');
    expect(await healthy()).toEqual({ decision: true, execution: true });
    await ledger.client.query(`select ledger.halt(0::smallint, 'STATE_MISMATCH', 'first')`);
    await ledger.client.query(`select ledger.halt(0::smallint, 'STATE_MISMATCH', 'second')`);
    expect(await healthy()).toEqual({ decision: false, execution: false });
    await expect(ledger.append(1)).rejects.toMatchObject({
      code: '57P03',
      message: expect.stringContaining('first'),
    });
    const lift = () =>
      ledger.client.query<{ lifted: boolean }>('select ledger.lift_halt(0::smallint) as lifted');
    expect((await lift()).rows).toEqual([{ lifted: true }]);
    expect((await lift()).rows).toEqual([{ lifted: false }]);
    await ledger.append(1);
    await ledger.client.query('select ledger.beat()');
    expect(await healthy()).toEqual({ decision: true, execution: true });
  });

  it('is declared and lifted by the signer alone', async () => {
    const statements = [
      `select ledger.halt(0::smallint, 'TEST', 'x')`,
      'select ledger.lift_halt(0::smallint)',
    ];
    for (const statement of statements) {
      expect(await verdictOf(SIGNER, statement)).toBe('allowed');
      expect(await verdictOf('sentinelops_ledger', statement)).toBe(REFUSED);
      expect(await verdictOf('sentinelops_decision', statement)).toBe(REFUSED);
    }
  });
});
